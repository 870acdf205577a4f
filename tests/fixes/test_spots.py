"""Where a line goes before two builds or two fits: what counts as a model, which places pair up."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from whydiff.core.recording import Draw, Fit, Frame, Side
from whydiff.fixes.spots import (
    Spot,
    build_spots,
    covers,
    fit_spots,
    makes_model,
    own_draws,
    pair,
    script_files,
)
from whydiff.script_text.edits import Script, first_line, parse
from whydiff.testing.sides import a_fit

PATH = "/home/me/train.py"
FILES = frozenset({PATH})
Sides = Callable[..., tuple[Side, Side]]
Stack = Callable[..., tuple[Frame, ...]]


def made(text: str) -> bool:
    """Whether the first statement of a script makes a model."""
    script = parse(text)
    return makes_model(script, script.tree.body[0])


@pytest.mark.parametrize(
    "text",
    [
        "m = keras.Sequential([])",
        "m = Model(i, o)",
        "m = keras.models.clone_model(first)",
        "m = keras.applications.ResNet50(weights=None)",
        "m = make_classifier(3)",
        "m = build_net()",
        "m = net()\ndef net():\n    return keras.Model(i, o)",
        "m = Net()\nclass Net(keras.Model):\n    pass",
        "m = Net()\nclass Base(Model):\n    pass\nclass Net(Base):\n    pass",
        "m = Net()\nclass Net(Mixin, keras.Model):\n    pass",
    ],
)
def test_what_makes_a_model(text: str) -> None:
    assert made(text)


@pytest.mark.parametrize(
    "text",
    [
        "d = keras.layers.Dense(3)",
        "x = factory.builder(3)",  # a method of who knows what
        "x = build(3)\ndef build(n):\n    return n",  # known, and it makes none
        "x = f()\ndef f():\n    return g()\ndef g():\n    return f()",
        "m = Layer()\nclass Layer(keras.layers.Layer):\n    pass",
        "m = Net()\nclass Net(Net):\n    pass",
        "x = functions[0]()",
        "m = Net()\nclass Other(keras.Model):\n    pass\nclass Net(Mixin):\n    pass",
    ],
)
def test_what_makes_none(text: str) -> None:
    assert not made(text)


def test_a_function_met_twice_is_read_once_and_what_follows_is_still_read() -> None:
    assert made("x = f() + f(), keras.Model()\ndef f():\n    return 1")
    assert made("x = f()\ndef f():\n    f()\n    return keras.Model()")


# --- draws ----------------------------------------------------------------------------------------


def test_only_what_each_model_drew_by_itself_counts(sides: Sides, stack: Stack) -> None:
    text = "a\nb\n"
    one, two = stack(text, ("a", "<module>")), stack(text, ("b", "<module>"))
    a, b = sides(draws=([one, one], [two]))
    drawn = own_draws(a, b)
    assert [[d.number for d in side] for side in drawn] == [[1], [3]]  # layer 0 is in both
    explicit = sides(draws=([one], [two]), explicit=True)
    assert own_draws(*explicit) == ([], [])
    without, other = own_draws(*sides(draws=([()], [two])))
    assert (without, [d.number for d in other]) == ([], [2])


def test_draws_of_no_layer_or_of_other_layers_are_all_kept(sides: Sides, stack: Stack) -> None:
    frames = stack("a\n", ("a", "<module>"))
    a, b = sides(draws=([frames], [frames]))

    def with_layers(*layers: str | None) -> tuple[Side, Side]:
        ledger = tuple(
            replace(d, layer=layer) for d, layer in zip(a.execution.ledger, layers, strict=True)
        )
        execution = replace(a.execution, ledger=ledger)
        return replace(a, execution=execution), replace(b, execution=execution)

    assert [len(d) for d in own_draws(*with_layers("dense", "conv"))] == [1, 1]
    assert [len(d) for d in own_draws(*with_layers(None, None))] == [1, 1]


def spots_of(text: str, *stacks: tuple[Frame, ...]) -> list[int]:
    """The lines before which a seed may stand for these draws, innermost first."""
    draws = [Draw(i, "initializer", "", 1, False, s) for i, s in enumerate(stacks, 1)]
    return [first_line(s.place.statement) for s in build_spots(parse(text), FILES, draws)]


BUILT = """\
import keras
def build():
    first = keras.layers.Dense(1)
    second = keras.layers.Dense(2)
    return keras.Sequential([first, second])
