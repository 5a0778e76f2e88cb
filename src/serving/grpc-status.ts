/** gRPC's status codes by name: `GrpcStatus.NOT_FOUND` is 5. */
export { status as GrpcStatus } from '@grpc/grpc-js';
