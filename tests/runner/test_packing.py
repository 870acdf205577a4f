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
