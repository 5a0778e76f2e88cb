import { pictureQuerySchema } from '../picture-routes.js';
import { persistQuerySchema } from '../stream-routes.js';
import type { PathTable } from './operation.js';

const STATUS = { description: 'The stream', schema: 'StreamStatus' };
const BAD_BODY = ['bad-json', 'bad-stream', 'bad-query', 'bad-id'];
const NO_STREAM = ['unknown-stream'];

/** Streams: to look at, to control, to add, to change, to remove. */
export const STREAM_PATHS: PathTable = {
  '/api/streams': {
    get: { operationId: 'listStreams', tag: 'streams', summary: 'What each stream is doing', access: 'token', answers: { 200: { description: 'The streams that the token covers', schema: 'StreamList' } } },
    post: {
      operationId: 'addStream',
      tag: 'changes',
      summary: 'Add a stream and start it',
      access: 'operator',
      query: persistQuerySchema,
      body: 'StreamDefinition',
      answers: { 201: { description: 'The stream; Location says where it is', schema: 'StreamStatus' }, 400: BAD_BODY, 403: ['forbidden', 'source-not-allowed'], 404: ['not-found'], 409: ['stream-exists', 'too-many-streams', 'not-writable'], 415: ['unsupported-media-type'] },
    },
  },
  '/api/streams/{id}': {
    get: { operationId: 'getStream', tag: 'streams', summary: 'What a stream is doing', access: 'token', answers: { 200: STATUS, 400: ['bad-id'], 404: NO_STREAM } },
    patch: {
      operationId: 'changeStream',
      tag: 'changes',
      summary: 'Change some keys of a stream; its viewers stay',
      access: 'operator',
      query: persistQuerySchema,
      body: 'StreamPatch',
      answers: { 200: STATUS, 400: BAD_BODY, 403: ['forbidden', 'source-not-allowed'], 404: ['unknown-stream', 'not-found'], 409: ['not-writable'], 415: ['unsupported-media-type'] },
    },
    delete: { operationId: 'removeStream', tag: 'changes', summary: 'Stop a stream and remove it', access: 'operator', query: persistQuerySchema, answers: { 204: { description: 'It is gone' }, 400: ['bad-id', 'bad-query'], 404: ['unknown-stream', 'not-found'], 409: ['not-writable'] } },
  },
  '/api/streams/{id}/definition': {
    get: { operationId: 'getDefinition', tag: 'changes', summary: 'How a stream is defined', access: 'operator', answers: { 200: { description: 'Its definition, without secrets', schema: 'StoredDefinition' }, 400: ['bad-id'], 404: NO_STREAM } },
  },
  '/api/streams/{id}/control': {
    post: {
      operationId: 'controlStream',
      tag: 'changes',
      summary: 'Pause, play, seek, step or set the speed; a live stream knows pause and play only',
      access: 'operator',
      body: 'Command',
      answers: { 200: { description: 'The stream, as it is now: how the command went is seen in what follows', schema: 'StreamStatus' }, 400: ['bad-json', 'bad-command', 'bad-id'], 404: NO_STREAM, 409: ['not-supported'], 415: ['unsupported-media-type'] },
    },
  },
  '/api/streams/{id}/snapshot.jpg': {
    get: { operationId: 'getSnapshot', tag: 'pictures', summary: 'The newest frame, boxes drawn', access: 'token', query: pictureQuerySchema, answers: { 200: { description: 'A JPEG', mediaType: 'image/jpeg' }, 400: ['bad-query', 'bad-id'], 404: NO_STREAM, 503: ['no-frame', 'annotation'] } },
  },
  '/api/streams/{id}/mjpeg': {
    get: { operationId: 'watchStream', tag: 'pictures', summary: 'Frames as they come, boxes drawn, until the client goes', access: 'token', query: pictureQuerySchema, answers: { 200: { description: 'JPEGs without end', mediaType: 'multipart/x-mixed-replace' }, 400: ['bad-query', 'bad-id'], 404: NO_STREAM } },
  },
  '/api/streams/{id}/timeline': {
    get: { operationId: 'getTimeline', tag: 'streams', summary: 'What was found where in a recording, as far as it was shown', access: 'token', answers: { 200: { description: 'The timeline', schema: 'Timeline' }, 400: ['bad-id'], 404: NO_STREAM, 409: ['not-supported'] } },
  },
};
