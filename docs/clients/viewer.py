"""Watches one stream: python3 viewer.py URL STREAM [TOKEN] [--frames N]      needs: pip install websockets"""
import argparse, json, math, re, sys, time
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

parser = argparse.ArgumentParser()
for name, options in {"url": {}, "stream": {}, "token": {"nargs": "?"}, "--frames": {"type": float, "default": math.inf}}.items():
    parser.add_argument(name, **options)
args = parser.parse_args()
headers = {"Authorization": f"Bearer {args.token}"} if args.token else {}
try:
    with connect(re.sub("^http", "ws", args.url.rstrip("/")) + "/ws", subprotocols=["sightline.v1"], additional_headers=headers, max_size=None) as socket:
        hello = json.loads(socket.recv())
        ahead_ms = hello["nowMs"] - time.time() * 1000
        socket.send(json.dumps({"type": "subscribe", "stream": args.stream}))
        seq = 0  # acknowledged before the first frame: no more than two frames are ever on their way
        while args.frames > 0:
            socket.send(json.dumps({"type": "ack", "stream": args.stream, "seq": seq}))
            while isinstance(message := socket.recv(), str):
                if (said := json.loads(message))["type"] in ("error", "removed"):
                    sys.exit(said.get("message", "the stream is gone"))
            header_end = 4 + int.from_bytes(message[:4], "little")
            header = json.loads(message[4:header_end])
            with open(f"{args.stream}.jpg", "wb") as file:
                file.write(message[header_end:])
            seq, labels = header["seq"], ", ".join(found["label"] for found in header["detections"])
            print(seq, round(time.time() * 1000 + ahead_ms - header["capturedAtMs"]), "ms", labels, flush=True)
            args.frames -= 1
except (ConnectionClosed, InvalidHandshake, OSError) as error:
    sys.exit(str(error))
