"""One hybrid after the other in the process that ran the script."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from whydiff.adapters import adapter
from whydiff.adapters.callbacks import fresh_callback, sort_callbacks
from whydiff.core.align import align
from whydiff.core.feeding import Plan, Untransplantable
from whydiff.core.live import Live
from whydiff.replay.measuring import take_apart
from whydiff.replay.nudging import nudged
from whydiff.replay.pinned import PinnedData, fixed
from whydiff.replay.program import STRUCTURE, Program, Programs
from whydiff.replay.steering import Steer, StopAfter
from whydiff.replay.values import Choice, assign, optimizer_values, side, starting_values

#: A probe holds at most this many samples where there are no validation data.
PROBE_SAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a training ended with: weights by canonical path, predictions on the probe, logs."""

    weights: dict[str, np.ndarray]
    predictions: list[np.ndarray] | None
    logs: list[dict[str, float]]
    moved: float = 0.0  # by how much an initial weight was nudged


class Solo:
    """Trains hybrids of two fits. ``differing`` are the structural sources that differ."""

    def __init__(self, lives: Mapping[str, Live], differing: frozenset[str]) -> None:
        self._lives = lives
        self._programs = Programs(lives, differing)
        self._probe = _probe(lives["a"])

    def train(
        self, choice: Choice, until: tuple[int, int] | None = None, nudge: int | None = None
    ) -> Outcome:
        """Train the hybrid in which each source comes from the side that ``choice`` names.

        With ``until`` (epoch, step) the training ends after that step, and the outcome is what
        it was then, without predictions. With ``nudge`` one initial weight, picked by that
        number, starts one ULP away; the outcome tells by how much.
        """
        program = self._programs.get(choice)
        lives = self._lives
        moved = self._reset(program, choice, nudge)
        plan = Plan(
            content=lives[side(choice, "data-content")],
            order=lives[side(choice, "data-order")],
            cut=lives[side(choice, "batch-size")],
            objective=lives[side(choice, "objective")],
            spare=lives["b" if side(choice, "data-order") == "a" else "a"],
        )
        for part in (plan.content, plan.objective):
            if part.material.samples.leaves is None:
                raise Untransplantable("the samples were too large to keep")
        duration = lives[side(choice, "duration")]
        data = _pinned(plan, program.base)
        first = int(duration.fit_arguments["initial_epoch"])
        stop = StopAfter(until, program.variables) if until is not None else None
        steer = Steer(data, _generator_of(lives, choice), first)
        validation = _validation(lives[side(choice, "data-content")])
        model = program.base.model
        with _quiet():
            keras.Model.fit(
                model,
                x=data,
                epochs=int(duration.fit_arguments["epochs"]),
                initial_epoch=first,
                callbacks=[*self._callbacks(choice), steer, *([stop] if stop else [])],
                validation_data=None if stop else validation,
                validation_freq=duration.fit_arguments["validation_freq"],
                verbose=0,
            )
        if stop is not None:
            return Outcome(stop.weights, None, [stop.logs])
        to_numpy = adapter().to_numpy
        weights = {s.path: np.array(to_numpy(s.variable)) for s in program.variables.weights}
        return Outcome(weights, self._predict(model), steer.logs, moved)

    def recall(self, name: str) -> Outcome:
        """What side ``name`` ended with: its final weights, and their predictions."""
        live = self._lives[name]
        program = self._programs.get(dict.fromkeys(STRUCTURE, name))
        for i, j in align(program.base.recipe.initialization, live.recipe.initialization):
            program.variables.weights[i].variable.assign(live.final[j])
        paths = [slot.path for slot in program.variables.weights]
        predictions = self._predict(program.base.model)
        weights = dict(zip(paths, live.final, strict=False))
        return Outcome(weights, predictions, [dict(logs) for logs in live.logs])

    def measure(self, name: str) -> dict[str, float] | None:
        """The logged training loss of side ``name`` against the evaluated one, in parts."""
        live = self._lives[name]
        program = self._programs.get(dict.fromkeys(STRUCTURE, name))
        return take_apart(live, program.base.model)

    def _reset(self, program: Program, choice: Choice, nudge: int | None) -> float:
        values = {
            group: starting_values(program.base, self._lives, choice, group)
            for group in ("weights", "noise")
        }
        values["state"] = optimizer_values(
            program.variables.state, program.fresh, self._lives, choice
        )
        moved = 0.0
        if nudge is not None:
            tensors = program.base.recipe.initialization
            values["weights"], moved = nudged(values["weights"], tensors, nudge)
        assign(program.variables, values)
        return moved

    def _callbacks(self, choice: Choice) -> list[Any]:
        found = []
        for source, part in (("optimizer", 1), ("duration", 0)):
            live = self._lives[side(choice, source)]
            found += sort_callbacks(live.callbacks, live.acting)[part]
        return [fresh_callback(c) for c in found]

    def _predict(self, model: Any) -> list[np.ndarray] | None:
        """Predictions on the probe, or None where this model cannot take its inputs."""
        batches, structure = self._probe
        try:
            with _quiet():
                outputs = keras.Model.predict(model, fixed(batches, structure), verbose=0)
        except Exception:
            return None
        return [np.asarray(part) for part in keras.tree.flatten(outputs)]


def _generator_of(lives: Mapping[str, Live], choice: Choice) -> Live:
    """Whose states the backend's global generator is set to: the noise's side, if it has any.

    It may have none where that side was trained on a backend without such a generator.
    """
    chosen = side(choice, "noise")
    other = lives["b" if chosen == "a" else "a"]
    return lives[chosen] if lives[chosen].material.random_states else other


def _pinned(plan: Plan, base: Live) -> PinnedData:
    cache: dict[int, Sequence[np.ndarray]] = {}

    def indices(epoch: int) -> Sequence[np.ndarray]:
        if epoch not in cache:
            cache.clear()
            cache[epoch] = plan.epoch(epoch)
        return cache[epoch]

    same = plan.objective is base or _signature_text(plan.objective) == _signature_text(base)
    return PinnedData(
        epochs=lambda epoch: (plan.leaves(i) for i in indices(epoch)),
        count=lambda epoch: len(indices(epoch)),
        structure=plan.objective.material.samples.structure,
        like=base.signature if same else plan.objective.signature,
    )


def _signature_text(live: Live) -> str:
    return str(live.signature)


def _validation(live: Live) -> PinnedData | None:
    if not live.material.validation:
        return None
    return fixed(live.material.validation, live.material.validation_structure)


def _probe(live: Live) -> tuple[list[list[Any]], Any]:
    """(batches, structure) of the inputs that predictions are compared on.

    The validation inputs if there are any, else the first 1,000 training samples.
    """
    material = live.material
    if material.validation:
        structure, batches = material.validation_structure, material.validation
    else:
        samples = material.samples
        structure = samples.structure
        if samples.unit == "batch":
            batches = [samples.batch(np.array([i])) for i in range(min(8, len(samples)))]
        else:
            count = min(PROBE_SAMPLES, len(samples))
            batches = [
                samples.batch(np.arange(start, min(start + 250, count)))
                for start in range(0, count, 250)
            ]
    inputs = structure[0] if isinstance(structure, tuple) else structure
    width = len(keras.tree.flatten(inputs))
    return [leaves[:width] for leaves in batches], (inputs,)


@contextlib.contextmanager
def _quiet() -> Any:
    """Callbacks of the script print; that belongs to the script's own run, not to a replay."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
