/** The file that makes a folder a SavedModel. */
export const SAVED_MODEL_FILE = 'saved_model.pb';
/** Tag of the graph that is for serving. */
export const SERVE_TAG = 'serve';
/** Signature that is meant when none is named. */
export const DEFAULT_SIGNATURE = 'serving_default';
