"""Runtimes other than Keras in which a script answers with an exported model."""

import pytest

from whydiff.script_text.runtimes import other_runtimes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import tensorflow as tf\ni = tf.lite.Interpreter(model_content=m)",
         "a TensorFlow Lite interpreter (line 2)"),
        ("from ai_edge_litert.interpreter import Interpreter\nInterpreter('m.tflite')",
         "a TensorFlow Lite interpreter (line 2)"),
        ("import onnxruntime as ort\na = ort.InferenceSession('a')\nb = ort.InferenceSession('b')",
         "an ONNX Runtime session (lines 2 and 3)"),
        ("import openvino as ov\nm = ov.Core().compile_model('m.xml')",
         "a model of OpenVINO (line 2)"),
        ("import torch\nm = torch.jit.load('m.pt')\nf = torch.export.load('p')",
         "a module of TorchScript (line 2) and a program of torch.export (line 3)"),
        ("from jax import export\nf = export.deserialize(blob)",
         "a function of jax.export (line 2)"),
        ("from code import Interpreter\nInterpreter()", ""),
        ("import numpy as np\nx = np.load('x.npy')", ""),
        ("import keras\nl = keras.layers.deserialize(c)", ""),
        ("import torch\nw = torch.load('w.pt')", ""),
        ("print(", ""),
    ],
)  # fmt: skip
def test_runtimes_with_their_lines(text, said):
    assert other_runtimes(text) == said
