"""Shuffles of a tf.data pipeline get a seed, and one order where the fits share the pipeline."""

import pytest

from whydiff.fixes.fits import shuffle_steps
from whydiff.script_text.edits import apply, parse
from whydiff.script_text.imports import Names

HEAD = "import numpy as np\nimport random\nimport tensorflow as tf\n"
SLICES = "tf.data.Dataset.from_tensor_slices(x)"


def changed(text):
    """The texts that the steps make of a script, smallest change first."""
    script = parse(HEAD + text)
    found = shuffle_steps(script, Names(script))
    steps = [step for step in (found.seed, found.one_order) if step]
    return [apply(script.text, step.edits).removeprefix(HEAD) for step in steps]


def test_a_pipeline_that_both_fits_read_gets_one_order():
    assert changed(f"data = {SLICES}.shuffle(99).batch(4)\n") == [
        f"data = {SLICES}.shuffle(99, seed=0, reshuffle_each_iteration=False).batch(4)\n"
    ]


def test_a_pipeline_made_for_each_fit_needs_only_a_seed():
    text = f"def make():\n    return {SLICES}.shuffle(buffer_size=99).batch(4)\n"
    first, second = changed(text)
    assert first == text.replace("size=99", "size=99, seed=0")
    assert second == text.replace("size=99", "size=99, seed=0, reshuffle_each_iteration=False")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("9, 5", "9, 5, reshuffle_each_iteration=False"),
        ("9, seed=None", "9, seed=0, reshuffle_each_iteration=False"),
        ("9, None, True", "9, 0, False"),
        ("9, reshuffle_each_iteration=True", "9, reshuffle_each_iteration=False, seed=0"),
    ],
)
def test_what_is_given_stays_or_is_replaced(given, wanted):
    assert changed(f"data = {SLICES}.shuffle({given})\n") == [
        f"data = {SLICES}.shuffle({wanted})\n"
    ]


def test_every_shuffle_gets_a_number_of_its_own():
    (text,) = changed(f"a = {SLICES}.shuffle(9)\nb = {SLICES}.shuffle(8).map(f).shuffle(7)\n")
    assert [part[0] for part in text.split("seed=")[1:]] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        "random.shuffle(x)\n",
        "np.random.default_rng(1).shuffle(x)\n",
        "y = np.random.shuffle(x)\n",
        "shuffle(x)\n",
        f"data = {SLICES}.shuffle(9, 1, False)\n",
        "data = ds.shuffle(*options)\n",
        "data = ds.shuffle(**options)\n",
    ],
)
def test_other_shuffles_are_left_alone(text):
    assert changed(text) == []
