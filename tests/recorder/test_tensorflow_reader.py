"""On TensorFlow variables are read as they are at the time, all in one operation, and operations
that draw eagerly are noted while they are watched."""

import subprocess
import sys

import pytest

SCRIPT = """
import os
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras, numpy as np
from whydiff.keras_backend.tensorflow import backend

odd = np.array([0x7FC00001, 0xFFC00002, 0x80000000], np.uint32).view(np.float32)
held = [
    keras.Variable(odd), keras.Variable(np.ones((2, 3)), dtype="bfloat16"),
    keras.Variable(True, dtype="bool"), keras.Variable(7, dtype="int64"),
    keras.Variable([1, 2], dtype="uint32"), keras.Variable(np.zeros((0, 4))),
    keras.Variable(0.1, dtype="float16"),
]
read = backend.reader(held)
def same():
    pairs = zip(read(), [v.value.numpy() for v in held], strict=True)
    return all(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
               for a, b in pairs)
before = [a.copy() for a in read()]
assert same()
held[1].assign(np.full((2, 3), 2.5)); held[3].assign_add(1)
assert same() and read()[3] == 8 and before[3] == 7
kept = read()[3]
held[3].assign_add(1)
assert kept == 8 and read()[3] == 9
assert backend.reader([])() == []
mixed = backend.reader([held[3], keras.ops.ones((2,))])()
assert mixed[0] == 9 and mixed[1].tolist() == [1, 1]

import tensorflow as tf
end = backend.watch_operations()
tf.random.normal([2])
tf.random.categorical([[0.0, 0.0]], 3)
tf.random.stateless_normal([2], seed=(1, 2))
tf.function(lambda: tf.random.uniform([2]))()  # its graph says so
assert backend.watch_operations()() == []  # a training within a training
assert end() == [("tf.random.categorical", 0, 0), ("tf.random.normal", 0, 0)]
tf.random.set_seed(7)
end = backend.watch_operations()
tf.random.shuffle([1, 2])
(drawn,) = end()
assert drawn[:2] == ("tf.random.shuffle", 7)
assert backend.random_ops.random_seed.__name__.endswith("random_seed")
print("ok")
"""

pytestmark = pytest.mark.long


def test_values_are_those_of_the_moment_and_draws_are_noted():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout == "ok\n", done.stderr[-2000:]
