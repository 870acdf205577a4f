"""NumPy's and Python's global generators: read, put back, and seen to be drawn from."""

import random

import numpy as np
import pytest

from whydiff.keras_backend.host_generators import (
    NUMPY,
    PYTHON,
    host_kept,
    host_state,
    put_host_state,
)
from whydiff.recorder.randomness import HostGenerators

DRAWS = {NUMPY: np.random.normal, PYTHON: lambda: random.gauss(0, 1)}


@pytest.fixture(autouse=True)
def _as_they_were():
    with host_kept(seed=11):
        yield


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("drawn", [0, 1])  # one of two normal draws may be held back
def test_a_state_put_back_draws_the_same(name, drawn):
    for _ in range(drawn):
        DRAWS[name]()
    state = host_state(name)
    wanted = [DRAWS[name]() for _ in range(3)]
    put_host_state(name, state)
    assert [DRAWS[name]() for _ in range(3)] == wanted


def test_whatever_draws_inside_leaves_no_trace():
    before = host_state(NUMPY)
    with host_kept(seed=3):
        first = np.random.rand()
    with host_kept(seed=3):
        assert np.random.rand() == first
    assert np.array_equal(host_state(NUMPY), before)


def watched(draw, steps=4, between=lambda: None):
    generators = HostGenerators()
    for step in range(steps):
        generators.begin()
        draw(step)
        generators.after_step(0, step)
        between()
    return generators


def roles(generators, compiled=True):
    return {t.path: t.role for t in generators.tensors(compiled)}


def test_a_draw_in_every_step_is_a_seed_kept_where_it_began():
    generators = watched(lambda step: np.random.rand())
    assert roles(generators) == {NUMPY: "seed"}
    assert list(generators.states[NUMPY]) == [(0, 0)]


def test_a_draw_while_tracing_is_frozen():
    generators = watched(lambda step: random.random() if step == 0 else None)
    assert roles(generators) == {PYTHON: "frozen seed"}
    assert roles(watched(lambda step: np.random.rand(), steps=1), compiled=True) == {
        NUMPY: "frozen seed"
    }
    assert roles(watched(lambda step: np.random.rand(), steps=1), compiled=False) == {NUMPY: "seed"}


def test_what_others_draw_in_between_is_no_noise_but_shifts_it():
    assert roles(watched(lambda step: None, between=np.random.rand)) == {}
    generators = watched(lambda step: np.random.rand(), between=np.random.rand)
    assert list(generators.states[NUMPY]) == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_a_batch_that_arrives_draws_for_itself():
    generators = HostGenerators()
    generators.begin()
    np.random.rand()  # the loader's
    generators.begin()
    assert generators.after_step(0, 0) == []
    assert roles(generators) == {}
