"""Lines that move the rows of one array, and lines that move those of all."""

import pytest

from whydiff.script_text.edits import parse
from whydiff.script_text.row_moves import moves_alone


def found(text):
    return [line for line, _ in moves_alone(parse(text))]


@pytest.mark.parametrize(
    "line",
    [
        "rng.shuffle(x)",
        "np.random.shuffle(data['x'])",
        "x = rng.permutation(x)",
        "x = sklearn.utils.shuffle(x)",
        "frame = frame.sample(frac=1)",
    ],
)
def test_one_array_is_moved(line):
    assert found(f"import numpy as np\n{line}\nmodel.fit(x, y)\n") == [2]


def test_an_array_is_taken_by_an_order_that_no_other_is_taken_by():
    text = "p = np.random.permutation(len(x))\nx = x[p]\nmodel.fit(x, y)\n"
    assert found(text) == [2]
    assert found(text.replace("x = x[p]", "x = x[p]\ny = y[p]")) == []
    assert found(text.replace("x = x[p]", "x, y = x[p], y[p]")) == []
    shuffled = "i = np.arange(9)\nrng.shuffle(i)\nx = x[i]\n"
    assert found(shuffled) == [3], "the order itself is no array"


def test_a_pipeline_is_shuffled_before_it_is_put_beside_another():
    text = "xs = xs.shuffle(99)\nds = tf.data.Dataset.zip((xs, ys)).batch(9)\n"
    assert found(text) == [1]
    assert found("ds = tf.data.Dataset.zip((xs, ys))\nds = ds.shuffle(99)\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "pairs = list(zip(x, y))\nrandom.shuffle(pairs)\n",
        "rows = np.arange(9)\nrng.shuffle(rows)\nx, y = x[rows], y[rows]\n",
        "names = os.listdir('.')\nrandom.shuffle(names)\n",
        "both = np.column_stack([x, y])\nrng.shuffle(both)\n",
        "x, y = sklearn.utils.shuffle(x, y)\n",
        "files = paths\nrandom.shuffle(files)\nfor path in files:\n    load(path)\n",
        "noise = rng.normal(size=9)\n",
        "few = random.sample(names, 3)\n",
    ],
)
def test_what_moves_together_is_not_named(text):
    assert found(text) == []
