import { status } from '@grpc/grpc-js';
import { ModelMismatchError, ModelOutputError, ServingDeadlineError, ServingOverloadedError, ServingRejectedError, ServingUnavailableError, type SightlineError } from '../core/errors.js';
import { probeEndpoint, type EndpointFinding } from './probe-endpoint.js';

/** How a call to a backend ended badly. */
export type CallFailure = {
  readonly endpoint: string;
  /** gRPC's status code. */
  readonly grpcCode: number;
  /** The backend's own words, or grpc-js's. */
  readonly details: string;
  readonly deadlineMs: number;
  /** Whether a connection to the backend stood when the call ended: then the words are the backend's. */
  readonly isConnected: boolean;
  /** Whether one stood when the call was made. */
  readonly wasConnected: boolean;
  readonly usesTls: boolean;
  readonly cause: unknown;
};

/** A backend's words are cut here: TensorFlow's errors can carry half a graph. */
const MAX_DETAILS_LENGTH = 400;
/** The address was tried a moment ago; a local or nearby one answers within this. */
const PROBE_TIMEOUT_MS = 500;

/** Turns a failed call into one of the project's errors, its message one line that names the backend and says what to do where that is known. */
export async function toServingError(failure: CallFailure): Promise<SightlineError> {
  const { endpoint, grpcCode, cause } = failure;
  const details = oneLine(failure.details);
  const backend = `backend ${endpoint}`;
  switch (grpcCode as status) {
    case status.UNAVAILABLE:
      return unavailable(failure, details);
    case status.RESOURCE_EXHAUSTED:
      // grpc-js's own words, for an answer beyond `maxMessageBytes`.
      if (details.startsWith('Received message larger than max')) return new ModelOutputError(`${backend} gave an answer that is too large: ${details}`, { cause });
      return new ServingOverloadedError(`${backend} has not the means for this request: ${details}`, { cause, isQueueFull: false });
    case status.CANCELLED:
      return new ServingUnavailableError(`${backend} gave the call up: ${details}`, { cause, reached: true });
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return new ServingRejectedError(`${backend} does not let us in: ${details} (${nameOf(grpcCode)}); set backend.tls.cert and backend.tls.key if it asks for a certificate`, { cause });
    case status.DEADLINE_EXCEEDED:
      return new ServingDeadlineError(
        failure.isConnected || failure.wasConnected
          ? `${backend} did not answer within ${String(failure.deadlineMs)} ms`
          : `${backend} did not answer within ${String(failure.deadlineMs)} ms, not even to connect: is that TensorFlow Serving's gRPC port?`,
        { cause },
      );
    case status.INVALID_ARGUMENT:
    case status.FAILED_PRECONDITION:
    case status.NOT_FOUND:
    case status.UNIMPLEMENTED:
      // grpc-js's own words, for an answer whose message is not there or not whole.
      if (details === 'No message received') return new ModelOutputError(`${backend} gave an answer that is cut off`, { cause });
      return new ModelMismatchError(`${backend} refuses the request: ${details} (${nameOf(grpcCode)})`, { cause });
    case status.INTERNAL:
      if (ENDED_BY_PEER.test(details)) return new ServingUnavailableError(`${backend} ended the connection: ${details}`, { cause, reached: true });
      return new ServingRejectedError(`${backend} failed: ${details} (${nameOf(grpcCode)})`, { cause });
    default:
      return new ServingRejectedError(`${backend} failed: ${details} (${nameOf(grpcCode)})`, { cause });
  }
}

/** grpc-js's own words for a stream that the server closed before it did anything. */
const REFUSED_STREAM = 'Stream refused by server';
/** … for a connection that broke, and for a gateway that answers in the backend's place. */
const BROKEN = /^(Connection dropped|Received HTTP status code )/;
/** … for a connection that the server ended for a reason of its own (GOAWAY with an error): node:http2 calls it an error of the client. */
const ENDED_BY_PEER = /Session closed with error code/;
/** TensorFlow Serving's words for a model whose labels are not assigned yet. */
const NOT_READY = /labels does not init yet/;

/** Tells a server that is full from one that is not there. */
async function unavailable(failure: CallFailure, details: string): Promise<SightlineError> {
  const { endpoint, cause, isConnected, wasConnected } = failure;
  if (details === REFUSED_STREAM) return new ServingUnavailableError(`backend ${endpoint} takes no more calls over this connection`, { cause, reached: false });
  if (isConnected && !BROKEN.test(details)) {
    const message = `backend ${endpoint} is unavailable: ${details}`;
    return NOT_READY.test(details) ? new ServingUnavailableError(message, { cause, reached: false }) : new ServingOverloadedError(message, { cause, isQueueFull: true });
  }
  if (isConnected) return new ServingUnavailableError(`backend ${endpoint} is unavailable: ${details}`, { cause, reached: true });
  return new ServingUnavailableError(describeFinding(failure, await probeEndpoint(endpoint, PROBE_TIMEOUT_MS), details), { cause, reached: wasConnected });
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
      return failure.usesTls ? describeTlsFailure(backend, details) : `${backend} speaks TLS: set backend.tls`;
    case 'other':
      return failure.usesTls ? describeTlsFailure(backend, details) : `${backend} does not speak gRPC (HTTP/2)`;
    case 'http2':
      return failure.usesTls ? `${backend} does not speak TLS: leave out backend.tls` : `${backend} lost the connection: ${details}`;
  }
}

/** What grpc-js puts around the words of Node's TLS. */
const WRAPPING = /^No connection established\. Last error: (Error: )?|\.? ?Resolution note:.*$/g;

/** Without a certificate of ours some servers end the connection before, some after they have said why. */
function describeTlsFailure(backend: string, details: string): string {
  const reason = details.replace(WRAPPING, '').trim();
  if (/certificate|altname/i.test(reason) && !/alert/i.test(reason)) return `${backend} has a certificate that is not to be trusted: ${reason}: is backend.tls.ca its authority?`;
  return `${backend} ends the connection during TLS: ${reason}; does it ask for a certificate? Then set backend.tls.cert and backend.tls.key`;
}

function nameOf(grpcCode: number): string {
  return status[grpcCode] ?? `status ${String(grpcCode)}`;
}

function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > MAX_DETAILS_LENGTH ? `${line.slice(0, MAX_DETAILS_LENGTH)}…` : line;
}
