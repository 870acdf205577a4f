"""Repairs of known mechanisms: which lines change, and that nothing else does."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import SEEDING, Draw, Epoch, Frame, Side
from whydiff.fixes import before_trials, intended, proposals
from whydiff.fixes.proposal import Difference
from whydiff.fixes.purposes import _alike
from whydiff.script_text.edits import parse

Sides = Callable[..., tuple[Side, Side]]
Stack = Callable[..., tuple[Frame, ...]]
SCRIPT = Path("/home/me/train.py")


def repaired(
    text: str, sides: tuple[Side, Side], source: str, mechanism: str, remedy: str = ""
) -> str:
    found = Finding(source, DIFFERS, "", remedy=remedy, mechanism=mechanism)
    made = proposals(SCRIPT, text, Difference("fits", *sides, [found], [source]))
    return made[0].source if made else ""


FOLDS = """\
import keras

stack = [
    keras.layers.Dense(32),
    keras.layers.Dense(10),
]
for fold in folds:
    model = keras.Sequential([keras.Input((64,)), *stack])
    model.fit(x[fold])
"""
INSIDE = """\
import keras

for fold in folds:
    stack = [
        keras.layers.Dense(32),
        keras.layers.Dense(10),
    ]
    model = keras.Sequential([keras.Input((64,)), *stack])
    model.fit(x[fold])
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_shared_layers_move_into_the_loop(sides: Sides, newline: str) -> None:
    text, wanted = (t.replace("\n", newline) for t in (FOLDS, INSIDE))
    assert repaired(text, sides(), "state", "shared-layers") == wanted


def test_shared_layers_move_into_the_function_that_builds(sides: Sides) -> None:
    text = (
        "import keras\n\nhidden = keras.layers.Dense(3)\n\n\ndef build():\n"
        '    """A model."""\n    return keras.Sequential([hidden])\n\n\na, b = build(), build()\n'
    )
    changed = repaired(text, sides(), "state", "shared-layers")
    assert '"""A model."""\n    hidden = keras.layers.Dense(3)\n    return' in changed
    assert "\nhidden" not in changed


def test_layers_that_are_used_elsewhere_stay(sides: Sides) -> None:
    assert repaired(FOLDS + "print(stack)\n", sides(), "state", "shared-layers") == ""


INPUTS = "import keras\na, b = f(), f()\na.fit([t, s], y)\nb.fit([s, t], y)\n"


def test_inputs_are_exchanged(sides: Sides, stack: Stack) -> None:
    fits = [stack(INPUTS, (f"{name}.fit", "<module>")) for name in "ab"]
    changed = repaired(INPUTS, sides(fits=fits), "data-content", "inputs-exchanged")
    assert changed == INPUTS.replace("[s, t]", "[t, s]")


def test_an_index_is_set_once(sides: Sides) -> None:
    text = (
        "import keras\ndef rows(x):\n    while True:\n        i = 0\n        yield x[i:i + 2]\n"
        "        i += 2\n        if i > len(x):\n            i = 0\n"
    )
    changed = repaired(text, sides(), "data-content", "generator-repeats")
    assert "    i = 0\n    while True:\n        yield" in changed
    assert changed.count("i = 0") == 2


def test_an_index_that_is_set_to_the_end_of_the_batch_is_set_once(sides: Sides) -> None:
    text = (
        "import keras\ndef rows(x):\n    while True:\n        a = 0\n        b = a + 2\n"
        "        yield x[a:b]\n        a = b\n"
    )
    changed = repaired(text, sides(), "data-content", "generator-repeats")
    begins = "        if a >= len(x):\n            a = 0\n"
    assert f"    a = 0\n    while True:\n{begins}        b = a + 2\n" in changed


def test_an_index_that_an_inner_loop_counts_stays(sides: Sides) -> None:
    text = (
        "import keras\ndef rows(x):\n    while True:\n        i = 0\n        while i < len(x):\n"
        "            yield x[i:i + 2]\n            i += 2\n"
    )
    assert repaired(text, sides(), "data-content", "generator-repeats") == ""


