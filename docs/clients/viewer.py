"""Watches one stream: python3 viewer.py URL STREAM [TOKEN] [--frames N]      needs: pip install websocket-client (Debian: python3-websocket)"""
import argparse, json, math, re, sys, time
import websocket

parser = argparse.ArgumentParser()
for name, options in {"url": {}, "stream": {}, "token": {"nargs": "?"}, "--frames": {"type": float, "default": math.inf}}.items():
    parser.add_argument(name, **options)
args = parser.parse_args()
headers = [f"Authorization: Bearer {args.token}"] if args.token else []
try:
    socket = websocket.create_connection(re.sub("^http", "ws", args.url.rstrip("/")) + "/ws", subprotocols=["sightline.v1"], header=headers)
    ahead_ms = json.loads(socket.recv())["nowMs"] - time.time() * 1000
    socket.send(json.dumps({"type": "subscribe", "stream": args.stream}))
    seq = 0  # acknowledged before the first frame: no more than two frames are ever on their way
    while args.frames > 0:
        socket.send(json.dumps({"type": "ack", "stream": args.stream, "seq": seq}))
        while (received := socket.recv_data())[0] != websocket.ABNF.OPCODE_BINARY:
            if received[0] == websocket.ABNF.OPCODE_CLOSE:
                sys.exit(f"closed: {int.from_bytes(received[1][:2], 'big')} {received[1][2:].decode()}")
            if (said := json.loads(received[1]))["type"] in ("error", "removed"):
                sys.exit(said.get("message", "the stream is gone"))
        header_end = 4 + int.from_bytes(received[1][:4], "little")
        header = json.loads(received[1][4:header_end])
        with open(f"{args.stream}.jpg", "wb") as file:
            file.write(received[1][header_end:])
        seq, labels = header["seq"], ", ".join(found["label"] for found in header["detections"])
        print(seq, round(time.time() * 1000 + ahead_ms - header["capturedAtMs"]), "ms", labels, flush=True)
        args.frames -= 1
except (websocket.WebSocketException, OSError) as error:
    sys.exit(str(error))
