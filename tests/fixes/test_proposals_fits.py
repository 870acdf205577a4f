"""What is proposed where two fits of one run differ: one seed, in the right places."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import Frame, Side
from whydiff.fixes import Proposal, intended, proposals
from whydiff.fixes.proposal import Difference

Sides = Callable[..., tuple[Side, Side]]
Stack = Callable[..., tuple[Frame, ...]]
SEED = "keras.utils.set_random_seed(0)"

BUILDER = """\
import numpy as np
import keras


def make(seed):
    np.random.seed(seed)
    model = keras.Sequential([
        keras.layers.Dense(3),
        keras.layers.Dense(1),
    ])
    return model


one = make(42)
two = make({other})
one.fit(x)
two.fit(x)
"""


def propose(text: str, a: Side, b: Side, causes: list[str]) -> list[Proposal]:
    found = proposals(Path("/home/me/train.py"), text, Difference("fits", a, b, [], causes))
    for proposal in found:
        ast.parse(proposal.source)
    return found


def line_of(text: str, mark: str) -> int:
    return next(i for i, line in enumerate(text.split("\n"), 1) if mark in line)


def seeds_before(proposal: Proposal) -> list[str]:
    """The code that follows each seed call that was put in."""
    lines = proposal.source.split("\n")
    return [lines[i + 1].strip() for i, line in enumerate(lines) if line.strip() == SEED]


def built_by_make(sides: Sides, stack: Stack, other: int) -> tuple[str, Side, Side]:
    text = BUILDER.format(other=other)
    inner = [("Dense(3)", "make"), ("Dense(1)", "make")]
    draws = [[stack(text, (f"{name} =", "<module>"), i) for i in inner] for name in ("one", "two")]
    fits = [stack(text, (f"{name}.fit", "<module>")) for name in ("one", "two")]
    return text, *sides(draws, fits)


def test_the_seed_stands_before_the_statement_that_builds_not_inside_it(
    sides: Sides, stack: Stack
) -> None:
    text, a, b = built_by_make(sides, stack, 43)
    (first, *_) = propose(text, a, b, ["initialization"])
    assert seeds_before(first) == ["model = keras.Sequential(["]
    assert first.targets == ("initialization",)


def test_a_seed_that_misses_keras_is_replaced_where_both_pass_one_value(
    sides: Sides, stack: Stack
) -> None:
    text, a, b = built_by_make(sides, stack, 42)
    first, second = propose(text, a, b, ["initialization"])
    assert first.source == text.replace("np.random.seed(seed)", "keras.utils.set_random_seed(seed)")
    assert seeds_before(second) == ["model = keras.Sequential(["]


@pytest.mark.parametrize(
    ("seeds", "passed", "swapped"),
    [
        ("np.random.seed(7)", ("1", "2"), "7"),
        ("np.random.seed(seed)\n    random.seed(seed)", ("42", "42"), "seed"),
        ("np.random.seed(seed)", ("seed=42", "seed=42"), "seed"),
        ("np.random.seed(seed)", ("-3", "-3"), "seed"),
        ("np.random.seed(seed)", ("n", "n"), ""),  # whatever n is by then
        ("np.random.seed(SEED)", ("42", "42"), ""),
        ("np.random.seed(seed)\n    print(seed)", ("42", "42"), ""),
        ("np.random.seed(seed)\n    random.seed(3)", ("42", "42"), ""),
        ("np.random.seed()", ("42", "42"), ""),
        ("shuffle(seed)", ("42", "42"), ""),
    ],
)
def test_seeds_that_miss_keras_are_replaced_where_they_are_surely_of_one_value(
    sides: Sides, stack: Stack, seeds: str, passed: tuple[str, str], swapped: str
) -> None:
    text = BUILDER.format(other=passed[1]).replace("make(42)", f"make({passed[0]})", 1)
    text = "import random\n" + text.replace("np.random.seed(seed)", seeds)
    inner = [("Dense(3)", "make"), ("Dense(1)", "make")]
    draws = [[stack(text, (f"{name} =", "<module>"), i) for i in inner] for name in ("one", "two")]
    fits = [stack(text, (f"{name}.fit", "<module>")) for name in ("one", "two")]
    found = propose(text, *sides(draws, fits), ["initialization"])
    by = [p.source for p in found if f"set_random_seed({swapped or 'seed'})" in p.source]
    replaced = text.replace(seeds, f"keras.utils.set_random_seed({swapped})")
    assert replaced in by if swapped else by == []


def test_other_seeds_on_both_sides_are_not_just_renamed(sides: Sides, stack: Stack) -> None:
    text, a, b = built_by_make(sides, stack, 43)
    found = propose(text, a, b, ["initialization"])
    assert not any("set_random_seed(seed)" in p.source for p in found)


def test_the_order_needs_a_seed_before_each_fit_as_well(sides: Sides, stack: Stack) -> None:
    text, a, b = built_by_make(sides, stack, 43)
    first, *others = propose(text, a, b, ["initialization", "data-order"])
    assert seeds_before(first) == ["model = keras.Sequential([", "one.fit(x)", "two.fit(x)"]
    assert first.targets == ("initialization", "data-order")
    assert {p.targets for p in others} == {("initialization",), ("data-order",)}


def test_a_seed_that_misses_keras_is_replaced_also_where_the_fits_get_one(
    sides: Sides, stack: Stack
) -> None:
    text, a, b = built_by_make(sides, stack, 42)
    first, *_ = propose(text, a, b, ["initialization", "data-order"])
    assert first.targets == ("initialization", "data-order")
    assert "np.random.seed" not in first.source
    lines = [line.strip() for line in first.source.split("\n")]
    assert lines[lines.index("def make(seed):") + 1] == "keras.utils.set_random_seed(seed)"
    before = [lines[lines.index(f"{name}.fit(x)") - 1] for name in ("one", "two")]
    assert all(line.startswith("keras.utils.set_random_seed(") for line in before)


def test_order_alone_is_seeded_at_the_fits_only(sides: Sides, stack: Stack) -> None:
    text, a, b = built_by_make(sides, stack, 43)
    (only,) = propose(text, a, b, ["data-order"])
    assert seeds_before(only) == ["one.fit(x)", "two.fit(x)"]


LOOP = """\
from keras import layers, models