@pytest.mark.parametrize(
    ("chain", "changed"),
    [
        ("base.batch(16).shuffle(100)", "base.shuffle(1600).batch(16)"),
        ("base.batch(batch_size=4).shuffle(buffer_size=3, seed=1)",
         "base.shuffle(buffer_size=12, seed=1).batch(batch_size=4)"),
        ("base.batch(n).shuffle(3)", "base.shuffle(3).batch(n)"),
        ("base.batch(4).map(f).shuffle(3)", ""),
        ("base.batch(4).shuffle(3); es = base.batch(4).shuffle(3)", ""),  # which of the two?
    ],
)  # fmt: skip
def test_a_buffer_of_batches_becomes_one_of_as_many_samples(
    sides: Sides, chain: str, changed: str
) -> None:
    text = "import keras\nds = {}\n"
    found = repaired(text.format(chain), sides(), "data-order", "batches-shuffled")
    assert found == (text.format(changed) if changed else "")


def test_the_cache_comes_before_the_map_that_draws(sides: Sides) -> None:
    text = "import keras\nds = base.map(noisy, 4).cache('f').batch(2)\n"
    changed = repaired(text, sides(), "data-content", "frozen-augmentation")
    assert changed == "import keras\nds = base.cache('f').map(noisy, 4).batch(2)\n"


def test_samples_are_shuffled_before_they_are_batched(sides: Sides) -> None:
    text = "import keras\nds = base.map(f).batch(16).shuffle(100, seed=1).prefetch(2)\n"
    changed = repaired(text, sides(), "data-order", "batches-shuffled")
    assert changed == (
        "import keras\nds = base.map(f).shuffle(1600, seed=1).batch(16).prefetch(2)\n"
    )


def test_compile_is_called_again_after_freezing(sides: Sides, stack: Stack) -> None:
    text = (
        'import keras\nmodel = f()\nmodel.compile("sgd", "mse")\nmodel.fit(x)\n'
        "base.trainable = False\nmodel.fit(x, epochs=2)\n"
    )
    fits = [stack(text, ("model.fit(x)", "<module>")), stack(text, ("epochs=2", "<module>"))]
    changed = repaired(
        text, sides(fits=fits), "architecture", "", "Call compile() after trainable was changed."
    )
    assert 'base.trainable = False\nmodel.compile("sgd", "mse")\nmodel.fit(x, epochs=2)' in (
        changed
    )


def test_gradients_are_forgotten_before_each_step(sides: Sides) -> None:
    text = (
        "import keras\nclass M(keras.Model):\n    def train_step(self, data):\n"
        "        loss = f(data)\n        loss.backward()\n"
    )
    changed = repaired(text, sides(), "optimizer", "gradients-kept")
    assert "        self.zero_grad()\n        loss.backward()\n" in changed


STEP = """\
class M(keras.Model):
    def loss_of(self, weights, others, x, y):
        p, {updated} = self.stateless_call(weights, others, x, training=True)
        return self.compute_loss(x, y, p), {returned}

    def train_step(self, state, data):
        weights, others, slots, metrics = state
        grad_fn = jax.value_and_grad(self.loss_of, has_aux=True)
        (loss, {taken}), grads = grad_fn(weights, others, *data)
        weights, slots = self.optimizer.stateless_apply(slots, grads, weights)
        return {{"loss": loss}}, (weights, others, slots, metrics)
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("new", "new", "_"), ("new", "new", "others")),
        (("new", "(p, new)", "(p, _)"), ("new", "(p, new)", "(p, others)")),
        (("_", "p", "p"), ("others", "(p, others)", "(p, others)")),
    ],
)
def test_a_step_hands_on_what_its_loss_updated(
    sides: Sides, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    parts = ("updated", "returned", "taken")
    text, wanted = (STEP.format(**dict(zip(parts, v, strict=True))) for v in (before, after))
    assert repaired(text, sides(), "mode", "step-drops-state") == wanted


def test_a_step_that_hands_its_state_on_is_left_alone(sides: Sides) -> None:
    text = STEP.format(updated="others", returned="(p, others)", taken="(p, others)")
    assert repaired(text, sides(), "mode", "step-drops-state") == ""


STAGES = """\
import keras
once.fit(x, y, epochs=5)
net.fit(x, y, epochs=2)
net.fit(x, y, epochs=3)
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            STAGES,
            STAGES.replace("net.fit(x, y, epochs=3)", "net.fit(x, y, epochs=5, initial_epoch=2)"),
        ),
        (STAGES.replace("epochs=3", "epochs=n"), ""),
        (STAGES.replace("epochs=3", "epochs=3, initial_epoch=0"), ""),
        (STAGES.replace("epochs=3", "**more"), ""),
    ],
)
def test_later_fits_number_their_epochs_on(sides: Sides, stack: Stack, text, wanted) -> None:
    lines = text.splitlines()
    fits = [stack(text, (line, "<module>")) for line in lines[1:3]]
    a, b = sides(fits=fits)
    later = replace(b.fit, index=3, stack=stack(text, (lines[3], "<module>")))
    ran = [replace(fit, epochs=(Epoch(0, 1, {}),) * n) for fit, n in ((b.fit, 2), (later, 3))]
    execution = replace(b.execution, fits=(a.fit, *ran))
    facts = {"callbacks count from 0 again in epoch": [3]}
    whole = replace(ran[0], parts=(2, 3), recipe=replace(b.fit.recipe, optimizer=facts))
    pair = replace(a, execution=execution), Side(execution, whole)
    assert repaired(text, pair, "optimizer", "schedule-restarted") == wanted


