"""TensorProtos that carry values (`float_val`, `int_val`, ...) instead of raw bytes, as TensorFlow Serving answers by default."""
import numpy
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow.python.framework import tensor_shape, tensor_util

PAIRS = ("scomplex_val", "dcomplex_val")


def as_values(array, dtype):
    """The field is chosen by TensorFlow's own table."""
    array = numpy.asarray(array)
    shape = tensor_shape.TensorShape(array.shape).as_proto()
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, tensor_shape=shape)
    if proto.dtype == types_pb2.DT_STRING:
        proto.string_val.extend(array.reshape(-1).tolist())
    elif array.size > 0:
        tensor_util.GetNumpyAppendFn(array.dtype)(proto, array.reshape(-1))
    return proto


def cut_repeated(proto):
    """The same tensor without the values that the rule "the last one fills the shape" makes superfluous."""
    short = tensor_pb2.TensorProto()
    short.CopyFrom(proto)
    for field, values in proto.ListFields():
        if not field.name.endswith("_val"):
            continue
        step = 2 if field.name in PAIRS else 1
        items = [list(values[at:at + step]) for at in range(0, len(values), step)]
        while len(items) > 1 and repr(items[-1]) == repr(items[-2]):
            items.pop()
        short.ClearField(field.name)
        getattr(short, field.name).extend(value for item in items for value in item)
    return short
