"""Runs SavedModels as TensorFlow Serving does, and as TensorFlow 2 does.

usage: run_saved_model.py MODELS < PICTURES

MODELS is JSON: of each its folder and shapes, one [n, height, width, 3] for each batch; PICTURES are their bytes, one batch after the other. Prints one JSON value, for each model: what the
C++ loader (the one of TensorFlow Serving) says, the kinds of operators that the graph has, and for each batch the outputs of a session on the graph, each as shape and flat values, and how
far those of the loaded function are off.
"""
import ctypes
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402


def load_in_cpp(folder):
    """TF_LoadSessionFromSavedModel of TensorFlow's C API, which is tensorflow::LoadSavedModel."""
    library = ctypes.CDLL(os.path.join(os.path.dirname(tf.__file__), "libtensorflow_cc.so.2"))
    for name, result in (("TF_NewStatus", ctypes.c_void_p), ("TF_NewGraph", ctypes.c_void_p), ("TF_NewSessionOptions", ctypes.c_void_p), ("TF_LoadSessionFromSavedModel", ctypes.c_void_p), ("TF_Message", ctypes.c_char_p), ("TF_GetCode", ctypes.c_int)):
        getattr(library, name).restype = result
    status = ctypes.c_void_p(library.TF_NewStatus())
    tags = (ctypes.c_char_p * 1)(b"serve")
    options = ctypes.c_void_p(library.TF_NewSessionOptions())
    graph = ctypes.c_void_p(library.TF_NewGraph())
    session = library.TF_LoadSessionFromSavedModel(options, None, folder.encode(), tags, 1, graph, None, status)
    if library.TF_GetCode(status) != 0:
        return library.TF_Message(status).decode()
    library.TF_CloseSession(ctypes.c_void_p(session), status)
    return "OK"


def off(one, other):
    return float(numpy.max(numpy.abs(one - other), initial=0)) if one.shape == other.shape else 1e9


def run(folder, batches):
    function = tf.saved_model.load(folder).signatures["serving_default"]
    in_function = [{name: value.numpy() for name, value in function(inputs=tf.constant(batch)).items()} for batch in batches]
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        signature = tf.compat.v1.saved_model.load(session, ["serve"], folder).signature_def["serving_default"]
        fetches = {name: info.name for name, info in signature.outputs.items()}
        in_session = [session.run(fetches, {signature.inputs["inputs"].name: batch}) for batch in batches]
        operators = sorted({node.op for node in session.graph.as_graph_def().node})
    answers = [{
        "outputs": {name: {"shape": list(value.shape), "dtype": str(value.dtype), "values": value.ravel().tolist()} for name, value in outputs.items()},
        "functionOff": max(off(value, again[name]) for name, value in outputs.items()),
    } for outputs, again in zip(in_session, in_function)]
    return {"loader": load_in_cpp(folder), "operators": operators, "answers": answers}


def main():
    data = sys.stdin.buffer.read()
    offset, ran = 0, []
    for model in json.loads(sys.argv[1]):
        batches = []
        for shape in model["shapes"]:
            size = int(numpy.prod(shape))
            batches.append(numpy.frombuffer(data, dtype=numpy.uint8, count=size, offset=offset).reshape(shape))
            offset += size
        ran.append(run(model["folder"], batches))
    print(json.dumps(ran))


main()