MASKED = """\
import keras


class Scale(keras.layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor


class Shift(keras.layers.Layer):
    def call(self, x):
        return x + 1


class Other(keras.layers.Layer):
    pass
"""


def test_layers_at_which_the_mask_ends_pass_it_on(sides: Sides) -> None:
    a, b = sides()
    facts = {"layers": ["s: Scale", "t: Shift", "o: Other"], "masks end at": ["s", "t"]}
    fit = replace(b.fit, recipe=replace(b.fit.recipe, architecture=facts))
    changed = repaired(MASKED, (a, replace(b, fit=fit)), "architecture", "mask-ends")
    once = "        super().__init__(**kwargs)\n        self.supports_masking = True\n"
    assert changed.replace(once, "        super().__init__(**kwargs)\n", 1) == MASKED.replace(
        "class Shift(keras.layers.Layer):\n",
        f"class Shift(keras.layers.Layer):\n    def __init__(self, **kwargs):\n{once}\n",
    )
    assert repaired(MASKED, (a, b), "architecture", "mask-ends") == ""


ENSEMBLE = """\
import keras
import numpy as np


def member():
    model = keras.Sequential([keras.layers.Dense(3)])
    model.fit(x, y)
    return model


members = [member() for _ in range(3)]
mean = np.mean([m.predict(x) for m in members], axis=0)
"""


def built(sides: Sides, stack: Stack, text: str, outer: str) -> tuple[Side, Side]:
    out = (outer, "<module>")
    draws = [[stack(text, out, ("keras.Sequential", "member"))] for _ in "ab"]
    fits = [stack(text, out, ("model.fit", "member")) for _ in "ab"]
    return sides(draws, fits)


@pytest.mark.parametrize(
    "line",
    ["members = [member() for _ in range(3)]", "nets = [member() for _ in range(3)]"],
)
def test_members_of_an_ensemble_are_never_made_equal(sides: Sides, stack: Stack, line: str) -> None:
    name = line.split(" = ")[0]
    text = ENSEMBLE.replace("members = [member() for _ in range(3)]", line)
    text = text.replace("for m in members]", f"for m in {name}]")
    a, b = built(sides, stack, text, line)
    causes = ["initialization", "data-order"]
    assert proposals(SCRIPT, text, Difference("fits", a, b, [], causes)) == []
    assert "ensemble" in " ".join(intended([], causes, text=text, a=a, b=b))


@pytest.mark.parametrize("name", ["members", "nets"])
def test_members_that_an_object_holds_are_an_ensemble(
    sides: Sides, stack: Stack, name: str
) -> None:
    text = (
        "import keras\nimport numpy as np\n\n\nclass Several:\n    def __init__(self):\n"
        f"        self.{name} = []\n        for i in range(3):\n"
        f"            self.{name}.append(keras.Sequential([keras.layers.Dense(3)]))\n\n"
        f"    def fit(self, x, y):\n        for m in self.{name}:\n            m.fit(x, y)\n\n"
        "    def predict(self, x):\n"
        f"        return np.mean([m.predict(x) for m in self.{name}], axis=0)\n\n\n"
        "several = Several()\nseveral.fit(x, y)\n"
    )
    draws = [[stack(text, ("several = ", "<module>"), ("keras.Sequential", "__init__"))]] * 2
    fits = [stack(text, ("several.fit", "<module>"), ("m.fit", "fit"))] * 2
    a, b = sides(draws, fits)
    assert (
        proposals(SCRIPT, text, Difference("fits", a, b, [], ["initialization", "data-order"]))
        == []
    )
    assert f"members of an ensemble ({name})" in " ".join(
        intended([], ["data-order"], text=text, a=a, b=b)
    )


