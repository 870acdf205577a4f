"""Generators that a script made for itself: found, read, put back."""

import random
import time
from time import perf_counter

import keras
import numpy as np
import pytest

from whydiff.keras_backend.host_generators import (
    OWN,
    generators_held,
    host_kept,
    host_state,
    never_alike,
    put_host_state,
)

rng = np.random.default_rng(1)


def of_torch():
    return pytest.importorskip("torch").Generator()


def drawn(generator):
    return generator.normal() if hasattr(generator, "normal") else generator.random()


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.random.default_rng(3),
        lambda: np.random.Generator(np.random.MT19937(3)),
        lambda: np.random.Generator(np.random.SFC64(3)),
        lambda: np.random.RandomState(3),
        lambda: random.Random(3),
    ],
)
def test_a_state_that_is_put_back_gives_the_same_numbers(make):
    generator = make()
    held = {"g": generator}
    drawn(generator)
    state = host_state("g", held)
    first = [drawn(generator) for _ in range(3)]
    put_host_state("g", state, held)
    assert [drawn(generator) for _ in range(3)] == first
    with host_kept(0, held):
        one = drawn(generator)
    with host_kept(0, held):
        assert drawn(generator) == one
    put_host_state("another", state, held)  # one that is not there stays out of it


@pytest.mark.parametrize(
    "make", [np.random.default_rng, np.random.RandomState, random.Random], ids=lambda m: m.__name__
)
def test_states_of_one_kind_have_one_shape(make):
    states = [host_state("g", {"g": make(seed)}) for seed in range(9)]
    assert {state.shape for state in states} == {states[0].shape}


def test_a_generator_of_torch_is_one():
    generator = of_torch()
    held = {"g": generator}
    state = host_state("g", held)
    generator.manual_seed(77)
    put_host_state("g", state, held)
    assert np.array_equal(host_state("g", held), state)


class Jitter(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng()

    def call(self, x):
        return x + self.rng.normal()


class FromGlobal(keras.layers.Layer):
    def call(self, x):
        return x + rng.normal()


def of_loss(y, p):
    return (y - p) ** 2 + random_part.random()


random_part = random.Random(4)


def test_those_of_layers_and_losses_are_found_by_the_names_they_have_in_the_script():
    model = keras.Sequential([keras.Input((2,)), Jitter(), FromGlobal(), Jitter()])
    held = generators_held(model, of_loss)
    assert set(held) == {
        f"{OWN}{n}" for n in ("Jitter.rng", "Jitter.rng (2)", "rng", "random_part")
    }
    assert held[f"{OWN}rng"] is rng
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5)])
    assert generators_held(plain, "mse") == {}


def of_clock(y, p):
    return (y - p) ** 2 * elapsed()


def elapsed():
    return time.time() + perf_counter()


def test_calls_that_give_another_value_every_time_are_named_as_the_script_writes_them():
    model = keras.Sequential([keras.Input((2,)), FromGlobal()])
    assert never_alike(model, of_clock) == ["perf_counter", "time.time"]
    assert never_alike(model, of_loss) == []
