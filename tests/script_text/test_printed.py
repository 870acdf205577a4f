"""What a script prints and what it throws away, as its text says."""

import ast

import pytest

from whydiff.script_text.printed import (
    called_alone,
    counting_loop,
    definition,
    keys_read,
    needed_for,
    one_return,
    throws_away,
)


@pytest.mark.parametrize(
    ("text", "away"),
    [
        ("model.fit(x, y,\n          verbose=0)", True),
        ("h = model.fit(x, y)", True),
        ("h = model.fit(x, y)\nprint(h)", False),
        ("print(model.fit(x, y))", False),
        ("model.fit(x, y)\nprint(model.history.history)", False),
        ("def train():\n    return model.fit(x, y)", False),
    ],
)
def test_what_a_call_returns_is_thrown_away(text, away):
    line = next(i for i, code in enumerate(text.splitlines(), 1) if "fit" in code)
    assert throws_away(ast.parse(text), line, "fit", "history") is away
    kept = away and "h =" not in text  # in a cell of a notebook another one may read the name
    assert throws_away(ast.parse(text), line, "fit", "history", whole=False) is kept


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("h = model.fit(x)\nprint(h.history['loss'][-1], h.history['auc'])", ["auc", "loss"]),
        ("h = model.fit(x)\nprint(h.history['loss'], h.history)", []),
        ("h = model.fit(x)\nprint(h.history[name])", []),
        ("h = model.fit(x).history\nprint(h['loss'])", ["loss"]),
        ("h = model.fit(x)\nh = h.history\nprint(h['loss'][-1])", ["loss"]),
        ("h = model.fit(x).history\nprint(h['loss'], len(h))", []),
        ("h = model.fit(x).history\nfor k in h:\n    print(h[k])", []),
        (
            "h = model.fit(x)\nfor k in ('loss', 'auc'):\n"
            "    print(h.history[k], h.history['val_' + k])",
            ["auc", "loss", "val_auc", "val_loss"],
        ),
        (
            "h = model.fit(x).history\nfor k in ['loss']:\n    print(h[f'val_{k}'][-1])",
            ["val_loss"],
        ),
        ("h = model.fit(x).history\nk = 'auc'\nfor k in ['loss']:\n    print(h[k])", []),
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


@pytest.mark.parametrize(
    ("ran", "text"),
    [
        (set(), "a = 1\nif c:\n    r = f(a)\nelse:\n    b = g(a)\n    r = b"),
        ({3}, "a = 1\nr = f(a)"),
        ({4}, "a = 1\nb = g(a)\nr = b"),
    ],
)
def test_several_returns_become_one(ran, text):
    body = ast.parse("a = 1\nif c:\n    return f(a)\nb = g(a)\nreturn b").body
    assert ast.unparse(ast.Module(one_return(body, "r", ran), [])) == text


def test_of_branches_that_return_nothing_the_one_that_ran_is_left():
    body = ast.parse("if c:\n    a = f(x)\nelse:\n    a = g(x)\nreturn a").body
    assert ast.unparse(ast.Module(one_return(body, "r", {4}), [])) == "a = g(x)\nr = a"


def test_a_return_in_a_loop_is_left():
    body = ast.parse("for a in x:\n    return a").body
    assert one_return(body, "r", {2}) == body


@pytest.mark.parametrize(
    ("text", "called"),
    [("a(x); b(x)", ["a", "b"]), ("m.f(x)", ["m.f"]), ("a(x); c = b(x)", []), ("c = 1", [])],
)
def test_what_the_statements_of_a_line_call(text, called):
    assert [ast.unparse(func) for func in called_alone(ast.parse(text), 1)] == called


@pytest.mark.parametrize(
    ("text", "value"),
    [("a, b = f(x)", "f(x)[1]"), ("a, b = 1, 2", "2"), ("a, b = c", None), ("b = f(x)", "f(x)")],
)
def test_what_a_name_was_given(text, value):
    found = definition(ast.parse(text), "b", 2)
    assert (found and ast.unparse(found)) == value
