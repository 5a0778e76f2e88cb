"""The C-core of gRPC, through Python: a server that answers every call with the same bytes, and a client that makes calls of the same bytes.

grpcio_peer.py serve ANSWER_FILE            prints its port, ends with its standard input
grpcio_peer.py call PORT BYTES CALLS FLIGHT  prints the seconds that so many calls took, so many of them in flight
"""

import concurrent.futures
import sys
import threading
import time

import grpc

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
METHOD = "/tensorflow.serving.PredictionService/Predict"


class AnswerAll(grpc.GenericRpcHandler):
    def __init__(self, answer):
        self.handler = grpc.unary_unary_rpc_method_handler(lambda request, context: answer)

    def service(self, details):
        return self.handler


def serve(path):
    with open(path, "rb") as file:
        answer = file.read()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), handlers=[AnswerAll(answer)], options=UNLIMITED)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(0)


def call(port, size, calls, flight):
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=UNLIMITED)
    predict = channel.unary_unary(METHOD)
    request = bytes(size)
    predict(request, timeout=10)
    room = threading.Semaphore(flight)
    started = time.perf_counter()
    answers = []
    for _ in range(calls):
        room.acquire()
        answer = predict.future(request, timeout=30)
        answer.add_done_callback(lambda _: room.release())
        answers.append(answer)
    for answer in answers:
        answer.result()
    print(time.perf_counter() - started, flush=True)


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    call(*(int(argument) for argument in sys.argv[2:]))
