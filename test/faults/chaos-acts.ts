import { status } from '@grpc/grpc-js';
import { signal, type ChaosWorld } from './chaos-world.js';
import type { SeededRandom } from './seeded-random.js';

type Act = (world: ChaosWorld, random: SeededRandom) => void | Promise<void>;

/** Streams that come and go beside those that stay. */
export const EXTRAS = ['extra-1', 'extra-2', 'extra-3'] as const;

/** What may happen, by name; what is good for the service is in between, or nothing would ever run. */
const ACTS: Readonly<Record<string, Act>> = {
  'kill a program': (world, random) => onProgram(world, random, 'SIGKILL'),
  'end a program': (world, random) => onProgram(world, random, 'SIGTERM'),
  'stop a program': (world, random) => onProgram(world, random, 'SIGSTOP'),
  'let stopped programs go on': async (world) => {
    for (const { pid, state } of await world.programs()) if (state === 'T') signal(pid, 'SIGCONT');
  },
  'stop a camera': (world, random) => { random.pick(world.cameras)?.signal('SIGSTOP'); },
  'let cameras go on': (world) => {
    for (const camera of world.cameras) camera?.signal('SIGCONT');
  },
  'switch a camera off': (world, random) => world.switchCamera(random.integer(0, world.cameras.length - 1), false),
  'switch a camera on': (world, random) => world.switchCamera(random.integer(0, world.cameras.length - 1), true),
  'reset connections': (world, random) => { random.pick(world.proxies).cut('reset'); },
  'end connections': (world, random) => { random.pick(world.proxies).cut('end'); },
  'close one direction': (world, random) => { random.pick(world.proxies).halfClose(random.pick(['up', 'down'])); },
  'black-hole a connection': (world, random) => { random.pick(world.proxies).blackHole(true); },
  'spoil bytes': (world, random) => {
    const everyBytes = random.pick([200, 5_000, 100_000]);
    random.pick(world.proxies).down.spoil = (piece) => {
      for (let at = random.integer(0, everyBytes); at < piece.length; at += random.integer(1, everyBytes)) piece.writeUInt8(random.integer(0, 255), at);
    };
  },
  'cut after some bytes': (world, random) => { random.pick(world.proxies).down.cutAfter = { bytes: random.integer(1, 50_000), how: random.pick(['end', 'reset']) }; },
  'slow a connection down': (world, random) => { Object.assign(random.pick(world.proxies).down, { latencyMs: random.integer(0, 500), bytesPerSecond: random.pick([null, 100, 5_000]), pieceBytes: 100 }); },
  'pull a plug': (world, random) => random.pick(world.proxies).unplug(),
  'put the plugs back': async (world) => {
    for (const proxy of world.proxies) await proxy.plug();
  },
  'heal a connection': async (world, random) => {
    const proxy = random.pick(world.proxies);
    proxy.heal();
    await proxy.plug();
  },
  'pause or play a stream': (world, random) => world.control(random.pick(world.definitions).id, { action: random.pick(['pause', 'play', 'play']) }),
  'seek in the recording': (world, random) => world.control('recording', { action: 'seek', positionMs: random.integer(0, 11_000) }),
  'step in the recording': (world, random) => world.control('recording', { action: 'step', frames: random.pick([-30, -2, -1, 1, 3, 20]) }),
  'change the speed of the recording': (world, random) => world.control('recording', { action: 'speed', speed: random.pick([0.5, 1, 1, 4, 16, 'max']) }),
  'add a stream': async (world, random) => {
    await world.api('POST', '/api/streams', world.extra(random.pick(EXTRAS), random.pick(['file', 'file', 'dead'])));
  },
  'remove a stream': async (world, random) => {
    await world.api('DELETE', `/api/streams/${random.pick(EXTRAS)}`);
  },
  'slow the backend down': (world, random) => { world.serving.script.delayMs = random.pick([0, 30, 300]); },
  'let the backend fail': (world) => { world.serving.script.failWith = { grpcCode: status.INTERNAL, message: 'chaos' }; },
  'let the backend hang': (world) => { world.serving.script.hang = true; },
  'let the backend be full': (world) => { world.serving.script.failWith = { grpcCode: status.UNAVAILABLE, message: 'The batch scheduling queue to which this task was submitted is full' }; },
  'have the backend answer nonsense': (world) => { world.serving.script.rawAnswer = Buffer.from('nonsense'); },
  'take the model out of the backend': (world) => { world.serving.script.failWith = { grpcCode: status.NOT_FOUND, message: 'Servable not found for request: Latest(default)' }; },
  'take the backend away': (world) => world.takeBackendAway(),
  'bring the backend back': (world) => world.bringBackendBack(),
  'heal the backend': (world) => { Object.assign(world.serving.script, { hang: false, failWith: null, rawAnswer: null, delayMs: 0 }); },
  'a viewer comes': (world) => world.viewerComes(),
  'viewers go': (world, random) => world.viewersGo(random.pick(['politely', 'abruptly'])),
};

/** Does something by chance; says what. */
export async function actAtRandom(world: ChaosWorld, random: SeededRandom): Promise<string> {
  const name = random.pick(Object.keys(ACTS));
  await ACTS[name]?.(world, random);
  return name;
}

async function onProgram(world: ChaosWorld, random: SeededRandom, name: NodeJS.Signals): Promise<void> {
  const programs = await world.programs();
  if (programs.length > 0) signal(random.pick(programs).pid, name);
}