def test_folds_are_never_made_equal(sides: Sides, stack: Stack) -> None:
    text = ENSEMBLE.split("members =")[0] + "for train, test in kfold.split(x):\n    member()\n"
    a, b = built(sides, stack, text, "    member()")
    assert proposals(SCRIPT, text, Difference("fits", a, b, [], ["initialization"])) == []
    assert "folds" in " ".join(intended([], ["initialization"], text=text, a=a, b=b))


@pytest.mark.parametrize(
    "line",
    ["Parallel(2)(delayed(member)(k) for k in range(3))", "scores = [member(k) for k in range(3)]"],
)
def test_folds_that_a_function_is_given_are_never_made_equal(
    sides: Sides, stack: Stack, line: str
) -> None:
    text = (
        ENSEMBLE.split("members =")[0].replace("def member():", "def member(fold):") + line + "\n"
    )
    a, b = built(sides, stack, text, line)
    assert proposals(SCRIPT, text, Difference("fits", a, b, [], ["initialization"])) == []
    other = text.replace("fold", "units")
    assert proposals(SCRIPT, other, Difference("fits", a, b, [], ["initialization"])) != []


@pytest.mark.parametrize("line", ["tuner.search(x, y)", "study.optimize(member, n_trials=3)"])
def test_trials_of_a_search_are_never_made_equal(sides: Sides, stack: Stack, line: str) -> None:
    text = ENSEMBLE.split("members =")[0] + line + "\n"
    a, b = built(sides, stack, text, line)
    assert proposals(SCRIPT, text, Difference("fits", a, b, [], ["initialization"])) == []
    said = " ".join(intended([], ["initialization"], text=text, a=a, b=b))
    assert said.startswith(line.partition("(")[0]) and "differ intentionally" in said


def test_models_in_a_list_that_are_only_compared_are_seeded(sides: Sides, stack: Stack) -> None:
    text = ENSEMBLE.split("members =")[0] + "both = [member() for _ in range(2)]\n"
    a, b = built(sides, stack, text, "both = ")
    found = proposals(SCRIPT, text, Difference("fits", a, b, [], ["initialization"]))
    assert any("set_random_seed(0)" in p.source for p in found)


def test_no_seed_inside_a_loop_over_epochs(sides: Sides, stack: Stack) -> None:
    text = "import keras\nmodel = f()\nfor epoch in range(3):\n    model.fit(x, y, epochs=1)\n"
    fits = [stack(text, ("model.fit", "<module>"))] * 2
    a, b = sides(fits=fits)
    assert proposals(SCRIPT, text, Difference("fits", a, b, [], ["data-order"])) == []


LOSS = """\
import keras
from keras import ops


def mine(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred))


def other(y_true, y_pred):
    return ops.mean(y_true - y_pred)
"""


@pytest.mark.parametrize(("weighted", "loss"), [(True, "mine"), (True, "mse"), (False, "mine")])
def test_a_loss_that_ignores_weights_gives_a_value_per_sample(
    sides: Sides, weighted: bool, loss: str
) -> None:
    def with_objective(side: Side) -> Side:
        facts = {"loss": loss, "sample_weight": weighted}
        recipe = replace(side.fit.recipe, objective=facts)
        return Side(side.execution, replace(side.fit, recipe=recipe))

    a, b = (with_objective(side) for side in sides())
    wanted = LOSS.replace("y_true - y_pred))", "y_true - y_pred), axis=-1)", 1)
    expected = wanted if weighted and loss == "mine" else ""
    assert repaired(LOSS, (a, b), "objective", "") == expected


