"""Answers as they come, made of plain data: for the tests of whatever shows them."""

from __future__ import annotations

import base64
import math
from dataclasses import replace
from typing import Any

import numpy as np

from whydiff.core.comparison import BETTER, Churn, Comparison, Pair, Secondary, Side
from whydiff.core.estimate import Estimate
from whydiff.core.findings import (
    CONFIRMED,
    DIFFERS,
    IDENTICAL,
    Cause,
    Diff,
    Divergence,
    Excluded,
    Explanation,
    Finding,
    Remedy,
)
from whydiff.core.lock import LEVELS
from whydiff.core.pictures import png
from whydiff.core.problem import Checked, Problem
from whydiff.core.recording import Draw, Epoch, Execution, Fit, Frame
from whydiff.core.searches import Bisection, Cell, Matrix, Outcome as Ended, Point, Tried
from whydiff.core.study import (
    METRIC,
    PREDICTIONS,
    Flips,
    Gate,
    Histogram,
    Outcome,
    Own,
    Study,
    Worth,
)
from whydiff.core.tracked import RunDifference, RunDifferences
from whydiff.core.verification import FAILS, HOLDS, UNKNOWN, FitCheck, Verification
from whydiff.testing.sides import a_recipe, steps, weights

PATCH = "--- a/train.py\n+++ b/train.py\n@@ -1 +1,2 @@\n import keras\n+seed()\n-old()\n"
#: a name that would be a script if it were read as markup
HOSTILE = "</script><script>window.stolen = 1</script><img src=x onerror='window.stolen=1'>\"'&"


