"""Makes a frozen graph as TensorFlow freezes it.

usage: make_frozen_graph.py FILE < PICTURES

A small classifier with convolutions, batch normalisation, pooling and 64-bit shapes; its weights follow from a seed. PICTURES are RGB pictures of 24x16. Prints one JSON value: the names of
the graph's input and output, and what the function says of each picture.
"""
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2  # noqa: E402

random = numpy.random.default_rng(7)


def weights(*shape):
    return tf.Variable(random.normal(0, 0.3, shape).astype(numpy.float32))


first, bias, each, final = weights(3, 3, 3, 8), weights(8), weights(3, 3, 8, 1), weights(8, 5)
scale, offset, mean, variance = weights(8), weights(8), weights(8), tf.Variable(tf.ones([8]))


@tf.function(input_signature=[tf.TensorSpec([None, 16, 24, 3], tf.float32, name="pixels")])
def classify(pixels):
    value = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(pixels, first, strides=2, padding="SAME"), bias))
    value = tf.nn.depthwise_conv2d(value, each, strides=[1, 1, 1, 1], padding=[[0, 0], [1, 1], [1, 1], [0, 0]])
    value, _, _ = tf.compat.v1.nn.fused_batch_norm(value, scale, offset, mean, variance, is_training=False)
    value = tf.nn.max_pool2d(tf.nn.leaky_relu(value), 2, 2, "VALID")
    left, right = tf.split(value, 2, axis=2)
    value = tf.concat([right, left], axis=2)
    value = tf.reshape(value, tf.stack([tf.shape(value, out_type=tf.int64)[0], tf.constant(-1, tf.int64), tf.constant(8, tf.int64)]))
    return tf.matmul(tf.reduce_mean(value, axis=1), final)


def main():
    pictures = numpy.frombuffer(sys.stdin.buffer.read(), dtype=numpy.uint8).reshape(-1, 16, 24, 3)
    frozen = convert_variables_to_constants_v2(classify.get_concrete_function())
    with open(sys.argv[1], "wb") as file:
        file.write(frozen.graph.as_graph_def().SerializeToString())
    said = tf.nn.softmax(classify(tf.constant(pictures.astype(numpy.float32) / 255.0))).numpy()
    print(json.dumps({"input": frozen.inputs[0].op.name, "output": frozen.outputs[0].op.name, "probabilities": said.ravel().tolist()}))


main()
