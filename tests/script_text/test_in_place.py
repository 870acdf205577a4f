"""Lines that write into an array between two calls that are given it."""

import pytest

from whydiff.script_text.edits import parse
from whydiff.script_text.given import name_given
from whydiff.script_text.in_place import writes_into


def between(*lines):
    text = "\n".join(["p = model.predict(x)", *lines, "q = model.predict(x, verbose=0)"])
    script = parse(text + "\n")
    last = len(lines) + 2
    assert name_given(script.tree, 1) == name_given(script.tree, last) == "x"
    return [line for line, _ in writes_into(script, "x", 1, last)]


@pytest.mark.parametrize(
    "line",
    [
        "x /= 255.0",
        "x[:, 0] -= mean",
        "x[mask] = 0",
        "np.random.shuffle(x)",
        "x.sort(axis=0)",
        "np.divide(x, 255, out=x)",
        "batch = preprocess_input(x)",
        "np.nan_to_num(x, copy=False)",
        "np.copyto(x, other)",
    ],
)
def test_what_writes_into_the_array(line):
    assert between(line) == [2]


@pytest.mark.parametrize(
    "line",
    [
        "x = x / 255",
        "y /= 255",
        "z = np.sort(y)",
        "np.random.shuffle(y)",
        "np.divide(x, 255, out=z)",
        "z = np.nan_to_num(x)",
        "z[0] = x[0]",
        "batch = preprocess_input(y)",
    ],
)
def test_what_makes_a_new_one_or_writes_elsewhere(line):
    assert between(line) == []


def test_only_lines_in_between_count():
    script = parse("x /= 2\nmodel(x)\nif big:\n    x /= 3\nmodel(x)\nx /= 4\n")
    assert list(writes_into(script, "x", 2, 5)) == [(4, "x /= 3")]


def test_a_call_that_is_given_an_expression_has_no_array():
    script = parse("model.predict(x / 255)\nmodel.predict()\nprint(float(model(x).mean()))\n")
    assert [name_given(script.tree, line) for line in (1, 2, 3)] == ["", "", "x"]