GATHERED = """\
import keras
import numpy as np
import random


def member(rate=0.1):
    model = keras.Sequential([keras.layers.Dense(3)])
    model.fit(x, y)
    return model


"""
LOOPS = {
    "predictions added up": ("total = 0\nfor i in range(3):\n    m = member()\n    total += "
                             "m.predict(x) / 3\n", "ensemble (total)"),
    "mean of an array": ("nets = [member() for _ in range(3)]\nall_of = np.array([n.predict(x) for "
                         "n in nets])\nprint(all_of.mean(axis=0))\n", "ensemble (nets)"),
    "mean of scores": ("scores = []\nfor i in range(3):\n    m = member()\n    score = "
                       "m.evaluate(x, y)\n    scores.append(score)\nprint(np.mean(scores), "
                       "np.std(scores))\n", "repeats a training"),
    "best of several": ("best = 0\nfor i in range(5):\n    m = member()\n    score = m.evaluate(x, "
                        "y)\n    print(i, score)\n    if score > best:\n        best = score\n",
                        "again and again"),
    "rate drawn from a generator": ("rng = np.random.default_rng(1)\nfor i in range(3):\n"
                                    "    rate = 10 ** rng.uniform(-3, -1)\n    m = member(rate)\n",
                                    "draws the settings"),
    "rate drawn in the loop": ("for i in range(3):\n    rate = 10 ** np.random.uniform(-3, -1)\n"
                               "    m = member(rate)\n", "draws the settings"),
    "rate drawn in a function": ("def settings():\n    return {'rate': random.choice([1, 2])}\n\n\n"
                                 "for i in range(3):\n    m = member(**settings())\n",
                                 "draws the settings"),
}  # fmt: skip


@pytest.mark.parametrize("loop", LOOPS)
def test_what_a_loop_is_for_decides_whether_it_is_seeded(
    sides: Sides, stack: Stack, loop: str
) -> None:
    lines, said = LOOPS[loop]
    text = GATHERED + lines
    a, b = built(sides, stack, text, next(ln for ln in lines.split("\n") if "member(" in ln))
    causes = ["initialization", "data-order"]
    assert proposals(SCRIPT, text, Difference("fits", a, b, [], causes)) == []
    assert said in " ".join(intended([], causes, text=text, a=a, b=b))


@pytest.mark.parametrize("loop", ["best of several", "rate drawn in a function"])
def test_trials_are_seeded_before_their_loop(sides: Sides, stack: Stack, loop: str) -> None:
    lines, said = LOOPS[loop]
    text = GATHERED + lines
    a, b = built(sides, stack, text, next(ln for ln in lines.split("\n") if "member(" in ln))
    made_by = Difference("runs", a, b, [], ["initialization", "data-order"])
    sentence, found = before_trials(SCRIPT, text, made_by)
    assert said in sentence and found
    for proposal in found:
        loops = [n for n in ast.walk(ast.parse(proposal.source)) if isinstance(n, ast.For)]
        assert "set_random_seed(0)" in proposal.source
        assert not any("set_random_seed" in ast.unparse(n) for n in loops)


def test_a_seed_in_a_function_that_a_loop_calls_is_none_before_it(
    sides: Sides, stack: Stack
) -> None:
    text = GATHERED.replace("def member", "SEED = 7\n\n\ndef member") + LOOPS["best of several"][0]
    a, b = built(sides, stack, text, "    m = member()")
    _, found = before_trials(SCRIPT, text, Difference("runs", a, b, [], ["initialization"]))
    assert found
    assert all("(SEED)\nfor i in" in p.source or "(SEED)\n\n\ndef" in p.source for p in found)


@pytest.mark.parametrize(
    ("body", "alike"),
    [("print(f'{k}')", True), ("found.append((k, m))", True), ("m.compile(k)", False)],
)
def test_a_number_of_a_turn_may_be_told_by_a_function(body: str, alike: bool) -> None:
    text = f"{GATHERED}def once(k):\n    m = member()\n    {body}\n\n\nN = 4\n"
    script = parse(f"{text}for i in range(N):\n    once(i)\n")
    assert bool(_alike(script, script.tree.body[-1])) is alike


def test_a_comparison_is_no_trial(sides: Sides, stack: Stack) -> None:
    text = GATHERED + "for rate in (1, 2):\n    m = member(rate)\n"
    a, b = built(sides, stack, text, "    m = member(rate)")
    made_by = Difference("runs", a, b, [], ["initialization"])
    assert before_trials(SCRIPT, text, made_by) == ("", [])


