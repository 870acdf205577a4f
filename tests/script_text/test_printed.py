"""What a script prints and what it throws away, as its text says."""

import ast

import pytest

from whydiff.script_text.printed import counting_loop, keys_read, needed_for, throws_away


@pytest.mark.parametrize(
    ("text", "away"),
    [
        ("model.fit(x, y,\n          verbose=0)", True),
        ("h = model.fit(x, y)", False),
        ("print(model.fit(x, y))", False),
        ("model.fit(x, y)\nprint(model.history.history)", False),
        ("def train():\n    return model.fit(x, y)", False),
    ],
)
def test_what_a_call_returns_is_thrown_away(text, away):
    line = next(i for i, code in enumerate(text.splitlines(), 1) if "fit" in code)
    assert throws_away(ast.parse(text), line, "fit", "history") is away


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("h = model.fit(x)\nprint(h.history['loss'][-1], h.history['auc'])", ["auc", "loss"]),
        ("h = model.fit(x)\nprint(h.history['loss'], h.history)", []),
        ("h = model.fit(x)\nprint(h.history[name])", []),
        ("h = model.fit(x).history\nprint(h['loss'])", []),
    ],
)
def test_the_names_by_which_entries_are_read(text, keys):
    assert keys_read(ast.parse(text), "history") == keys


def test_the_loop_that_counted_and_what_it_depends_on():
    text = "n = 0\nfor a in x:\n    b = f(a)\n    c = g(a)\n    if b:\n        n += w\nprint(n)"
    module = ast.parse(text)
    loop = counting_loop(module, "n", 7)
    assert loop is not None and loop.lineno == 2
    assert needed_for(loop, "n") == {"n", "a", "b", "f", "w", "x"}
    assert counting_loop(module, "c", 7) is None and counting_loop(module, "n", 4) is None
