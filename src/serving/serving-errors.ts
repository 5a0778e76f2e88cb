import { status } from '@grpc/grpc-js';
import { ModelMismatchError, ModelOutputError, ServingDeadlineError, ServingOverloadedError, ServingRejectedError, ServingUnavailableError, type SightlineError } from '../core/errors.js';
import { brokenLimit, isStreamRefused, type CallFailure } from './call-failure.js';
import { probeEndpoint, type EndpointFinding } from './probe-endpoint.js';
import { describeTlsFailure } from './tls.js';

/** A backend's words are cut here: TensorFlow's errors can carry half a graph. */
const MAX_DETAILS_LENGTH = 400;
/** The address was tried a moment ago; a local or nearby one answers within this. */
const PROBE_TIMEOUT_MS = 500;

/** What is answered UNAVAILABLE before a request was worked on, beside a full queue: TensorFlow Serving sets its labels when its models have loaded, our own server has lost
 * what computes. */
const NOT_READY = /^(Model labels does not init yet|No engine process is running)/;
/** Ends of servers, of proxies whose server behind them is gone, and of our own server's engine: nobody there has too much to do. */
const GOING_AWAY = /shut(ting)?[ -]?down|\bupstream\b|Cancelling all calls|^The engine process ended/i;

/** Turns a failed call into one of the project's errors, its message one line that names the backend and says what to do where that is known. */
export async function toServingError(failure: CallFailure): Promise<SightlineError> {
  const { endpoint, grpcCode, cause, isConnected, isSaidByServer } = failure;
  const details = oneLine(failure.details);
  const backend = `backend ${endpoint}`;
  switch (grpcCode as status) {
    case status.UNAVAILABLE:
      return isSaidByServer ? unavailableByItsOwnWords(failure, details) : brokenConnection(failure, details);
    case status.CANCELLED:
      return new ServingUnavailableError(`${backend} gave up the call: ${details}`, { cause, reached: true });
    case status.DEADLINE_EXCEEDED:
      return new ServingDeadlineError(
        isConnected || failure.wasSent
          ? `${backend} did not answer within ${String(failure.deadlineMs)} ms`
          : `${backend} did not answer within ${String(failure.deadlineMs)} ms, not even to connect: is that TensorFlow Serving's gRPC port?`,
        { cause },
      );
    case status.RESOURCE_EXHAUSTED:
      return exhausted(failure, details);
    case status.INVALID_ARGUMENT:
    case status.FAILED_PRECONDITION:
    case status.NOT_FOUND:
    case status.UNIMPLEMENTED:
      return new ModelMismatchError(`${backend} refuses the request: ${details} (${nameOf(grpcCode)})`, { cause });
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return new ServingRejectedError(`${backend} does not let us in: ${details} (${nameOf(grpcCode)}); give it a certificate that it trusts (backend.tls: cert and key), or let this machine in there`, { cause });
    default:
      // Without a connection it is the connection that failed, whatever code grpc-js gives it: a GOAWAY with an error is INTERNAL.
      if (!isSaidByServer && !isConnected) return brokenConnection(failure, details);
      return new ServingRejectedError(`${backend} failed: ${details} (${nameOf(grpcCode)})`, { cause });
  }
}

function unavailableByItsOwnWords({ endpoint, cause }: CallFailure, details: string): SightlineError {
  const message = `backend ${endpoint} is unavailable: ${details}`;
  if (NOT_READY.test(details)) return new ServingUnavailableError(message, { cause, reached: false });
  if (GOING_AWAY.test(details)) return new ServingUnavailableError(message, { cause, reached: true });
  return new ServingOverloadedError(`backend ${endpoint} has no room: ${details}`, { cause, isQueueFull: true });
}

async function brokenConnection(failure: CallFailure, details: string): Promise<SightlineError> {
  const { endpoint, cause } = failure;
  if (isStreamRefused(failure)) return new ServingUnavailableError(`backend ${endpoint} takes no more calls on its connection`, { cause, reached: false });
  // Who was sent the request speaks gRPC: what is left to find out would only hold up the next try.
  if (failure.wasSent) {
    const what = failure.isConnected ? `backend ${endpoint} gave no answer` : `backend ${endpoint} lost the connection`;
    return new ServingUnavailableError(`${what}: ${details}`, { cause, reached: true });
  }
  const tls = failure.usesTls ? describeTlsFailure(failure.details) : null;
  if (tls !== null) return new ServingUnavailableError(`backend ${endpoint} ${tls}`, { cause, reached: false });
  return new ServingUnavailableError(describeFinding(failure, await probeEndpoint(endpoint, PROBE_TIMEOUT_MS), details), { cause, reached: false });
}

function exhausted(failure: CallFailure, details: string): SightlineError {
  const { endpoint, cause } = failure;
  switch (brokenLimit(failure)) {
    case 'receive':
      return new ModelOutputError(`backend ${endpoint} gave an answer that is too large: ${details}; ask for fewer outputs or images`, { cause });
    case 'send':
      return new ServingRejectedError(`the request to backend ${endpoint} is too large: ${details}`, { cause, retryable: false });
    case null:
      break;
  }
  if (failure.isSaidByServer) return new ServingOverloadedError(`backend ${endpoint} ran out of something: ${details} (RESOURCE_EXHAUSTED)`, { cause, isQueueFull: false });
  // HTTP/2's ENHANCE_YOUR_CALM: on a stream it asks for less, at the end of a connection it says why.
  if (failure.isConnected) return new ServingOverloadedError(`backend ${endpoint} asks for fewer calls: ${details}`, { cause, isQueueFull: true });
  return new ServingUnavailableError(`backend ${endpoint} lost the connection: ${details}`, { cause, reached: true });
}

function describeFinding(failure: CallFailure, finding: EndpointFinding, details: string): string {
  const backend = `backend ${failure.endpoint}`;
  switch (finding) {
    case 'refused':
      return `${backend} refuses connections: is TensorFlow Serving running there?`;
    case 'not-resolved':
      return `${backend} cannot be found: its host name does not resolve`;
    case 'unreachable':
      return `${backend} cannot be reached: no connection within ${String(PROBE_TIMEOUT_MS)} ms; is the address right, and no firewall in between?`;
    case 'http1':
      return `${backend} does not speak gRPC (HTTP/2): it answers as an HTTP/1 server; TensorFlow Serving's gRPC port is 8500 by default, 8501 is its REST port`;
    case 'silent':
      return `${backend} accepts connections but does not answer: is that TensorFlow Serving's gRPC port?`;
    case 'tls':
      return failure.usesTls ? `${backend} speaks TLS and hangs up on us: does it trust our certificate (backend.tls.cert)?` : `${backend} speaks TLS: set backend.tls`;
    case 'other':
      return failure.usesTls ? `${backend} does not accept our TLS: ${details}` : `${backend} does not speak gRPC (HTTP/2)`;
    case 'http2':
      return failure.usesTls ? `${backend} does not speak TLS: leave out backend.tls` : `${backend} lost the connection: ${details}`;
  }
}

function nameOf(grpcCode: number): string {
  return status[grpcCode] ?? `status ${String(grpcCode)}`;
}

function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > MAX_DETAILS_LENGTH ? `${line.slice(0, MAX_DETAILS_LENGTH)}…` : line;
}
