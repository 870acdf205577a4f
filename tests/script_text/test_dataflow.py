"""Which lines decide what a model is fed."""

from __future__ import annotations

import pytest

from whydiff.script_text.dataflow import deciding


def lines(texts, line, file="train.py"):
    """The marked lines (# yes) and those that were found, by file."""
    found = deciding(texts, file, line)
    assert found is not None
    marked = {(f, n) for f, text in texts.items()
              for n, each in enumerate(text.splitlines(), 1) if "# yes" in each}  # fmt: skip
    return marked, {(f, n) for f, numbers in found.lines.items() for n in numbers}


def at(text, what):
    return next(n for n, line in enumerate(text.splitlines(), 1) if what in line)


PROGRAM = """\
import argparse  # yes
import numpy as np  # yes
from settings import FOLD, RATE  # yes
parser = argparse.ArgumentParser()  # yes
parser.add_argument("--rows", default=9)  # yes
parser.add_argument("--rate", default=9)
args = parser.parse_args()  # yes
g = np.random.default_rng(7)  # yes
noise = g.normal()  # yes
x = g.normal(size=(96, 4))  # yes
if args.rows:  # yes
    x = x[:args.rows]  # yes
print(x.shape)
seen = len(x)
y = x.sum(axis=1)  # yes
def train(a, b):  # yes
    model = build(RATE)
    model.compile(loss="mse")
    model.fit(a, b, epochs=2)  # yes
train(x, y[FOLD])  # yes
"""


def test_names_are_followed_through_parameters_generators_and_options():
    texts = {"train.py": PROGRAM, "settings.py": "RATE = 1\nFOLD = 2  # yes\n"}
    marked, found = lines(texts, at(PROGRAM, "model.fit"))
    assert found == marked


PACKAGE = {
    "src/own/__init__.py": "from own.data import load  # yes\n",
    "src/own/data.py": """\
import numpy as np  # yes
SCALE = 3  # yes
COLOR = 4


def load(path, rows=9):  # yes
    "Loads."
    table = np.loadtxt(path)  # yes
    return _cut(table, rows) / SCALE  # yes


def _cut(table, rows):  # yes
    return table[:rows]  # yes


def show(table):
    return str(table)
""",
    "train.py": """\
import own  # yes
from own import data
print(data.show(1))
class Reader:  # yes
    step = 2  # yes
    color = 3
    def __init__(self, path):  # yes
        self.x = own.load(path)  # yes
    def __getitem__(self, number):  # yes
        return self.x[:: self.step]  # yes
reader = Reader("x.csv")  # yes
model.fit(reader, epochs=3)  # yes
""",
}


def test_names_are_followed_through_packages_and_classes():
    marked, found = lines(PACKAGE, at(PACKAGE["train.py"], "model.fit"))
    assert found == marked


def test_what_is_fed_is_told_apart_from_how_it_is_trained():
    one, other, third = (
        deciding({"a.py": f"model.fit(x{cut}, y, epochs={n})\n"}, "a.py", 1)
        for cut, n in (("", 1), ("", 2), ("[1:]", 1))
    )
    assert one.arguments == other.arguments != third.arguments


def test_keys_that_may_be_used_unnamed_are_said_to_be():
    assert not deciding({"a.py": "x = load(c['rows'])\nm.fit(x)\n"}, "a.py", 2).every_key
    assert deciding({"a.py": "x = load(**c)\nm.fit(x)\n"}, "a.py", 2).every_key


@pytest.mark.parametrize("text", ["x = 1\n", "def broken(:\n"])
def test_without_a_call_that_feeds_nothing_is_said(text):
    assert deciding({"a.py": text}, "a.py", 1) is None


def test_names_that_import_each_other_end():
    texts = {"a.py": "from b import x\nm.fit(x)\n", "b.py": "from a import x\n"}
    assert deciding(texts, "a.py", 2) is not None


def test_data_drawn_in_one_go_are_no_generator():
    text = """import numpy as np  # yes
x = np.random.default_rng(5).normal(size=9)  # yes
model = network()
model.fit(x, x)  # yes
print(model.evaluate(x, x))
"""
    marked, found = lines({"train.py": text}, 4)
    assert found == marked
