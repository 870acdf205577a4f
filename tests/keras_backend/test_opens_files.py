"""The functions of a backend's library that open files by themselves, as this version has them."""

from __future__ import annotations

import importlib
import inspect

import pytest


@pytest.mark.parametrize(
    ("backend", "functions"),
    [("jax", []), ("torch", ["save"]), ("tensorflow", ["_write", "read"])],
)
def test_their_second_argument_is_the_path(backend, functions):
    uses = importlib.import_module(f"whydiff.keras_backend.{backend}.backend").opens_files()
    assert [use.name for use in uses] == functions
    for use in uses:
        parameters = list(inspect.signature(getattr(use.owner, use.name)).parameters)
        assert parameters[1] == use.parameter