def dense(n):
    return layers.Dense(n)


def build(sizes):
    model = models.Sequential()
    for n in sizes:
        model.add(dense(n))
    return model


for rate in (1, 2):
    model = build([8, 8])
    model.fit(
        x,
        y)
"""


def test_a_loop_that_adds_layers_is_left_whole_and_keras_is_imported(
    sides: Sides, stack: Stack
) -> None:
    outer = [("model = build", "<module>"), ("model.add", "build"), ("return layers", "dense")]
    frames = stack(LOOP, *outer)
    fit = stack(LOOP, ("model.fit(", "<module>"))
    a, b = sides([[frames, frames]] * 2, [fit, fit])
    (first, *_) = propose(LOOP, a, b, ["initialization"])
    assert seeds_before(first) == ["for n in sizes:"]
    assert "import keras\n" in first.source
    assert first.source.index("import keras\n") < first.source.index("def dense")


def test_one_seed_further_out_serves_build_and_fit(sides: Sides, stack: Stack) -> None:
    outer = [("model = build", "<module>"), ("model.add", "build"), ("return layers", "dense")]
    frames = stack(LOOP, *outer)
    fit = stack(LOOP, ("model.fit(", "<module>"))
    a, b = sides([[frames, frames]] * 2, [fit, fit])
    (first, *_) = propose(LOOP, a, b, ["initialization", "data-order", "noise"])
    assert seeds_before(first) == ["model = build([8, 8])"]
    assert first.targets == ("initialization", "data-order", "noise")


def test_models_made_by_two_functions_are_seeded_where_each_is_made(
    sides: Sides, stack: Stack
) -> None:
    text = (
        "import keras\ndef wide():\n    return keras.Sequential(f())\n"
        "def deep():\n    return keras.Sequential(g())\n"
        "def train(make):\n    model = make()\n    model.fit(x)\n"
        "train(wide)\ntrain(deep)\n"
    )
    draws = [
        [stack(text, (f"train({name})", "<module>"), ("model = make", "train"), (mark, name))]
        for name, mark in (("wide", "f()"), ("deep", "g()"))
    ]
    fits = [
        stack(text, (f"train({name})", "<module>"), ("model.fit", "train"))
        for name in ("wide", "deep")
    ]
    a, b = sides(draws, fits)
    (first, *_) = propose(text, a, b, ["initialization", "data-order"])
    assert seeds_before(first) == ["model = make()"]


def test_models_made_one_after_the_other_are_seeded_one_by_one(sides: Sides, stack: Stack) -> None:
    text = (
        "import keras\na = keras.Sequential(f())\na.fit(x)\nb = keras.Sequential(g())\nb.fit(x)\n"
    )
    draws = [[stack(text, (mark, "<module>"))] for mark in ("f()", "g()")]
    fits = [stack(text, (mark, "<module>")) for mark in ("a.fit", "b.fit")]
    (first, *_) = propose(text, *sides(draws, fits), ["initialization", "data-order"])
    assert seeds_before(first) == ["a = keras.Sequential(f())", "b = keras.Sequential(g())"]


def test_two_models_of_one_expression_leave_no_place(sides: Sides, stack: Stack) -> None:
    text = "import keras\nms = [keras.Sequential(f()) for _ in range(2)]\nms[0].fit(x)\n"
    frames = stack(text, ("ms = ", "<module>"), ("ms = ", "<listcomp>"))
    fit = stack(text, ("ms[0].fit", "<module>"))
    a, b = sides([[frames], [frames]], [fit, fit])
    assert propose(text, a, b, ["initialization"]) == []


def test_a_one_line_function_is_seeded_at_its_calls(sides: Sides, stack: Stack) -> None:
    text = "import keras\ndef make(): return keras.Sequential()\na = make()\nb = make()\n"
    draws = [
        [stack(text, (mark, "<module>"), ("def make", "make"))] for mark in ("a = make", "b = make")
    ]
    a, b = sides(draws)
    (first, *_) = propose(text, a, b, ["initialization"])
    assert seeds_before(first) == ["a = make()", "b = make()"]


def test_library_files_are_never_edited(sides: Sides, stack: Stack) -> None:
    text = "import keras\nfrom helpers import make\na = make()\nb = make()\n"
    draws = []
    for mark in ("a = make", "b = make"):
        inner = stack(text, (mark, "<module>"))[0]
        helper = type(inner)("/home/me/helpers.py", 1, "make")
        draws.append([(inner, helper)])
    a, b = sides(draws)
    (first, *_) = propose(text, a, b, ["initialization"])
    assert seeds_before(first) == ["a = make()", "b = make()"]


def test_data_drawn_for_each_training_are_seeded_with_it(sides: Sides, stack: Stack) -> None:
    text = (
        "import keras\nimport numpy as np\ndef run():\n    '''Doc.'''\n"
        "    x = np.random.default_rng().normal(size=9)\n    model = keras.Sequential()\n"
        "    model.fit(x)\nrun()\nrun()\n"
    )
    draws, fits = [], []
    for nth in ("1", "2"):
        outer = (f"run()#{int(nth) + 1}", "<module>")
        draws.append([stack(text, outer, ("model = ", "run"))])
        fits.append(stack(text, outer, ("model.fit", "run")))
    a, b = sides(draws, fits)
    found = propose(text, a, b, ["initialization", "data-content"])
    best = found[1]
    assert "default_rng(0)" in best.source
    assert seeds_before(best) == ["x = np.random.default_rng(0).normal(size=9)"]
    assert line_of(best.source, "Doc.") < line_of(best.source, SEED)
    scaled = Finding("data-content", DIFFERS, "", mechanism="input-in-another-form")
    path = Path("/home/me/train.py")
    assert proposals(path, text, Difference("fits", a, b, [], ["data-content"]))
    assert proposals(path, text, Difference("fits", a, b, [scaled], ["data-content"])) == [], (
        "no draw did it"
    )


def test_seeds_written_in_the_script_are_asked_for(sides: Sides, stack: Stack) -> None:
    text = "import keras\na = make(11)\nb = make(12)\n"
    draws = [[stack(text, (mark, "<module>"))] for mark in ("a =", "b =")]
    a, b = sides(draws, explicit=True, kind="seed generator")
    assert propose(text, a, b, ["noise"]) == []
    (sentence,) = intended([], ["noise"], text=text, a=a, b=b)
    assert "101" in sentence and "102" in sentence


@pytest.mark.parametrize(
    ("orders", "text"),
    [
        (([[1, 0, 2]], [[0, 1, 2]]), "import keras\na.fit(x)\nb.fit(x, shuffle=False)\n"),
        (([[1, 0, 2]], [[2, 1, 0]]), "import keras\na.fit(ds.shuffle(9, seed=n))\nb.fit(x)\n"),
    ],
)
def test_another_order_by_argument_is_asked_for(
    sides: Sides, stack: Stack, orders: object, text: str
) -> None:
    fits = [stack(text, (mark, "<module>")) for mark in ("a.fit", "b.fit")]
    a, b = sides(fits=fits, orders=orders)
    assert propose(text, a, b, ["data-order"]) == []
    (sentence,) = intended([], ["data-order"], text=text, a=a, b=b)
    assert "asks" in sentence or "gives" in sentence


def test_carried_over_state_has_no_change_of_text(sides: Sides) -> None:
    a, b = sides()
    assert propose("import keras\nfit()\n", a, b, ["state"]) == []
    findings = [Finding("state", DIFFERS, "trained by fit 1")]
    assert intended(findings, ["state"]) == []


PIPELINES = {
    "shared": """\
