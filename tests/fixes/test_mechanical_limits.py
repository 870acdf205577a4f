"""What the repairs of known mechanisms leave alone, and what they do at the edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from whydiff.core.findings import DIFFERS, IDENTICAL, Finding
from whydiff.core.recording import Frame, Side
from whydiff.fixes.mechanical import repairs
from whydiff.fixes.proposal import Difference, Step
from whydiff.script_text.edits import apply, parse

Sides = Callable[..., tuple[Side, Side]]
Stack = Callable[..., tuple[Frame, ...]]
SCRIPT = Path("/home/me/train.py")


def steps(
    text: str, sides: tuple[Side, Side], source: str, mechanism: str, remedy: str = ""
) -> list[Step]:
    finding = Finding(source, DIFFERS, "", remedy=remedy, mechanism=mechanism)
    plans = repairs(parse(text), SCRIPT, Difference("runs", *sides, [finding], [source]))
    assert all(causes == (source,) for _, causes in plans)
    return [step for made, _ in plans for step in made]


def repaired(
    text: str, sides: tuple[Side, Side], source: str, mechanism: str, remedy: str = ""
) -> str:
    """The text after its one repair; "" where there is none."""
    found = steps(text, sides, source, mechanism, remedy)
    return apply(text, found[0].edits) if found else ""


def test_only_what_differs_and_is_a_cause_is_repaired(sides: Sides) -> None:
    text = "import keras\nds = base.map(f).cache()\n"
    differs = Finding("data-content", DIFFERS, "", mechanism="frozen-augmentation")
    equal = replace(differs, status=IDENTICAL)
    a, b = sides()

    def made(findings: list[Finding], causes: list[str]) -> int:
        return len(repairs(parse(text), SCRIPT, Difference("runs", a, b, findings, causes)))

    assert made([differs], ["data-content"]) == 1
    assert made([equal, differs], ["data-content"]) == 1  # the next finding is still looked at
    assert made([equal], ["data-content"]) == made([differs], ["noise"]) == 0


# --- layers ---------------------------------------------------------------------------------------

LOOP = "\nfor n in range(2):\n    model = keras.Sequential([d])\n    model.fit(x)\n"


@pytest.mark.parametrize(
    "text",
    [
        "import keras\nd: object = keras.layers.Dense(1)\n" + LOOP,
        "import keras\nm.d = keras.layers.Dense(1)\n" + LOOP,
        "import keras\nd = keras.layers.Input((1,))\n" + LOOP,
        "import keras\nd = keras.layers.InputLayer((1,))\n" + LOOP,
        "import keras\nd = []\n" + LOOP,
        "import keras\nd = [keras.layers.Dense(1), 3]\n" + LOOP,
        "import keras\nd = other(1)\n" + LOOP,
        "import keras\nd = keras.layers.Dense(1, name='''a\nb''')\n" + LOOP,
        "import keras\nd = keras.layers.Dense(1)\nd = keras.layers.Dense(2)\n" + LOOP,
        "import keras\nd = keras.layers.Dense(1)\nfor n in use(d):\n    keras.Sequential([d])\n",
        "import keras\nd = keras.layers.Dense(1)\nkeras.Sequential([d])\n",
        "import keras\nd = keras.layers.Dense(1)\nif n:\n    keras.Sequential([d])\n",
        "import keras\nd = keras.layers.Dense(1)\ndef f(d):\n    keras.Sequential([d])\n",
        "import keras\nd = keras.layers.Dense(1)\n" + LOOP + LOOP,
    ],
    ids=["annotated", "attribute", "Input", "InputLayer", "empty", "mixed", "unknown",
         "text over lines", "twice", "in the head of the loop", "no loop", "if", "parameter",
         "two loops"],
)  # fmt: skip
def test_layers_that_stay_where_they_are(sides: Sides, text: str) -> None:
    assert repaired(text, sides(), "state", "shared-layers") == ""


def test_layers_move_into_a_while_loop_and_a_function_of_one_line(sides: Sides) -> None:
    text = "import keras\nd = keras.layers.Dense(1)\nwhile more():\n    keras.Sequential([d])\n"
    assert repaired(text, sides(), "state", "shared-layers") == (
        "import keras\nwhile more():\n    d = keras.layers.Dense(1)\n    keras.Sequential([d])\n"
    )
    two = "import keras\nd = keras.layers.Dense(1)\ne = keras.layers.Dense(2)\n" + LOOP.replace(
        "[d]", "[d, e]"
    )
    (step,) = steps(two, sides(), "state", "shared-layers")
    assert "the layers of line 2, 3 anew" in step.how


# --- inputs ---------------------------------------------------------------------------------------


def exchanged(sides: Sides, stack: Stack, text: str, marks: tuple[str, str]) -> str:
    fits = [stack(text, (mark, "<module>")) for mark in marks]
    return repaired(text, sides(fits=fits), "data-content", "inputs-exchanged")


def test_inputs_that_are_given_alike_or_by_name_or_in_one_call_stay(
    sides: Sides, stack: Stack
) -> None:
    marks = ("a.fit", "b.fit")
    assert exchanged(sides, stack, "a.fit([t, s])\nb.fit([s, t])\n", marks) == (
        "a.fit([t, s])\nb.fit([t, s])\n"
    )
    assert exchanged(sides, stack, "a.fit([t, s])\nb.fit([t, s])\n", marks) == ""
    assert exchanged(sides, stack, "a.fit(x=[t, s])\nb.fit([s, t])\n", marks) == ""
    assert exchanged(sides, stack, "a.fit([t, s])\nb.fit(x=[s, t])\n", marks) == ""
    assert exchanged(sides, stack, "a.fit([t,\n s])\nb.fit([s, t])\n", marks) == ""
    assert exchanged(sides, stack, "a.fit([t, s])\n", ("a.fit", "a.fit")) == ""
    assert exchanged(sides, stack, "train(a)\nb.fit([s, t])\n", ("train", "b.fit")) == ""
    inside = "def f():\n    a.fit([t, s])\nb.fit([s, t])\n"
    assert exchanged(sides, stack, inside, marks) == ""


def test_two_runs_of_a_script_give_nothing_to_exchange(sides: Sides, stack: Stack) -> None:
    text = "a.fit([t, s])\nb.fit([s, t])\n"
    a, b = sides(fits=[stack(text, (f"{n}.fit", "<module>")) for n in "ab"])
    other = replace(b, execution=replace(b.execution))
    assert repaired(text, (a, other), "data-content", "inputs-exchanged") == ""
    assert repaired(text, (a, other), "state", "hidden-state-kept") == ""


# --- pipelines ------------------------------------------------------------------------------------


def test_of_several_pipelines_nobody_knows_which_one_is_at_fault(sides: Sides) -> None:
    text = "a = base.map(f).cache()\nb = base.map(g).cache()\n"
    assert repaired(text, sides(), "data-content", "frozen-augmentation") == ""
    for near in ("base.map(f).batch(2).cache()", "map(f).cache()", "cache().map(f)", "cache(map)"):
        assert repaired(f"a = {near}\n", sides(), "data-content", "frozen-augmentation") == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("batch(16).shuffle(100)", "shuffle(1600).batch(16)"),
        (
            "batch(batch_size=8).shuffle(buffer_size=4)",
            "shuffle(buffer_size=32).batch(batch_size=8)",
        ),
        ("batch(n).shuffle(100)", "shuffle(100).batch(n)"),
        ("batch(16).shuffle(m)", "shuffle(m).batch(16)"),
    ],
)  # fmt: skip
def test_the_buffer_is_counted_in_samples(sides: Sides, text: str, wanted: str) -> None:
    changed = repaired(f"d = base.{text}\n", sides(), "data-order", "batches-shuffled")
    assert changed == f"d = base.{wanted}\n"


@pytest.mark.parametrize(
    "text",
    [
        "while more:\n    i = 0\n    yield x[i]\n    i += 1\n",
        "while True:\n    i: int = 0\n    yield x[i]\n    i += 1\n",
        "while True:\n    i = start\n    yield x[i]\n    i += 1\n",
        "while True:\n    x.i = 0\n    yield x\n    i += 1\n",
        "while True:\n    i = 0\n    yield x[i]\n    j += 1\n",
        "while True:\n    i = 0\n    yield x[i]\n    self.i += 1\n",
        "while True:\n    i = 0\n    use(x[i])\n    i += 1\n",
        "while True:\n    i = 0\n",
        "while False:\n    i = 0\n    yield x[i]\n    i += 1\n",
    ],
)
def test_an_index_that_is_not_carried_on_by_an_endless_loop_stays(sides: Sides, text: str) -> None:
    inside = "def rows():\n" + "".join(f"    {line}\n" for line in text.splitlines())
    assert repaired(inside, sides(), "data-content", "generator-repeats") == ""


def test_the_loop_that_repeats_is_found_behind_others(sides: Sides) -> None:
    text = (
        "def rows():\n    while more:\n        go()\n        on()\n"
        "    while 1:\n        i = 0\n        yield x[i]\n        i += 1\n"
    )
    changed = repaired(text, sides(), "data-content", "generator-repeats")
    assert "    i = 0\n    while 1:\n        yield x[i]\n" in changed


# --- losses ---------------------------------------------------------------------------------------


def weighted(sides: tuple[Side, Side], loss: str, **facts: object) -> tuple[Side, Side]:
    def made(side: Side, given: dict[str, object]) -> Side:
        recipe = replace(side.fit.recipe, objective={"loss": loss, **given})
        return replace(side, fit=replace(side.fit, recipe=recipe))

    return made(sides[0], {}), made(sides[1], facts)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("tf.reduce_mean(d)", "tf.reduce_mean(d, axis=-1)"),
        ("tf.reduce_sum(d)", "tf.reduce_sum(d, axis=-1)"),
        ("keras.ops.sum(d)", "keras.ops.sum(d, axis=-1)"),
        ("torch.mean(d)", "torch.mean(d, dim=-1)"),
        ("tf.reduce_mean(d, -1)", ""),
        ("tf.reduce_mean(d, axis=0)", ""),
        ("tf.square(d)", ""),
    ],
)
def test_a_reduction_to_one_number_gets_an_axis(sides: Sides, body: str, wanted: str) -> None:
    text = f"import keras, torch\nimport tensorflow as tf\ndef mine(t, p):\n    return {body}\n"
    changed = repaired(text, weighted(sides(), "mine", class_weight=True), "objective", "")
    assert changed == (text.replace(body, wanted) if wanted else "")
    assert repaired(text, weighted(sides(), "mine"), "objective", "") == ""


def test_every_loss_is_named_once_with_its_line(sides: Sides) -> None:
    text = "import keras\ndef mine(t, p):\n    return keras.ops.mean(t) + keras.ops.mean(p)\n"
    (step,) = steps(text, weighted(sides(), "mine", sample_weight=True), "objective", "")
    assert step.how.startswith("Lets mine (line 3) give a value per sample")
    assert len(step.edits) == 2


# --- compile, gradients, states -------------------------------------------------------------------

FROZEN = 'model.compile("sgd")\nmodel.fit(x)\nbase.trainable = False\nmodel.fit(x, y)\n'
REMEDY = "Call compile() after trainable was changed."


def compiled(sides: Sides, stack: Stack, text: str, remedy: str = REMEDY) -> str:
    fits = [stack(text, (mark, "<module>")) for mark in ("model.fit(x)", "model.fit(x, y)")]
    return repaired(text, sides(fits=fits), "architecture", "", remedy)


def test_compile_is_repeated_behind_the_change_it_missed(sides: Sides, stack: Stack) -> None:
    assert compiled(sides, stack, FROZEN).splitlines()[3] == 'model.compile("sgd")'
    assert compiled(sides, stack, FROZEN, "Freeze the same layers.") == ""


@pytest.mark.parametrize(
    "text",
    [
        FROZEN.replace("base.trainable = False\n", "trainable = False\n"),
        FROZEN.replace("base.trainable = False\n", ""),
        FROZEN.replace('model.compile("sgd")', 'other.compile("sgd")'),
        FROZEN.replace('model.compile("sgd")', 'model.build("sgd")'),
        FROZEN.replace('"sgd")', '\n"sgd")'),
        FROZEN.replace("model.fit(x, y)", 'model.compile("adam")\nmodel.fit(x, y)'),
    ],
    ids=["a name", "no change", "another model", "another method", "over two lines", "compiled"],
)  # fmt: skip
def test_compile_is_not_repeated_where_it_would_help_nothing(
    sides: Sides, stack: Stack, text: str
) -> None:
    assert compiled(sides, stack, text) == ""


def test_a_change_of_several_layers_in_a_loop_is_compiled_behind_each_block(
    sides: Sides, stack: Stack
) -> None:
    text = FROZEN.replace("base.trainable = False\n", "if deep:\n    base.trainable = False\n")
    assert compiled(sides, stack, text) == ""  # nothing follows in that block


STEP = (
    "class M(keras.Model):\n    def train_step(self, data):\n        {}\n        loss.backward()\n"
)


@pytest.mark.parametrize(
    "text",
    [
        STEP.format("self.zero_grad()"),
        STEP.format("loss = f(data)").replace("train_step", "step"),
        STEP.format("loss = f(data)").replace("loss.backward()", "loss.forward()"),
        STEP.format("loss = f(data)").replace("loss.backward()", "backward()"),
        STEP.format("loss = f(data)").replace("(self, data)", "()"),
    ],
)
def test_steps_that_need_no_zero_grad(sides: Sides, text: str) -> None:
    assert repaired(text, sides(), "optimizer", "gradients-kept") == ""


def test_the_model_is_called_as_its_method_calls_it(sides: Sides) -> None:
    text = STEP.format("loss = f(data)").replace("self", "me")
    assert "        me.zero_grad()\n        loss.backward()\n" in repaired(
        text, sides(), "optimizer", "gradients-kept"
    )


def test_states_are_put_back_before_the_second_fit(sides: Sides, stack: Stack) -> None:
    text = "nets[0].fit(x)\nhistory = nets[0].fit(x, y)\n"
    fits = [stack(text, (mark, "<module>")) for mark in ("nets[0].fit(x)", "fit(x, y)")]
    changed = repaired(text, sides(fits=fits), "state", "hidden-state-kept")
    assert changed.splitlines()[1] == "for layer in nets[0].layers:"
    assert changed.splitlines()[-1] == "history = nets[0].fit(x, y)"
    unknown = [stack(text, ("nets[0].fit(x)", "<module>")), ()]
    assert repaired(text, sides(fits=unknown), "state", "hidden-state-kept") == ""


def test_attention_is_given_an_initializer_that_asks_for_no_fans(sides: Sides) -> None:
    text = (
        "from keras import layers\n"
        "x = layers.MultiHeadAttention(2, 4)(x, x)\n"
        "x = layers.MultiHeadAttention(\n    2,\n    4,\n)(x, x)\n"
        "x = layers.MultiHeadAttention(2, 4, kernel_initializer='zeros')(x, x)\n"
        "x = layers.Dense(2)(x)\n"
    )
    changed = repaired(text, sides(), "initialization", "keras-fans-3-15")
    given = 'kernel_initializer="truncated_normal"'
    assert changed.splitlines()[1] == f"x = layers.MultiHeadAttention(2, 4, {given})(x, x)"
    assert changed.count(given) == 2 and changed.splitlines()[4].strip() == f"4, {given}"
    assert changed.splitlines()[-2:] == text.splitlines()[-2:]
    without = text.splitlines()[-1]
    assert repaired(without, sides(), "initialization", "keras-fans-3-15") == ""


# --- the environment ------------------------------------------------------------------------------


def test_what_the_environment_decides_is_set_there(sides: Sides) -> None:
    (draws,) = steps("", sides(), "version", "jax-threefry-partitionable")
    assert draws.environment == {"JAX_THREEFRY_PARTITIONABLE": "1"} and not draws.edits
    (threads,) = steps("", sides(), "hardware", "thread-count")
    assert set(threads.environment.values()) == {"1"}
    assert "OMP_NUM_THREADS" in threads.environment
