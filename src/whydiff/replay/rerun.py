"""Hybrids of trainings whose steps belong to the script: the script runs again, pinned.

A loop of the script's own, or data too large to keep, cannot be fed from outside. So the script
is executed again from its first line, and at the first step of the training in question (and of
the loops whose steps come between) initial values are put in place; every step is fed what was
recorded. Code, and with it architecture, optimizer and objective, comes from one side as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.hybrids import Pins
from whydiff.core.live import Leaves, Live
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import models_of
from whydiff.keras_backend.variables import variables_of
from whydiff.replay.outcome import Outcome, generator_of, predict
from whydiff.replay.probe import probe_of
from whydiff.replay.program import STRUCTURE
from whydiff.replay.values import Choice, plan_of, side, starting_values

#: Runs the script of a side ("a" or "b") pinned up to the end of training ``last``; its fit then.
Run = Callable[[str, Mapping[int, Pins], int], Live]


def needs_script(live: Live) -> bool:
    """Whether a training can only run again together with its script."""
    return live.again == "script" or live.material.samples.leaves is None


@dataclass(eq=False)
class Rerun:
    """``companions`` are, per side and index, the loops that run between the steps."""

    lives: Mapping[str, Live]
    companions: Mapping[str, Mapping[int, Live]]
    differing: frozenset[str]
    run: Run

    @property
    def how(self) -> str:
        """How hybrids are trained, for the report."""
        put = "initial values and batches put in place"
        if any(live.again == "feed" for live in self.lives.values()):
            put = "initial values put in place, the data too large to keep fed by the script"
        return f"by running the script again: {put}"

    def train(self, choice: Choice, until: tuple[int, int] | None = None) -> Outcome:
        """Run the script again with each source from the side that ``choice`` names."""
        name = self._base(choice)
        base = self.lives[name]
        self._refuse(choice, name)
        pins = {base.index: _pins(base, self.lives, choice, until)}
        for index, own in self.companions[name].items():
            pair = {n: self.companions[n].get(index, own) for n in ("a", "b")}
            pins[index] = _pins(own, pair, choice, None, companion=True)
        made = self.run(name, pins, base.index)
        self._check(choice, made, pins[base.index])
        weights = {t.path: v for t, v in zip(made.recipe.initialization, made.final, strict=True)}
        logs = [dict(logs) for logs in made.logs]
        if until is not None:
            return Outcome(weights, None, logs[-1:])
        return Outcome(weights, self._predict(made), logs)

    def recall(self, name: str) -> Outcome:
        """What side ``name`` ended with: its final weights, and their predictions."""
        live = self.lives[name]
        shown = live if live.model is not None else self.lives["a" if name == "b" else "b"]
        return Outcome(
            {t.path: v for t, v in zip(live.recipe.initialization, live.final, strict=True)},
            self._predict(shown, live),
            [dict(logs) for logs in live.logs],
        )

    def measure(self, name: str) -> None:
        """A loop of the script's own computes its loss in its own way: nothing to take apart."""

    def _base(self, choice: Choice) -> str:
        """Whose script runs: the side that all differing parts of the program come from."""
        sides = {side(choice, s) for s in STRUCTURE if s in self.differing}
        if len(sides) > 1:
            raise TransferError(
                "the training is a loop of the script's own, whose code cannot be taken apart: "
                f"{', '.join(s for s in STRUCTURE if s in self.differing)} change together"
            )
        name = sides.pop() if sides else "a"
        return name

    def _refuse(self, choice: Choice, base: str) -> None:
        """Raise where something is wanted from one side that only the running script decides."""
        fixed = {"duration": "the script runs again as a whole and decides how long it trains"}
        if self.lives[base].again == "feed":
            why = "the data were too large to keep, so the script that runs again feeds its own"
            fixed |= dict.fromkeys(("data-order", "data-content", "batch-size"), why)
        for source, why in fixed.items():
            if side(choice, source) != base and self._unequal(source):
                raise TransferError(why)

    def _unequal(self, source: str) -> bool:
        one, two = (self.lives[n].recipe for n in ("a", "b"))
        if source == "duration":
            return dict(one.duration) != dict(two.duration)
        if source == "data-content":
            return not np.array_equal(one.data_content.samples, two.data_content.samples)
        if source == "data-order":
            return not _equal(one.data_order.epochs, two.data_order.epochs)
        return not _equal(one.batch_size.epochs, two.batch_size.epochs)

    def _check(self, choice: Choice, made: Live, pins: Pins) -> None:
        """Whether it was fed what it should have been, where the script fed it."""
        done = sum(len(sizes) for sizes in made.material.batches)
        if pins.steps is not None and done != pins.steps:
            raise TransferError(
                f"run again, the loop ended after {done} steps and not after {pins.steps}"
            )
        content, order = (self.lives[side(choice, s)] for s in ("data-content", "data-order"))
        if content.material.samples.leaves is None:
            same = np.array_equal(
                made.recipe.data_content.samples, content.recipe.data_content.samples
            ) and _equal(made.recipe.data_order.epochs, order.recipe.data_order.epochs)
            if not same:
                raise TransferError(
                    "the data were too large to keep, and run again the script feeds others"
                )

    def _predict(self, shown: Live, live: Live | None = None) -> list[np.ndarray] | None:
        """Predictions of every model that can take the probe, with the final weights of a fit."""
        live = live or shown
        final = {t.path: v for t, v in zip(live.recipe.initialization, live.final, strict=True)}
        for slot in variables_of(shown.model, Names(shown.model)).weights:
            if slot.path in final:
                slot.variable.assign(final[slot.path])
        from whydiff.replay.pinned import probing  # a data adapter of Keras 3

        data = probing(probe_of(self.lives["a"]))
        found = [predict(model, data) for model in models_of(shown.model)] if data else []
        return [array for part in found for array in part or ()] or None


def _equal(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def _pins(
    base: Live,
    lives: Mapping[str, Live],
    choice: Choice,
    until: tuple[int, int] | None,
    companion: bool = False,
) -> Pins:
    values = {
        group: dict(
            zip(
                (t.path for t in tensors),
                starting_values(base, lives, choice, group),
                strict=False,  # torch's global generator is among the noise, but no variable
            )
        )
        for group, tensors in (
            ("weights", base.recipe.initialization),
            ("noise", base.recipe.noise),
        )
    }
    carried = lives[side(choice, "state")]
    values["state"] = {
        t.path: value
        for t, value in zip(carried.recipe.state, carried.material.state, strict=True)
        if t.role != "hyperparameter"
    }
    generator = generator_of(lives, choice).material
    host_draws = lives[side(choice, "noise")].material.host_draws
    if base.again == "feed":  # a fit whose data were too large: the script feeds them again
        return Pins(values, random_states=generator.random_states,
                    random_draws=generator.random_draws, host_draws=host_draws)  # fmt: skip
    batches, steps = _batches(lives, choice)
    if until is not None:
        steps = until[1] + 1
    return Pins(
        values,
        batches,
        None if companion else steps,
        generator.random_states,
        generator.random_draws,
        host_draws,
    )


def _batches(
    lives: Mapping[str, Live], choice: Choice
) -> tuple[Callable[[int], Leaves | None], int | None]:
    plan = plan_of(lives, choice)
    if any(part.material.samples.leaves is None for part in (plan.content, plan.objective)):
        return (lambda step: None), None
    indices = plan.epoch(0)
    return (lambda step: plan.leaves(indices[step]) if step < len(indices) else None), len(indices)
