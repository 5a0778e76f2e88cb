"""Reads and writes messages with TensorFlow Serving's official stubs.

usage: stubs.py < QUESTIONS_JSON     prints one JSON object

QUESTIONS: {"tensors": [{"message": HEX}], "messages": [{"type": NAME, "message": HEX}], "make": [{"dtype": NAME, "shape": [...]}]}
"""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402
from google.protobuf import json_format  # noqa: E402
from tensorflow.core.framework import tensor_pb2  # noqa: E402
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2  # noqa: E402

MESSAGES = {
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
    "GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
    "GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
}
# The value field of each element type, for messages that do not carry tensor_content.
FIELDS = {
    "float": "float_val", "double": "double_val", "int32": "int_val", "uint8": "int_val", "int16": "int_val", "int8": "int_val", "uint16": "int_val",
    "string": "string_val", "complex64": "scomplex_val", "complex128": "dcomplex_val", "int64": "int64_val", "bool": "bool_val", "half": "half_val",
    "bfloat16": "half_val", "uint32": "uint32_val", "uint64": "uint64_val",
}


def describe(array):
    """An array as Node compares it: its bytes, or those of each string."""
    if array.dtype == object:
        return {"shape": list(array.shape), "strings": [bytes(item).hex() for item in array.ravel()]}
    return {"shape": list(array.shape), "bytes": array.tobytes().hex()}


def read_tensor(message):
    proto = tensor_pb2.TensorProto.FromString(bytes.fromhex(message))
    return {"dtype": tf.dtypes.as_dtype(proto.dtype).name, **describe(tf.make_ndarray(proto))}


def read_message(kind, message):
    parsed = MESSAGES[kind].FromString(bytes.fromhex(message))
    return {"dict": json_format.MessageToDict(parsed, preserving_proto_field_name=True), "message": parsed.SerializeToString(deterministic=True).hex()}


def sample(dtype, shape):
    count = int(numpy.prod(shape, dtype=numpy.int64))
    kind = tf.dtypes.as_dtype({"half": "float16", "float": "float32", "double": "float64"}.get(dtype, dtype))
    if dtype == "string":
        return numpy.array([f"n\u00e4chster {index}".encode() for index in range(count)], dtype=object).reshape(shape)
    if dtype == "bool":
        return (numpy.arange(count) % 3 == 1).reshape(shape)
    values = numpy.arange(count) * 7 - (0 if dtype.startswith("u") else 5)
    if dtype.startswith("complex"):
        values = values + 1j * (values + 2)
    return values.astype(kind.as_numpy_dtype).reshape(shape)


def make(dtype, shape):
    """A tensor in every form that TensorFlow gives it."""
    array = sample(dtype, shape)
    content = tf.make_tensor_proto(array)
    proto = tf.make_tensor_proto(array)
    values = tensor_pb2.TensorProto(dtype=proto.dtype, tensor_shape=proto.tensor_shape)
    flat = array.ravel()
    if dtype in ("half", "bfloat16"):
        flat = flat.view(numpy.uint16)
    if dtype.startswith("complex"):
        flat = flat.view(numpy.float32 if dtype == "complex64" else numpy.float64)
    getattr(values, FIELDS[dtype]).extend(flat.tolist())
    forms = {"content": content.SerializeToString().hex(), "values": values.SerializeToString().hex()}
    # One value fills any shape.
    one = tf.make_tensor_proto(array.ravel()[:1])
    repeated = tensor_pb2.TensorProto(dtype=one.dtype, tensor_shape=proto.tensor_shape)
    width = 2 if dtype.startswith("complex") else 1
    getattr(repeated, FIELDS[dtype]).extend(flat.tolist()[:width])
    filled = tf.make_ndarray(repeated)
    return {"dtype": dtype, **describe(array), "forms": forms, "repeated": {"message": repeated.SerializeToString().hex(), **describe(filled)}}


questions = json.load(sys.stdin)
print(json.dumps({
    "tensors": [read_tensor(entry["message"]) for entry in questions["tensors"]],
    "messages": [read_message(entry["type"], entry["message"]) for entry in questions["messages"]],
    "made": [make(entry["dtype"], entry["shape"]) for entry in questions["make"]],
}))