@pytest.mark.parametrize(
    "lines",
    [
        "for rate in (1, 2):\n    m = member(rate)\n    print(rate, m.evaluate(x, y))\n",
        "for rate in range(2):\n    m = member(rate)\n    print(rate, m.evaluate(x, y))\n",
        "for rate in range(5):\n    rate = rate / 10\n    m = member(rate)\n",
        "for rate in (1, 2):\n    m = member(rate)\n    losses = []\n    for batch in x:\n"
        "        losses.append(m.evaluate(batch))\n    print(rate, np.mean(losses))\n",
        "for rate in (1, 2):\n    m = member(rate)\n    i = np.random.randint(0, 9)\n"
        "    print(i, m.predict(x[i]))\n",
    ],
    ids=[
        "rates",
        "twice",
        "a number that is a setting",
        "a mean within each turn",
        "a row picked to be shown",
    ],
)
def test_a_loop_that_compares_is_seeded_alike(sides: Sides, stack: Stack, lines: str) -> None:
    text = GATHERED + lines
    a, b = built(sides, stack, text, "    m = member(rate)")
    found = proposals(SCRIPT, text, Difference("fits", a, b, [], ["initialization"]))
    assert any("set_random_seed(0)" in p.source for p in found)


COUNTING = """\
import keras


class Blend(keras.layers.Layer):
    made = 0

    def __init__(self):
        super().__init__()
        Blend.made += 1


def train():
    model = keras.Sequential([keras.layers.Dense(3), Blend()])
    model.fit(x, y)


train()
train()
"""


def test_what_a_class_counts_is_set_back_before_each_model(sides: Sides, stack: Stack) -> None:
    draws = [[stack(COUNTING, (f"train()#{n}", "<module>"), ("Dense(3)", "train"))] for n in (2, 3)]
    said = "the class goes on counting from the model before (Blend.made 1 vs. 2)"
    found = Finding("architecture", DIFFERS, said, said, mechanism="class-counts-on")
    made = proposals(SCRIPT, COUNTING, Difference("fits", *sides(draws), [found], ["architecture"]))
    wanted = "def train():\n    Blend.made = 0\n    model = keras.Sequential("
    assert [wanted in p.source for p in made] == [True]


ONLY_SHOWN = "for i in range(3):\n    m = member()\n    print(i, m.evaluate(x, y))\n"


def test_a_script_that_seeds_in_time_is_tried_as_it_is_before_its_trials(
    sides: Sides, stack: Stack
) -> None:
    text = f"{GATHERED}keras.utils.set_random_seed(42)\n{ONLY_SHOWN}"
    a, b = built(sides, stack, text, "    m = member()")
    line = text[: text.index("keras.utils.set")].count("\n") + 1
    place = (Frame(str(SCRIPT), line, "<module>"),)
    set_first = Draw(0, SEEDING, "keras.utils.set_random_seed", 42, True, place, None, None)
    seeded = replace(a.execution, ledger=(set_first, *a.execution.ledger))
    one, other = (Side(seeded, side.fit) for side in (a, b))
    _, found = before_trials(SCRIPT, text, Difference("runs", one, other, [], ["noise"]))
    assert found[0].source == text and not found[0].patch and found[0].targets == ("noise",)
    _, unseeded = before_trials(SCRIPT, text, Difference("runs", a, b, [], ["noise"]))
    assert all(p.patch for p in unseeded)


@pytest.mark.parametrize(
    ("loop", "seed"),
    [
        (ONLY_SHOWN, "0"),
        (f"SEED = 7\nkeras.utils.set_random_seed(SEED)\n{ONLY_SHOWN}", "SEED"),
        (LOOPS["best of several"][0], ""),
        (
            "kept = []\nfor i in range(3):\n    m = member()\n    kept.append(m.evaluate(x, y))\n",
            "",
        ),
    ],
)
def test_repeats_that_are_only_shown_may_be_meant_to_be_equal(loop: str, seed: str) -> None:
    script = parse(GATHERED + loop)
    last = next(n for n in script.tree.body if isinstance(n, ast.For))
    said = _alike(script, last)
    assert "again and again" in said
    wanted = (
        f"if they are to be equal, let each turn begin with keras.utils.set_random_seed({seed})."
    )
    assert said.endswith(wanted) if seed else "to be equal" not in said
