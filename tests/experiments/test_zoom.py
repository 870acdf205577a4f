"""``explain --zoom`` on planted differences: the first tensor that differs is the planted one."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from whydiff import explain
from whydiff.core.findings import Sighting, Zoom
from whydiff.experiments.explain.hybrid_results import matched
from whydiff.report.document import Facts
from whydiff.report.documents.first_divergence import zoom_blocks

SCRIPT = """
import os, keras, numpy as np

PLANT = "{plant}"

def build(other):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((8,)),
        keras.layers.Dense(16, "tanh"),
        keras.layers.Dense(16, "gelu" if other and PLANT == "activation" else "relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(
            0.1 if other and PLANT == "penalty" else 0.01)),
    ])
    epsilon = 1e-3 if other and PLANT == "epsilon" else 1e-7
    jit = {{"jit_compile": not other}} if PLANT == "jit" else {{}}
    loss = "mae" if other and PLANT == "loss" else "mse"
    model.compile(keras.optimizers.Adam(0.01, epsilon=epsilon), loss, **jit)
    if other and PLANT == "ulp":
        kernel = model.layers[0].kernel
        value = np.array(keras.ops.convert_to_numpy(kernel))
        value[0, 0] = np.nextafter(value[0, 0], np.float32(9))
        kernel.assign(value)
    return model

rng = np.random.default_rng(0)
x = rng.normal(size=(96, 8)).astype("float32")
y = (x[:, :1] * x[:, 1:2]).astype("float32")
for other in (False, True):
    order = rng.permutation(96) if PLANT == "order" and other else np.arange(96)
    build(other).fit(x[order], y[order], epochs=3, batch_size=32, shuffle=False, verbose=0)
"""


def zoomed(tmp_path, plant, backend="jax"):
    """What the JSON holds under ``zoom``; each backend in a process of its own."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(plant=plant))
    answer = tmp_path / "answer.json"
    command = "from whydiff.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "explain", script, "--zoom", "--no-fix", "--json", answer],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Looked at" in done.stdout
    return json.loads(answer.read_text())["zoom"]


def first(zoom):
    return zoom["first"] and (zoom["first"]["phase"], zoom["first"]["name"])


@pytest.mark.long
def test_another_activation_shows_in_the_output_of_its_layer(tmp_path):
    zoom = zoomed(tmp_path, "activation")
    assert first(zoom) == ("forward", "dense_1")
    assert zoom["first_beyond_rounding"] == zoom["first"]
    assert not zoom["inputs"]
    assert zoom["growth"]["kind"] == "real difference"
    assert len(zoom["growth"]["distances"]) == 9


@pytest.mark.thorough
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
@pytest.mark.parametrize(
    ("plant", "wanted"),
    [
        ("activation", ("forward", "dense_1")),
        ("loss", ("forward", "the loss")),
        ("penalty", ("forward", "penalty 1")),
    ],
)
def test_what_is_computed_layer_by_layer(tmp_path, plant, wanted, backend):
    zoom = zoomed(tmp_path, plant, backend)
    assert first(zoom) == wanted
    assert not zoom["first"]["rounding"]
    assert zoom["equal"] > 0
    # A different loss has different gradients, but all that comes before is equal.
    before = [s for s in zoom["different"] if s["phase"] == "forward"]
    assert before[0]["name"] == wanted[1]


@pytest.mark.thorough
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_another_epsilon_shows_in_the_weights_only(tmp_path, backend):
    zoom = zoomed(tmp_path, "epsilon", backend)
    assert first(zoom) == ("update", "dense/kernel")
    assert {s["phase"] for s in zoom["different"]} == {"update"}
    assert zoom["growth"]["kind"] == "real difference"


@pytest.mark.thorough
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_jit_against_eager_is_rounding_that_stays_rounding(tmp_path, backend):
    zoom = zoomed(tmp_path, "jit", backend)
    assert not zoom["inputs"]
    # Layer by layer both are computed eagerly; only the compiled step can differ.
    assert {s["phase"] for s in zoom["different"]} == {"update"}
    assert all(s["rounding"] and s["relative"] < 1e-5 for s in zoom["different"])
    assert zoom["first_beyond_rounding"] is None
    assert zoom["growth"]["kind"] == "rounding"
    assert zoom["growth"]["n"] >= 5
    assert zoom["growth"]["low"] <= zoom["growth"]["rate"] <= zoom["growth"]["high"]


