export { startService, type Service, type ServiceOptions } from './service.js';
export { loadConfig } from './config/load-config.js';
export type { ServiceConfig, StreamConfig } from './config/service-config.js';
export * from './core/errors.js';
export type { ClassScore, Detection, DetectionMask, FrameTimingsMs, Keypoint, ModelIdentity } from './core/frames.js';
export type { StreamMode, StreamState, StreamStatus } from './core/stream-status.js';
export type { ClientMessage, FrameHeader, ServerMessage } from './viewers/protocol.js';
export { createLogger, type Logger, type LoggerOptions } from './telemetry/logger.js';
