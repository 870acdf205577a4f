"""What goes to another process with a call of a model."""

import random
from dataclasses import replace

import numpy as np

from whydiff.core.live import LiveCall
from whydiff.keras_backend import adapter
from whydiff.recorder.measuring.call import global_generators
from whydiff.runner import codec
from whydiff.runner.child.packing import call_arrays, live_call
from whydiff.testing.calls import call


def test_the_states_of_the_global_generators_go_with_a_call():
    """Without them noise of the other process would be drawn from wherever this one stands."""
    states = {name: state for name, (_, state) in global_generators(adapter(), "").items()}
    here = LiveCall(call(1), None, (), (), states, None, {}, {})
    there = live_call(codec.copied(call_arrays(here)), replace(here, generators={}), here.call)
    drawn = []
    for sent in (here, there):
        random.setstate(sent.generators["python"])
        np.random.set_state(sent.generators["numpy"])
        drawn.append((random.random(), np.random.rand()))
    assert drawn[0] == drawn[1]


def test_values_beside_the_weights_go_as_arrays_and_objects_stay():
    """A mean that Normalization keeps as a tensor decides what a layer answers."""
    import keras

    held = {
        "norm/mean": keras.ops.convert_to_tensor(np.array([[1.5, 2.0]], "float32")),
        "scale": keras.Variable(np.float32(3)),
        "words": ["", "[UNK]", "cat"],
        "limits": {"low": np.float32(0.5), "high": (1, None)},
        "generator": np.random.default_rng(1),
    }
    model = keras.Sequential([keras.layers.Dense(1)])
    here = replace(LiveCall(call(1), model, (), (), {}, None, {}, {}), held=held)
    there = live_call(codec.copied(call_arrays(here)), here, here.call).held
    assert sorted(there) == ["limits", "norm/mean", "scale", "words"]
    assert there["norm/mean"].dtype == "float32" and there["norm/mean"].tolist() == [[1.5, 2.0]]
    assert float(there["scale"]) == 3 and there["words"] == held["words"]
    assert float(there["limits"]["low"]) == 0.5 and there["limits"]["high"] == (1, None)
