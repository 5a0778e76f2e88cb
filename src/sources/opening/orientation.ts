import type { Size } from '../../core/geometry.js';

/** How a coded picture must be turned to stand upright. */
export type Orientation = {
  /** ffmpeg filters that turn it; empty when it stands upright already. */
  readonly filters: readonly string[];
  /** Whether width and height change places. */
  readonly swapsSides: boolean;
};

export const UPRIGHT: Orientation = { filters: [], swapsSides: false };

/** Signs of the matrix `[a b; c d]` that maps coded to upright pixels → filters. The eight ways a rectangle can lie. */
const BY_SIGNS: Readonly<Record<string, Orientation>> = {
  '+00+': UPRIGHT,
  '-00-': { filters: ['hflip', 'vflip'], swapsSides: false },
  '-00+': { filters: ['hflip'], swapsSides: false },
  '+00-': { filters: ['vflip'], swapsSides: false },
  '0+-0': { filters: ['transpose=clock'], swapsSides: true },
  '0-+0': { filters: ['transpose=cclock'], swapsSides: true },
  '0++0': { filters: ['transpose=cclock_flip'], swapsSides: true },
  '0--0': { filters: ['transpose=clock_flip'], swapsSides: true },
};

/** What ffprobe tells about a stream's rotation. */
export type RotationFacts = {
  /** The display matrix as ffprobe prints it: three rows of `offset: a b u`. */
  readonly displayMatrix?: string | undefined;
  /** Degrees, counter-clockwise, of the side data. */
  readonly rotationDegrees?: number | undefined;
  /** The `rotate` tag: degrees, clockwise. */
  readonly rotateTag?: string | undefined;
};

/** Finds how to turn the picture upright; angles that are not multiples of 90° (±1°) count as upright. */
export function orientationOf(facts: RotationFacts): Orientation {
  const fromMatrix = facts.displayMatrix === undefined ? null : bySigns(parseMatrix(facts.displayMatrix));
  if (fromMatrix !== null) return fromMatrix;
  if (facts.rotationDegrees !== undefined) return byAngle(-facts.rotationDegrees);
  return facts.rotateTag === undefined ? UPRIGHT : byAngle(Number(facts.rotateTag));
}

/** Size of the upright picture in square pixels. The sample aspect widens (or narrows) the coded picture before it is turned. */
export function uprightSize(coded: Size, sampleAspect: number, orientation: Orientation): Size {
  const widthPx = Math.max(1, Math.round(coded.widthPx * sampleAspect));
  return orientation.swapsSides ? { widthPx: coded.heightPx, heightPx: widthPx } : { widthPx, heightPx: coded.heightPx };
}

function parseMatrix(text: string): readonly number[] {
  return [...text.matchAll(/^[0-9a-f]+:\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)/gimu)].slice(0, 2).flatMap((row) => [Number(row[1]), Number(row[2])]);
}

function bySigns(matrix: readonly number[]): Orientation | null {
  const largest = Math.max(...matrix.map(Math.abs));
  if (matrix.length !== 4 || largest === 0) return null;
  // sin 1° = 0.017: smaller parts are rounding of a right angle
  const signs = matrix.map((value) => (Math.abs(value) < largest * 0.0175 ? '0' : value > 0 ? '+' : '-')).join('');
  return BY_SIGNS[signs] ?? null;
}

function byAngle(clockwiseDegrees: number): Orientation {
  const turns = Math.round(clockwiseDegrees / 90);
  if (!Number.isFinite(turns) || Math.abs(clockwiseDegrees - turns * 90) > 1) return UPRIGHT;
  return BY_SIGNS[['+00+', '0+-0', '-00-', '0-+0'][((turns % 4) + 4) % 4] ?? ''] ?? UPRIGHT;
}
