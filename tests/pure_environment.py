"""Run by ``make pure`` only: the environment of the pure rooms' tests really lacks Keras."""

import importlib.util

import pytest


@pytest.mark.parametrize("package", ["keras", "jax", "tensorflow", "torch", "ray"])
def test_is_not_here(package):
    assert importlib.util.find_spec(package) is None