def trace(steps: int = 40, parted: int = 12) -> dict[str, Any]:
    """A way on which two trainings agree until step ``parted`` and then drift apart."""
    x = [float(i) for i in range(steps + 1)]
    apart = [max(0, i - parted) for i in range(steps + 1)]
    return {
        "unit": "steps",
        "x": x,
        "epoch": [-1, *(i // 10 for i in range(steps))],
        "a": [None, *(1 / (1 + 0.1 * i) for i in range(steps))],
        "b": [None, *(1 / (1 + 0.1 * i) + 0.001 * d for i, d in enumerate(apart[1:]))],
        "distance": [1e-7 * 1.5**d if d else 0.0 for d in apart],
        "divergence": float(parted + 1),
    }


def evidence(name: str = "dense") -> dict[str, Any]:
    """Both sides, laid side by side; ``name`` is a layer's."""
    epochs = [
        {"epoch": i, "steps": 10, "logs": {"loss": 1 / (i + 1), "accuracy": 0.5 + i / 10}}
        for i in range(4)
    ]
    seed = {"layer": f"{name}/kernel", "owner": "GlorotUniform", "explicit": False, "line": 14}
    fed = [
        {"side": "a", "epoch": 0, "samples": 40, "every": 2, "order": list(range(0, 40, 2))},
        {
            "side": "b",
            "epoch": 0,
            "samples": 40,
            "every": 2,
            "order": [7 * i % 40 for i in range(20)],
        },
    ]
    return {
        "command": "whydiff explain train.py",
        "trace": trace(),
        "epochs": {"a": epochs, "b": epochs},
        "order": {
            "a epochs": 4,
            "b epochs": 4,
            "equal epochs": 0,
            "numbered alike": True,
            "fed": fed,
        },
        "seeds": {"a": [{**seed, "seed": 1}], "b": [{**seed, "seed": 2}]},
        "settings": [
            {"source": "optimizer", "name": "learning_rate", "a": 0.001, "b": 0.01},
            {"source": "version", "name": "keras", "a": "3.15.1", "b": "3.15.1"},
            {"source": "backend", "name": "backend", "a": "jax", "b": "jax"},
        ],
        "environment": [{"name": "platform", "a": "Linux", "b": "Linux"}],
        "equal steps": {"equal": 12, "of": 40, "a": 40, "b": 40},
        "hybrids": [{"from B": ["initialization"], "distance": 0.9, "seconds": 1.5}],
        "reproduces a": True,
        "reproduces b": True,
        "disagreements": [
            {"example": 3, "a": 1, "b": 2, "distance": 0.7, "picture": _picture()},
            {"example": 5, "a": 0, "b": 2, "distance": 0.6, "picture": _picture()},
        ],
    }


def _picture() -> str:
    return base64.b64encode(png(np.arange(64, dtype=np.uint8).reshape(8, 8))).decode()


def explanation(name: str = "dense", **changes: Any) -> Explanation:
    """A complete explanation; ``name`` appears wherever a script's own names do."""
    made = Explanation(
        question=f"Why do fits 1 and 2 of {name}.py end differently?",
        between="fits",
        a={"script": f"{name}.py", "fit": 1, "line": 27, "backend": "jax"},
        b={"script": f"{name}.py", "fit": 2, "line": 28, "backend": "jax"},
        chosen=f"fits 1 and 2 of {name}.py",
        identical=False,
        first_divergence=Divergence(1, 2, "update", f"{name}/kernel", 12, 1e-7),
        causes=(
            Cause(
                "initialization", f"{name}/kernel drew another seed", CONFIRMED,
                "2 of 4 weight tensors differ", "Set a seed.", 0.8, 0.97, 0.12,
            ),
            Cause("data-order", "B shuffles", CONFIRMED, "other order", "", 0.2, 0.1, 0.98),
        ),
        excluded=(Excluded("optimizer", f"all 16 settings of {name} equal"),),
        unknown=(Excluded("hardware", "not recorded"),),
        unexplained=0.0,
        gap={
            "metric": "accuracy", "a": 0.91, "b": 0.93, "predictions_differ": 0.04,
            "samples": 1000, "interval": [0.029, 0.054], "relative_weight_distance": 0.8,
        },
        remedy=Remedy(PATCH, True, f"Sets one seed in {name}."),
        notes=(f"A note on {name}.",),
        evidence=evidence(name),
    )  # fmt: skip
    return replace(made, **changes)


def diff(name: str = "dense", **changes: Any) -> Diff:
    """A comparison of two recorded fits."""
    kept = {k: v for k, v in evidence(name).items() if k != "trace"}
    made = Diff(
        a=f"{name}.whydiff:1",
        b=f"{name}.whydiff:2",
        identical=False,
        first_divergence=Divergence(0, 0, "before training", f"{name}/kernel", None, 1.4),
        findings=(
            Finding("initialization", DIFFERS, f"{name}/kernel differs", f"{name} drew"),
            Finding("optimizer", IDENTICAL, "all 16 settings equal"),
        ),
        evidence=kept,
    )
    return replace(made, **changes)


def study(name: str = "dense", draws: int = 16, **changes: Any) -> Study:
    """A study of ``draws`` independent draws with two sources and unstable examples."""
    rng = np.random.default_rng(0)
    values = [float(v) for v in rng.normal(0.9, 0.01, draws)]
    estimate = Estimate(0.9, 0.89, 0.91, draws)
    table = [
        {"number": i, "block": i // 2, "kind": "draw", "redrawn": "data-order,initialization"
         if i % 2 else "", "seed.initialization": i, "accuracy": v, "failure": ""}
        for i, v in enumerate(values)
    ]  # fmt: skip
    worth = (
        Worth("initialization", Estimate(0.98, 0.9, 1.05, 8), Estimate(0.2, 0.05, 0.4, 8)),
        Worth("data-order", Estimate(0.9, 0.8, 1.0, 8), Estimate(-0.02, -0.2, 0.1, 8)),
    )
    made = Study(
        script=f"{name}.py",
        chosen=f"fit 1 of {name}.py",
        engine="solo",
        backend="jax",
        plan={"attributed": ["initialization", "data-order"], "blocks": draws // 2, "seed": 0},
        planned=draws,
        trained=draws,
        failed=Estimate(0.0, 0.0, 0.1, draws),
        diverged=Estimate(0.0, 0.0, 0.1, draws),
        failures={},
        gates=(Gate("the script's own training is reproduced", True, f"all of {name} equal"),),
        outcome=Outcome(
            "accuracy", estimate, Estimate(0.01, 0.008, 0.02, draws), min(values), max(values),
            Histogram((0.8, 0.9, 1.0), (8, 8)), Estimate(0.05, 0.04, 0.06, draws),
            Estimate(0.1, 0.09, 0.11, draws), Estimate(1.3, 1.2, 1.4, draws),
        ),
        worth={PREDICTIONS: worth, METRIC: worth},
        noise=None,
        flips=Flips(1000, 90, ((3, 0.53), (9, 0.5)), "validation data", ((3, _picture()),)),
        own=Own(0.92, Estimate(0.9, 0.7, 0.99, draws), 0.2, True),
        agreement=None,
        levels=(),
        refused={"noise": "no step draws random numbers"},
        open=(),
        table=tuple(table),
    )  # fmt: skip
    return replace(made, **changes)


def comparison(name: str = "dense", pairs: int = 12, **changes: Any) -> Comparison:
    """A comparison in which B is better by twice the noise of seeds."""
    rng = np.random.default_rng(1)
    a = rng.normal(0.9, 0.01, pairs)
    b = a + rng.normal(0.02, 0.004, pairs)
    made = Comparison(
        question=f"Is B better than A in {name}.py?",
        a=Side(f"{name}.py", "solo", Estimate(0.9, 0.89, 0.91, pairs),
               Estimate(0.01, 0.008, 0.02, pairs), Estimate(0.0, 0.0, 0.2, pairs)),
        b=Side(f"{name}.py with optimizer=sgd", "solo", Estimate(0.92, 0.91, 0.93, pairs),
               Estimate(0.01, 0.008, 0.02, pairs), Estimate(0.0, 0.0, 0.2, pairs)),
        metric="accuracy",
        larger_is_better=True,
        verdict=BETTER,
        effect=Estimate(0.02, 0.016, 0.024, pairs),
        margin=0.005,
        alpha=0.05,
        probability=Estimate(0.95, 0.8, 0.99, pairs),
        churn=Churn("classes", 1000, 0.08, 0.1, Estimate(0.02, 0.005, 0.035, pairs), 0.01,
                    Estimate(0.09, 0.07, 0.11, pairs)),
        others=(Secondary("loss", Estimate(-0.1, -0.2, -0.05, pairs), 0.001, 0.001),),
        pairs=tuple(
            Pair(i, {"initialization": i}, float(x), float(y), False)
            for i, (x, y) in enumerate(zip(a, b, strict=True))
        ),
        max_pairs=50,
        fewest=5,
        more=0,
        stopped="settled",
        looks=tuple(
            Estimate(0.02, 0.02 - 0.015 / n, 0.02 + 0.015 / n, n) for n in range(3, pairs + 1)
        ),
        command=f"whydiff compare {name}.py --set optimizer=sgd",
        gates=(Gate("only the intended source was redrawn", True, f"digests of {name}"),),
    )  # fmt: skip
    return replace(made, **changes)


def unknown() -> Estimate:
    """A number of which nothing can be said."""
    return Estimate(math.nan, math.nan, math.nan, 0)


def execution(name: str = "dense", **changes: Any) -> Execution:
    """One execution of a script with two fits, as it was recorded."""
    step_rows, epochs = steps((3, 3))
    frame = Frame(f"{name}.py", 27, "<module>", "model.fit(x, y)")
    fits = tuple(
        Fit(
            index=i,
            model=f"Sequential '{name}'",
            stack=(frame,),
            recipe=a_recipe(),
            steps=step_rows,
            step_epochs=epochs,
            epochs=tuple(
                Epoch(e, 3, {"loss": 1 / (e + 1), "val_loss": 1.1 / (e + 1), "accuracy": 0.5})
                for e in range(2)
            ),
            final=weights(),
            finished=True,
            seconds=1.5,
            notes={"parameters": 30},
        )
        for i in (1, 2)
    )
    made = Execution(
        script=f"{name}.py",
        arguments=(),
        started="2026-01-02T03:04:05+00:00",
        exit_code=0,
        environment={"platform": "Linux"},
        fits=fits,
        ledger=(Draw(1, "initializer", "GlorotUniform", 7, False, (frame,), f"{name}/kernel", 1),),
    )
    return replace(made, **changes)


def verification(name: str = "dense", same: bool = False, **changes: Any) -> Verification:
    """One fit against its lock: with another learning rate, or ``same``, bit for bit."""
    state = HOLDS if same else FAILS
    why = ("18 steps, by digest", "follows", "follows") if same else (
        "the bits differ", "optimizer differs, which is not rounding", "lock with --replicas 23"
    )  # fmt: skip
    levels = {level: (state, reason) for level, reason in zip(LEVELS, why, strict=True)}
    if not same:
        levels["statistical"] = (UNKNOWN, why[2])
    findings = (
        Finding("initialization", IDENTICAL, "4 tensors equal"),
        Finding("optimizer", IDENTICAL, "16 settings equal")
        if same
        else Finding("optimizer", DIFFERS, f"learning_rate: 0.1 vs. 0.2 ({name}.py:12)"),
    )
    check = FitCheck(
        fit=1,
        model=f"Sequential '{name}'",
        levels=levels,
        first_divergence=None if same else Divergence(0, 2, "update", f"{name}/kernel"),
        findings=findings,
        weights=0.0 if same else 0.3,
        predictions=0.0 if same else 0.04,
        metrics={"loss": (0.5, 0.5 if same else 0.25)},
    )
    made = Verification(f"{name}.py", f"{name}.lock", "bitwise", (check,), ())
    return replace(made, **changes)


def checked(name: str = "dense", **changes: Any) -> Checked:
    """Two findings in one of three files, one of which could not be read."""
    problem = Problem(f"{name}.py", 7, 3, "WD101", "no-seed", "no seed is set", "Set one.")
    found = (problem, replace(problem, file=f"{name}.ipynb", cell=2, line=1))
    return replace(Checked(3, found, (("other.py", "it is no Python"),)), **changes)


def bisection(value: float = 0.5) -> Bisection:
    """A commit that changed a loss, explained; ``value`` is the loss there."""
    tried = Tried(1, "differs", "loss", "loss", value, ({"loss": 0.5},), "ab")
    points = (Point("a"), Point("b", "Train longer"))
    return Bisection("?", "train.py", "revisions", "found", points, (tried,), 0, 1,
                     explanation=explanation())  # fmt: skip


def matrix() -> Matrix:
    """The packages as they are, and a set under which the script fails."""
    cells = (
        Cell("now", (), "equal", "the reference", outcome=Ended("ab", logs=({"loss": 0.5},))),
        Cell("old", ("keras==3.3.3",), "failed", "no"),
    )
    return Matrix("?", "train.py", cells, "now", "loss", 2)


def runs(**changes: Any) -> RunDifferences:
    """Two runs of a tracker with recordings attached."""
    found = RunDifferences(
        "Why do the runs slow and fast differ?",
        "slow (1)",
        "fast (2)",
        (RunDifference("parameter", "rate", "0.01", "0.1"), RunDifference("tag", "x", None, "1")),
        equal=3,
        explanation=explanation(),
    )
    return replace(found, **changes)
