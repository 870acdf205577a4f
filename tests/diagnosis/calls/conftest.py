"""A fit of the model that the calls of these tests use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whydiff.testing.sides import a_fit


@pytest.fixture
def trained_fit():
    """Makes a fit of model 1 that was call ``number`` of its execution."""

    def make(number):
        return replace(a_fit(), call=number, model="Sequential 'sequential_1'")

    return make