model = build()
"""


def test_a_seed_goes_before_the_first_layer_and_before_the_call(stack: Stack) -> None:
    first = stack(BUILT, ("model = build", "<module>"), ("first =", "build"))
    second = stack(BUILT, ("model = build", "<module>"), ("second =", "build"))
    assert spots_of(BUILT, first, second) == [3, 6]
    assert spots_of(BUILT, first) == [3, 6]
    assert spots_of(BUILT) == [] and spots_of(BUILT, ()) == []


def test_layers_of_two_functions_have_only_the_call_in_common(stack: Stack) -> None:
    text = BUILT.replace("def build", "def part():\n    return 1\ndef build")
    first = stack(text, ("model = build", "<module>"), ("first =", "build"))
    other = stack(text, ("model = build", "<module>"), ("return 1", "part"))
    assert spots_of(text, first, other) == [8]
    assert spots_of(text, first, first[:1]) == [8]


def test_a_function_that_makes_a_layer_is_no_place(stack: Stack) -> None:
    text = (
        "def dense():\n    return keras.layers.Dense(1)\n"
        "def build():\n    return keras.Sequential([dense()])\nmodel = build()\n"
    )
    frames = stack(text, ("model = build", "<module>"), ("Sequential", "build"),
                   ("Dense(1)", "dense"))  # fmt: skip
    assert spots_of(text, frames) == [4, 5]


def test_the_constructor_of_a_model_is_no_place_and_its_class_body_neither(stack: Stack) -> None:
    text = (
        "class Net(keras.Model):\n    def __init__(self):\n"
        "        self.other = keras.Sequential([Dense(1)])\nnet = Net()\n"
    )
    frames = stack(text, ("net = Net()", "<module>"), ("self.other", "Net.__init__"))
    assert spots_of(text, frames) == [4]


def test_a_loop_that_adds_layers_is_left_and_one_that_builds_models_is_not(stack: Stack) -> None:
    layers = (
        "model = keras.Sequential()\nfor n in range(3):\n    for m in range(2):\n"
        "        model.add(keras.layers.Dense(n))\n"
    )
    assert spots_of(layers, stack(layers, ("model.add", "<module>"))) == [2]
    models = "for n in range(3):\n    model = keras.Sequential()\n    model.add(Dense(n))\n"
    assert spots_of(models, stack(models, ("model.add", "<module>"))) == [3]
    both = (
        "for n in range(3):\n    model = keras.Sequential()\n    for m in range(2):\n"
        "        model.add(Dense(n))\n"
    )
    assert spots_of(both, stack(both, ("model.add", "<module>"))) == [3]


def test_a_lambda_and_another_file_are_no_places(stack: Stack) -> None:
    text = "make = lambda: keras.Sequential()\nmodel = make()\n"
    frames = stack(text, ("model = make", "<module>"), ("make =", "<lambda>"))
    assert spots_of(text, frames) == [2]
    elsewhere = tuple(replace(f, file="/home/me/net.py") for f in frames)
    assert spots_of(text, elsewhere) == []


# --- pairs of places ------------------------------------------------------------------------------


def spot(script: Script, line: int, outer: tuple[tuple[str, int], ...] = ()) -> Spot:
    """A place before the statement of a line."""
    stack = (
        *(Frame(f, n, "<module>") for f, n in outer),
        Frame(PATH, line, function_at(script, line)),
    )
    found = fit_spots(script, FILES, fit_at(stack))
    return replace(found[0], outer=outer)


def function_at(script: Script, line: int) -> str:
    for node in script.tree.body:
        if isinstance(node, ast.FunctionDef) and node.lineno < line <= (node.end_lineno or 0):
            return node.name
    return "<module>"


def fit_at(stack: tuple[Frame, ...]) -> Fit:
    return replace(a_fit(), stack=stack)


PAIRS = """\
a = 1
b = 2
for n in range(2):
    c = n
