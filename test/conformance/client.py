"""Asks a model server everything that Sightline's own client asks, through TensorFlow Serving's official stubs.

usage: client.py HOST:PORT MODEL WIDTH HEIGHT < RGB_BYTES     prints one JSON object
"""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grpc  # noqa: E402
import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow_serving.apis import (  # noqa: E402
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

TIMEOUT_S = 60


def main():
    address, model, width, height = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    picture = numpy.frombuffer(sys.stdin.buffer.read(), dtype=numpy.uint8).reshape(1, height, width, 3)
    with grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)]) as channel:
        prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        print(json.dumps({
            "status": status(models, model),
            "metadata": metadata(prediction, model),
            "single": predict(prediction, model, picture),
            "batch": predict(prediction, model, numpy.concatenate([picture, picture[:, :, ::-1]])),
            "filtered": predict(prediction, model, picture, output_filter=["num_detections"]),
            "as_values": predict(prediction, model, picture[:, :16, :16], as_values=True),
            "unknown_model": error_of(lambda: predict(prediction, "no-such-model", picture)),
            "unknown_version": error_of(lambda: predict(prediction, model, picture, version=4711)),
            "unknown_input": error_of(lambda: predict(prediction, model, picture, input_name="pixels")),
            "wrong_dtype": error_of(lambda: predict(prediction, model, picture.astype(numpy.float32))),
        }))


def status(stub, model):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    versions = stub.GetModelStatus(request, TIMEOUT_S).model_version_status
    state = get_model_status_pb2.ModelVersionStatus.State
    return [{"version": v.version, "state": state.Name(v.state), "code": v.status.error_code} for v in versions]


def metadata(stub, model):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = model
    request.metadata_field.append("signature_def")
    response = stub.GetModelMetadata(request, TIMEOUT_S)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    if not response.metadata["signature_def"].Unpack(signatures):
        raise TypeError(f"signature_def is {response.metadata['signature_def'].type_url!r}, metadata holds {list(response.metadata)}")
    return {
        "name": response.model_spec.name,
        "version": response.model_spec.version.value,
        "signatures": {
            name: {
                "method": signature.method_name,
                "inputs": {key: tensor_info(info) for key, info in signature.inputs.items()},
                "outputs": {key: tensor_info(info) for key, info in signature.outputs.items()},
            }
            for name, signature in signatures.signature_def.items()
        },
    }


def tensor_info(info):
    return {"dtype": tf.as_dtype(info.dtype).name, "shape": [dim.size for dim in info.tensor_shape.dim]}


def predict(stub, model, pictures, version=None, input_name="inputs", output_filter=(), as_values=False):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = "serving_default"
    if version is not None:
        request.model_spec.version.value = version
    tensor = tf.make_tensor_proto(pictures)
    if as_values:
        tensor = tf.make_tensor_proto(pictures)
        tensor.int_val.extend(int(value) for value in pictures.reshape(-1))
        tensor.tensor_content = b""
    request.inputs[input_name].CopyFrom(tensor)
    request.output_filter.extend(output_filter)
    response = stub.Predict(request, TIMEOUT_S)
    return {
        "name": response.model_spec.name,
        "version": response.model_spec.version.value,
        "signature": response.model_spec.signature_name,
        "outputs": {key: output(value) for key, value in response.outputs.items()},
    }


def output(proto):
    array = tf.make_ndarray(proto)
    return {"dtype": array.dtype.name, "shape": list(array.shape), "values": array.reshape(-1).tolist()}


def error_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}
    return None


main()