import keras
import tensorflow as tf

data = tf.data.Dataset.range(9).shuffle(9)
one = keras.Sequential([keras.layers.Dense(1)])
two = keras.Sequential([keras.layers.Dense(1)])
one.fit(data)
two.fit(data)
""",
    "each its own": """\
import keras
import tensorflow as tf


def data():
    return tf.data.Dataset.range(9).shuffle(9)


one = keras.Sequential([keras.layers.Dense(1)])
two = keras.Sequential([keras.layers.Dense(1)])
one.fit(data())
two.fit(data())
""",
}
ONE_ORDER = "reshuffle_each_iteration=False"


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("causes", [["data-order"], ["initialization", "data-order"]])
def test_a_shuffle_is_changed_only_in_a_stream_and_no_more_than_needed(
    sides: Sides, stack: Stack, pipeline: str, streams: bool, causes: list[str]
) -> None:
    text = PIPELINES[pipeline]
    draws = [[stack(text, (f"{name} =", "<module>"))] for name in ("one", "two")]
    fits = [stack(text, (f"{name}.fit", "<module>")) for name in ("one", "two")]
    found = propose(text, *sides(draws, fits, relative=streams), causes)
    changed = [p for p in found if "seed=0" in p.source]
    if not streams:
        assert changed == []
    elif pipeline == "shared":
        assert found[0] is changed[0] and ONE_ORDER in found[0].source
    else:
        assert changed and ONE_ORDER not in changed[0].source
    if changed:
        assert ("set_random_seed" in changed[0].source) == (len(changed[0].targets) > 1)


def test_a_generator_that_each_fit_makes_for_every_batch_is_made_once_for_each(
    sides: Sides, stack: Stack
) -> None:
    text = (
        "import keras\nimport numpy as np\n\n\ndef rows(x):\n    while True:\n"
        "        i = np.random.default_rng().choice(9)\n        yield x[i]\n\n\n"
        "def train(x):\n    model = keras.Sequential([keras.layers.Dense(3)])\n"
        "    model.fit(rows(x))\n\n\ntrain(x)\ntrain(x)\n"
    )
    fits = [stack(text, (f"train(x)#{n}", "<module>"), ("model.fit", "train")) for n in (2, 3)]
    a, b = sides(fits=fits, relative=True)
    first = propose(text, a, b, ["data-order"])[0]
    assert "    rng = np.random.default_rng(0)\n    while True:\n        i = rng." in first.source