def f():
    d = 1
    e = 2
"""


def lines(*found: Spot) -> list[int]:
    return [first_line(s.place.statement) for s in found]


def test_one_place_serves_where_it_is_run_once_for_each() -> None:
    script = parse(PAIRS)
    once, looped, inner = spot(script, 1), spot(script, 4), spot(script, 6)
    assert lines(*pair(script, [once], [once])) == []
    assert lines(*pair(script, [looped], [looped])) == [4]
    assert lines(*pair(script, [inner], [inner])) == [6]
    called_twice = [spot(script, 1, ((PATH, n),)) for n in (1, 2)]
    assert lines(*pair(script, called_twice[:1], called_twice[1:])) == [1]


def test_two_places_of_one_scope_come_before_places_of_two() -> None:
    script = parse(PAIRS)
    a, b, inner = spot(script, 1), spot(script, 2), spot(script, 6)
    assert lines(*pair(script, [inner, a], [b])) == [1, 2]
    assert lines(*pair(script, [inner], [b])) == [6, 2]
    assert pair(script, [], [b]) == []


# --- whether seeds at the builds settle the fits --------------------------------------------------

COVERED = """\
a = build()
a.fit(x)
b = build()
b.fit(x)
for n in range(2):
    c = build()
    c.fit(x)
c.fit(y)
"""


def settled(points: list[int], fits: list[int], text: str = COVERED, **frame: str) -> bool:
    script = parse(text)
    function = frame.get("function", "<module>")
    made = [fit_at((Frame(PATH, line, function),)) for line in fits]
    return covers(script, [spot(script, line) for line in points], made[0], made[1])


def test_a_seed_before_each_build_settles_the_fits_that_follow_it() -> None:
    assert settled([1, 3], [2, 4])
    assert settled([1, 3], [2, 3])
    assert not settled([1, 3], [4, 4])  # the first fit runs after the second seed
    assert not settled([1, 3], [3, 4])
    assert not settled([1, 3], [2, 2])
    assert not settled([], [2, 4])


def test_a_seed_in_a_loop_settles_the_fits_in_that_loop() -> None:
    assert settled([6], [7, 7])
    assert settled([6], [5, 7])  # the lines of the loop, the first and the last
    assert not settled([6], [7, 8])
    assert not settled([6], [4, 7])
    assert settled([3], [4, 4])  # no loop around it


def test_fits_of_another_function_or_another_depth_are_not_settled() -> None:
    assert not settled([1, 3], [2, 4], function="train")
    script = parse(COVERED)
    points = [spot(script, 1), spot(script, 3)]
    assert not covers(script, points, fit_at(()), fit_at((Frame(PATH, 4, "<module>"),)))
    assert not covers(script, points, fit_at((Frame(PATH, 2, "<module>"),)), fit_at(()))
    deeper = [points[0], replace(points[1], outer=((PATH, 9),))]
    fits = [fit_at((Frame(PATH, n, "<module>"),)) for n in (2, 4)]
    assert covers(script, points, *fits) and not covers(script, deeper, *fits)


def test_a_method_is_known_by_its_name() -> None:
    text = "class T:\n    def run(self):\n        m = build()\n        m.fit(x)\n"
    script = parse(text)
    frames = [(Frame(PATH, n, "T.run"),) for n in (3, 4)]
    (place,) = fit_spots(script, FILES, fit_at(frames[0]))
    fit = fit_at(frames[1])
    assert covers(script, [place], fit, fit)


def test_the_script_is_known_under_every_name_of_its_file(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.touch()
    link = tmp_path / "link.py"
    link.symlink_to(script)
    assert script_files(link, "train.py") >= {str(link), str(script.resolve()), "train.py"}
    assert "" not in script_files(script, "")
    text = parse("m.fit()\n")
    through = fit_at((Frame(str(link), 1, "<module>"),))
    assert len(fit_spots(text, frozenset({str(script.resolve())}), through)) == 1
    assert fit_spots(text, frozenset({"/elsewhere.py"}), through) == []
