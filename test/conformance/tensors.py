"""Reads and writes TensorFlow's messages with its own code, for comparison with Sightline's.

usage: tensors.py < QUESTIONS     prints the answers; both are one JSON object, bytes are in hex
"""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402
from google.protobuf import json_format  # noqa: E402
from tensorflow.core.framework import tensor_pb2, types_pb2  # noqa: E402
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2  # noqa: E402

from tensor_values import as_values, cut_repeated  # noqa: E402

MESSAGES = {
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
    "GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
    "GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
}


def main():
    questions = json.load(sys.stdin)
    print(json.dumps({
        "dtypes": {name.removeprefix("DT_").lower(): number for name, number in types_pb2.DataType.items() if number < 100},
        "written": write_tensors(questions["tensors"]),
        "read": {writer: read_tensors(bytes.fromhex(request)) for writer, request in questions["requests"].items()},
        "messages": [compare_message(question) for question in questions["messages"]],
        "unsupported": {name: unsupported(name) for name in questions["unsupported"]},
    }))


def write_tensors(descriptions):
    """All tensors by name in each form that TensorFlow writes them in, as the inputs of a request and as the outputs of an answer."""
    messages = {}
    for name, description in descriptions.items():
        for form, proto in forms(to_array(description), dtype_of(description)).items():
            request, response = messages.setdefault(form, (predict_pb2.PredictRequest(), predict_pb2.PredictResponse()))
            request.inputs[name].CopyFrom(proto)
            response.outputs[name].CopyFrom(proto)
    return {form: {"request": request.SerializeToString().hex(), "response": response.SerializeToString().hex()} for form, (request, response) in messages.items()}


def forms(array, dtype):
    values = as_values(array, dtype)
    return {
        "the runtime, as tensor_content": tensor_pb2.TensorProto.FromString(tf.io.serialize_tensor(tf.constant(array, dtype=dtype)).numpy()),
        "make_tensor_proto": tf.make_tensor_proto(array, dtype=dtype, shape=array.shape),
        "values": values,
        "values, the last repeated": cut_repeated(values),
    }


def read_tensors(message):
    """What TensorFlow makes of a request's inputs: its runtime (which TensorFlow Serving reads them with) and its Python helper."""
    return {
        name: {
            "the runtime": describe(tf.io.parse_tensor(proto.SerializeToString(), proto.dtype).numpy(), proto.dtype),
            "make_ndarray": describe(tf.make_ndarray(proto), proto.dtype),
        }
        for name, proto in predict_pb2.PredictRequest.FromString(message).inputs.items()
    }


def compare_message(question):
    """What the official class reads in `bytes`, and what it writes for `json`; both in protobuf's JSON."""
    message = MESSAGES[question["type"]]
    written = json_format.ParseDict(question["json"], message())
    return {
        "json": json_format.MessageToDict(message.FromString(bytes.fromhex(question["bytes"])), preserving_proto_field_name=True),
        "bytes": written.SerializeToString().hex(),
    }


def unsupported(name):
    """A tensor of an element type that Sightline does not take."""
    dtype = types_pb2.DataType.Value(f"DT_{name.upper()}")
    return tensor_pb2.TensorProto(dtype=dtype, tensor_shape=tf.TensorShape([2]).as_proto(), tensor_content=b"\x01\x02").SerializeToString().hex()


def dtype_of(description):
    return tf.as_dtype(types_pb2.DataType.Value(f"DT_{description['dtype'].upper()}"))


def to_array(description):
    shape, dtype = description["shape"], dtype_of(description)
    if dtype == tf.string:
        array = numpy.empty(len(description["data"]), dtype=object)
        array[:] = [bytes.fromhex(text) for text in description["data"]]
        return array.reshape(shape)
    return numpy.frombuffer(bytes.fromhex(description["data"]), dtype=dtype.as_numpy_dtype).reshape(shape)


def describe(value, dtype):
    name = types_pb2.DataType.Name(dtype).removeprefix("DT_").lower()
    # numpy's own type for a scalar of bytes drops the zeros at its end.
    if isinstance(value, bytes):
        return {"dtype": name, "shape": [], "data": [value.hex()]}
    array = numpy.asarray(value)
    data = [item.hex() for item in array.reshape(-1).tolist()] if dtype == types_pb2.DT_STRING else array.tobytes().hex()
    return {"dtype": name, "shape": list(array.shape), "data": data}


main()
