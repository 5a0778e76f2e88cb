import type { Size } from '../../core/geometry.js';
import type { SignatureDef } from '../../serving/metadata-messages.js';
import type { Recipe } from './recipe.js';

/** `servable.json` in a version folder: what `sightline model export` knows of the model it wrote there. */
export type ServableManifest = {
  readonly format: 1;
  readonly kind: 'detection' | 'classification' | 'other';
  /** Of what the version was made: base name, kind and SHA-256 (hex) of the file given. */
  readonly source: { readonly name: string; readonly kind: 'tfjs' | 'frozen-graph' | 'onnx' | 'saved-model'; readonly sha256: string };
  /** `sightline 0.1.0`. */
  readonly producer: string;
  /** The signature `serving_default`. */
  readonly signature: SignatureDef;
  /** Size of pictures that cost no resizing; `null`: any is as good. */
  readonly inputSize: Size | null;
  /** `null` for SavedModels that were taken as they are. */
  readonly recipe: Recipe | null;
  /** Files of the folder; `null` where there is none. */
  readonly files: {
    /** Complete: it answers with `signature`. */
    readonly onnx: string | null;
    /** A graph by itself; what is before and after it is in `recipe`. */
    readonly tfjs: string | null;
    /** Whether there is a SavedModel (`saved_model.pb`), which answers with `signature`. */
    readonly savedModel: boolean;
    readonly labels: string | null;
  };
};

/** A version of a model on disk, read and checked. */
export type ServableFolder = {
  /** Absolute. */
  readonly path: string;
  /** Decimal digits. */
  readonly version: string;
  readonly manifest: ServableManifest;
};
