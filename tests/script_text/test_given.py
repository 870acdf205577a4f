"""Where a script made what a line gives to a model."""

from __future__ import annotations

import ast

import pytest

from whydiff.script_text.given import given_at


@pytest.mark.parametrize(
    ("text", "line", "made"),
    [
        ("x = load()\nx = x / 255\nmodel.predict(x)\n", 3, 2),
        ("x = load()\nmodel.evaluate(y=y, x=x)\n", 2, 1),
        ("x = load()\np = np.argmax(model.predict(x), 1)\n", 2, 1),
        ("x = load()\nmodel.predict(x / 255)\n", 2, 2),
        ("x = load()\nmodel(x, training=True)\n", 2, 1),
        ("def score(x):\n    return model.predict(x)\n", 2, 2),  # a parameter: its caller's
        ("model.predict(\n    x,\n)\n", 1, 1),
        ("x = 1\n", 1, 1),
    ],
)
def test_the_line_that_made_an_input(text, line, made):
    assert given_at(ast.parse(text), line) == made