@pytest.mark.thorough
def test_one_ulp_in_one_weight_goes_in_and_from_equal_inputs_all_is_equal(tmp_path):
    zoom = zoomed(tmp_path, "ulp")
    (unequal,) = zoom["inputs"]
    assert (unequal["name"], unequal["max_ulp"], unequal["rounding"]) == ("dense/kernel", 1, True)
    assert zoom["first"] is None
    assert zoom["growth"]["kind"] == "rounding"


@pytest.mark.thorough
def test_another_order_goes_in_with_the_batch(tmp_path):
    zoom = zoomed(tmp_path, "order")
    assert {s["phase"] for s in zoom["inputs"]} == {"batch"}
    assert zoom["first"] is None
    assert zoom["growth"]["kind"] == "real difference"


SAVED = """
import os, keras, numpy as np

keras.utils.set_random_seed(1)
model = keras.Sequential([
    keras.Input((8,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(16, "relu"),
    keras.layers.Dense(1)])
if not os.path.exists("{file}"):
    model.save_weights("{file}")
model.load_weights("{file}")
model.compile(keras.optimizers.SGD(0.05), "mse")
rng = np.random.default_rng(0)
x = rng.normal(size=(96, 8)).astype("float32")
y = (x[:, :1] * x[:, 1:2]).astype("float32")
model.fit(x, y, epochs=3, batch_size=32, shuffle=False, verbose=0)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("other", ["tensorflow", "torch"])
def test_two_backends_from_the_same_saved_weights_round_differently(tmp_path, other):
    script = tmp_path / "train.py"
    script.write_text(SAVED.format(file=tmp_path / "start.weights.h5"))
    subprocess.run(
        [sys.executable, str(script)], env={**os.environ, "KERAS_BACKEND": "jax"},
        check=True, capture_output=True,
    )  # fmt: skip
    found = explain(
        script, a_env={"KERAS_BACKEND": "jax"}, b_env={"KERAS_BACKEND": other}, zoom=True
    ).to_dict()["zoom"]
    assert found["first"]["phase"] == "forward"
    assert found["first"]["name"] in ("dense", "dense_1", "dense_2", "the loss")
    assert found["first_beyond_rounding"] is None
    assert found["growth"]["kind"] == "rounding"


def array(*values, dtype=np.float32):
    return np.array(values, dtype)


def test_layers_pair_by_name_then_by_order_and_shape():
    a = [
        ("forward", "conv", array(1)),
        ("forward", "dense_old", array(1, 2)),
        ("forward", "extra", array(1, 2, 3)),
        ("forward", "out", array(5)),
    ]
    b = [
        ("forward", "conv", array(1)),
        ("forward", "dense_new", array(1, 3)),
        ("forward", "out", array(5)),
    ]
    same, renamed, only, last = matched(a, b)
    assert same is None and last is None
    assert (renamed.name, renamed.max_ulp is not None) == ("dense_old", True)
    assert only == Sighting("forward", "extra", only="a")


def test_numbers_that_differ_only_in_their_width_are_equal_and_bits_are_not_forgiven():
    count = [("update", "iteration", array(3, dtype=np.int32))]
    assert matched(count, [("update", "iteration", array(3, dtype=np.int64))]) == [None]
    zero, minus = [("update", "w", array(0.0))], [("update", "w", array(-0.0))]
    assert matched(zero, minus)[0].max_ulp == 0
    (nan,) = matched(zero, [("update", "w", array(np.nan))])
    assert (nan.max_ulp, nan.relative, nan.rounding) == (None, None, False)


def test_the_report_says_why_there_is_no_closer_look():
    (text,) = zoom_blocks(Zoom(0, 0, failure="it never comes to epoch 2, step 1"))
    assert "it never comes to epoch 2, step 1" in text.text


def test_the_report_tells_compiled_from_eager():
    sighting = Sighting("update", "dense/kernel", 1, 1e-7, True)
    facts, _ = zoom_blocks(Zoom(0, 2, different=(sighting,), equal=9))
    assert isinstance(facts, Facts)
    rows = dict(facts.rows)
    assert "epoch 1, step 3" in rows["Looked at"]
    assert "outside the compiled step, everything is equal" in rows["Comes out"]
    assert "nothing beyond rounding" in rows["Comes out"]
