import type { Client } from '@grpc/grpc-js';
import { status, type ClientUnaryCall, type ServiceError } from '@grpc/grpc-js';

/** How a call to a backend ended badly. */
export type CallFailure = {
  readonly endpoint: string;
  /** gRPC's status code. */
  readonly grpcCode: number;
  /** The backend's own words, or grpc-js's. */
  readonly details: string;
  readonly deadlineMs: number;
  /** Whether a connection to the backend stood when the call ended. */
  readonly isConnected: boolean;
  /** Whether the call got a connection at all: then its request may have been sent. */
  readonly wasSent: boolean;
  /** Whether the backend itself (or a proxy before it) chose code and words; else grpc-js did. */
  readonly isSaidByServer: boolean;
  readonly usesTls: boolean;
  readonly cause: unknown;
};

/** What grpc-js 1.14.7 says itself when a stream ends without the server's status, or before there was one (subchannel-call.ts, transport.ts, picker.ts). */
const WORDS_OF_GRPC_JS =
  /^(Stream refused by server|Connection dropped|Call cancelled|Cancelled on client|Bandwidth exhausted or memory limit exceeded|Protocol not secure enough|Received RST_STREAM with code|Received HTTP status code|No status information received|No connection established|Name resolution failed|Failed to start HTTP\/2 stream|Write error:|Write failed|(read|write|connect) E[A-Z]+|Channel closed)/;
const REFUSED_STREAM = 'Stream refused by server';
/** The three ways in which grpc-js keeps the limits of messages; the numbers are the sizes of the message. */
const RECEIVE_LIMIT = /^Received message (?:larger than max \((\d+) vs \d+\)|that decompresses to a size larger than (\d+))/;
const SEND_LIMIT = /^Attempted to send message with a size larger than \d+/;

/** Finds out what the end of a call tells about the way there. To be asked when the call has just ended. */
export function observeEnd(client: Client, call: ClientUnaryCall, error: ServiceError, hasHeaders: boolean): Pick<CallFailure, 'wasSent' | 'isSaidByServer'> {
  const peer = call.getPeer();
  return {
    // Until a call has a stream, its peer is the target of the channel, or unknown.
    wasSent: peer !== 'unknown' && peer !== client.getChannel().getTarget(),
    // A status without anything before it comes in the headers, whose content type grpc-js leaves in place; after headers there is only the text.
    isSaidByServer: error.metadata.get('content-type').length > 0 || (hasHeaders && !isOfGrpcJs(error)),
  };
}

/** Whether the server would not take the stream: it did nothing with it. */
export function isStreamRefused(failure: CallFailure): boolean {
  return !failure.isSaidByServer && failure.grpcCode === (status.UNAVAILABLE as number) && failure.details === REFUSED_STREAM;
}

/** Which of our own limits for messages ended the call, or `null`. */
export function brokenLimit(failure: CallFailure): 'receive' | 'send' | null {
  if (failure.isSaidByServer || failure.grpcCode !== (status.RESOURCE_EXHAUSTED as number)) return null;
  if (RECEIVE_LIMIT.test(failure.details)) return 'receive';
  return SEND_LIMIT.test(failure.details) ? 'send' : null;
}

function isOfGrpcJs({ details, code }: ServiceError): boolean {
  return WORDS_OF_GRPC_JS.test(details) || (code === status.RESOURCE_EXHAUSTED && (RECEIVE_LIMIT.test(details) || SEND_LIMIT.test(details)));
}
