"""Serves a real TensorFlow SavedModel through TensorFlow Serving's official stubs.

usage: saved_model_server.py FOLDER HEIGHT WIDTH < FRAMES

Makes a model with the Object Detection API's signature in FOLDER, loads it again and runs it. FRAMES are RGB pictures, one after the other. Prints one JSON line: the port, and
what the model says of each picture alone and of all of them as one batch, computed here. Ends when its parent does.
"""
import concurrent.futures
import json
import os
import sys
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import grpc  # noqa: E402
import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.core.framework import tensor_pb2  # noqa: E402
from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402
from tensorflow_serving.apis import (  # noqa: E402
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

NAME, VERSION, BOXES = "detector", 42, 5
# The same model, answering as a server does that was started with --enable_serialization_as_tensor_content.
AS_CONTENT = "detector-as-content"


class Detector(tf.Module):
    """Finds "objects" whose places, classes and scores follow from the pixels."""

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="input_tensor")])
    def __call__(self, input_tensor):
        pixels = tf.cast(input_tensor, tf.float32) / 255.0
        bands = tf.image.resize(pixels, [BOXES, 4], method="area")
        means = tf.reduce_mean(bands, axis=3)
        corner = means[:, :, 0:2] * 0.5
        size = 0.1 + means[:, :, 2:4] * 0.3
        scores = tf.sort(tf.reduce_mean(means, axis=2), axis=1, direction="DESCENDING")
        classes = 1.0 + tf.math.floor(means[:, :, 0] * 89.0)
        count = tf.shape(pixels)[0]
        return {
            "detection_boxes": tf.concat([corner, corner + size], axis=2),
            "detection_classes": classes,
            "detection_scores": scores,
            "num_detections": tf.fill([count], tf.constant(BOXES, tf.float32)),
            "raw_detection_boxes": tf.zeros([count, 1000, 4]),
        }


class Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, folder, signature):
        self.folder, self.signature = folder, signature

    def Predict(self, request, context):
        if request.model_spec.name not in (NAME, AS_CONTENT):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Latest({request.model_spec.name})")
        inputs = {name: tf.constant(tf.make_ndarray(proto)) for name, proto in request.inputs.items()}
        outputs = self.signature(**inputs)
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(spec(request.model_spec.name))
        write = content_proto if request.model_spec.name == AS_CONTENT else tensor_proto
        for name in request.output_filter or outputs:
            response.outputs[name].CopyFrom(write(outputs[name]))
        return response

    def GetModelMetadata(self, request, context):
        if request.model_spec.name not in (NAME, AS_CONTENT):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Latest({request.model_spec.name})")
        saved = saved_model_pb2.SavedModel()
        with open(os.path.join(self.folder, "saved_model.pb"), "rb") as file:
            saved.ParseFromString(file.read())
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in saved.meta_graphs[0].signature_def.items():
            signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.CopyFrom(spec(request.model_spec.name))
        response.metadata["signature_def"].Pack(signatures)
        return response


class Models(model_service_pb2_grpc.ModelServiceServicer):
    def GetModelStatus(self, request, context):
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=VERSION, state=get_model_status_pb2.ModelVersionStatus.AVAILABLE)
        return response


def spec(name):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = "serving_default"
    request.model_spec.version.value = VERSION
    return request.model_spec


def tensor_proto(tensor):
    """As TensorFlow Serving answers by default: values, not tensor_content."""
    proto = tf.make_tensor_proto(numpy.zeros([0], numpy.float32), shape=[0])
    proto.Clear()
    proto.dtype = tensor.dtype.as_datatype_enum
    proto.tensor_shape.CopyFrom(tensor.shape.as_proto())
    proto.float_val.extend(tensor.numpy().ravel().tolist())
    return proto


def content_proto(tensor):
    """As TensorFlow's runtime writes a tensor's bytes."""
    return tensor_pb2.TensorProto.FromString(tf.io.serialize_tensor(tensor).numpy())


def computed(signature, batch):
    return {name: {"shape": list(value.shape), "bytes": value.numpy().tobytes().hex()} for name, value in signature(input_tensor=tf.constant(batch)).items() if name.startswith(("detection", "num"))}


def main():
    folder, height, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    frames = numpy.frombuffer(sys.stdin.buffer.read(), dtype=numpy.uint8).reshape(-1, height, width, 3)
    model = Detector()
    tf.saved_model.save(model, folder, signatures={"serving_default": model.__call__})
    loaded = tf.saved_model.load(folder)
    signature = loaded.signatures["serving_default"]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Prediction(folder, signature), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(json.dumps({"port": port, "each": [computed(signature, frame[None]) for frame in frames], "all": computed(signature, frames)}), flush=True)
    parent = os.getppid()
    stop = threading.Event()
    while os.getppid() == parent and not stop.is_set():
        time.sleep(0.5)


main()
