"""How far rounding moves a training, against how far one ULP in one initial weight does.

    python benchmarks/rounding.py [BACKEND ...]      all if none is named

Locks a training and trains it again with its arithmetic changed: compiled otherwise, by another
number of threads, without oneDNN. ``ALLOWED`` in whydiff/stats/ulp.py has to lie
well above every ratio and far below those of real causes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

#: Without dropout: compiled by XLA, TensorFlow draws other masks, which is no rounding.
DENSE = """keras.layers.Dense(32, "relu"),"""
DEEP = """*[keras.layers.Dense(32, "tanh") for _ in range(8)],"""
CONV = """keras.layers.Reshape((8, 8, 1)), keras.layers.Conv2D(8, 3, activation="relu"),
          keras.layers.BatchNormalization(), keras.layers.Flatten(),"""
SCRIPT = """
import os, keras
from sklearn.datasets import load_digits
if keras.backend.backend() == "tensorflow" and "THREADS" in os.environ:
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["THREADS"]))
if keras.backend.backend() == "torch":
    import torch
    torch.set_num_threads(int(os.environ.get("THREADS", "2")))
    torch.backends.mkldnn.enabled = os.environ.get("ONEDNN", "1") == "1"
keras.utils.set_random_seed(7)
x, y = load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
model = keras.Sequential([keras.Input((64,)), {layers} keras.layers.Dense(10, "softmax")])
model.compile({optimizer}, "sparse_categorical_crossentropy", metrics=["accuracy"],
              jit_compile=os.environ.get("JIT") == "1")
model.fit(x, y, epochs={epochs}, batch_size=64, verbose=0)
"""
MODELS = {"dense": DENSE, "deep": DEEP, "conv": CONV}
OPTIMIZERS = {"adam": "keras.optimizers.Adam(0.01)", "sgd": "keras.optimizers.SGD(0.1)"}


#: What is done to the arithmetic, by backend, as environment variables.
CHANGES = {
    "jax": [{"JIT": "1"}],
    "tensorflow": [{"JIT": "1"}, {"THREADS": "1"}, {"TF_ENABLE_ONEDNN_OPTS": "0"}],
    "torch": [{"THREADS": "1"}, {"ONEDNN": "0"}],
}


def whydiff(folder: str, *words: str, **environment: str) -> None:
    command = [str(Path(sys.executable).with_name("whydiff")), *words]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, cwd=folder, env={**os.environ, **environment}, **silent)


def main() -> None:
    import json

    print(f"{'backend':11}{'model':7}{'optimizer':11}{'epochs':8}{'change':24}"
          f"{'moved':>10}{'one ULP':>10}{'ratio':>8}  level")  # fmt: skip
    for backend in sys.argv[1:] or CHANGES:
        for name, layers in MODELS.items():
            for optimizer, made in OPTIMIZERS.items():
                for epochs in (1, 10):
                    text = SCRIPT.format(layers=layers, optimizer=made, epochs=epochs)
                    with tempfile.TemporaryDirectory() as folder:
                        (Path(folder) / "train.py").write_text(text)
                        base = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
                        whydiff(folder, "lock", "train.py", **base)
                        for change in CHANGES[backend]:
                            whydiff(folder, "verify", "train.py", "--json", "a.json",
                                    **base, **change)  # fmt: skip
                            fit = json.loads((Path(folder) / "a.json").read_text())["fits"][0]
                            moved = fit["distance"]["weights"]
                            ulp = (fit["amplification"] or {}).get("weights", 0.0)
                            ratio = f"{moved / ulp:8.2f}" if ulp else f"{'-':>8}"
                            setting = " ".join(f"{k}={v}" for k, v in change.items())
                            print(f"{backend:11}{name:7}{optimizer:11}{epochs:<8}{setting:24}"
                                  f"{moved:10.1e}{ulp:10.1e}{ratio}  {fit['level']}",
                                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
