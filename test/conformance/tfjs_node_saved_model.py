"""Writes a SavedModel as TensorFlow Serving has them, and says what it computes.

usage: tfjs_node_saved_model.py FOLDER HEIGHT WIDTH < PICTURES

PICTURES are RGB, one after the other; they go in as one batch. Prints one JSON line: the outputs by name, as shape and bytes, and TensorFlow's version.
"""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402


class Detector(tf.Module):
    """A variable and a loop over the pictures, as detectors that were trained have them; the outputs of the Object Detection API."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(tf.reshape(tf.range(12, dtype=tf.float32), [3, 4]) / 12.0)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="inputs")])
    def __call__(self, inputs):
        def of_one(picture):
            pixels = tf.image.resize(tf.cast(picture, tf.float32)[None] / 255.0, [2, 2], method="area")
            return tf.matmul(tf.reshape(pixels, [4, 3]), self.weights)

        boxes = tf.map_fn(of_one, inputs, fn_output_signature=tf.TensorSpec([4, 4], tf.float32))
        scores, order = tf.math.top_k(tf.reduce_mean(boxes, axis=2), k=4)
        return {
            "detection_boxes": tf.gather(boxes, order, batch_dims=1),
            "detection_classes": tf.cast(order, tf.float32) + 1.0,
            "detection_scores": scores,
            "num_detections": tf.fill([tf.shape(inputs)[0]], 4.0),
        }


def main():
    folder, height, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    pictures = numpy.frombuffer(sys.stdin.buffer.read(), dtype=numpy.uint8).reshape(-1, height, width, 3)
    model = Detector()
    tf.saved_model.save(model, folder, signatures={"serving_default": model.__call__})
    outputs = model(tf.constant(pictures))
    print(json.dumps({"tensorflow": tf.__version__, "outputs": {name: {"shape": list(value.shape), "values": value.numpy().ravel().tolist()} for name, value in outputs.items()}}))


main()
