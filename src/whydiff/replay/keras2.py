"""Hybrids in the process of a Keras 2: arrays of another training put into its own model.

Objects stay where they are: Keras 2 and Keras 3 take over no layers, losses and optimizers from
each other. Generators have no state that could be set, so the train function is made anew: its
operations then draw from their seeds as they did at first.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from whydiff.core.digests import tensor_digest
from whydiff.core.feeding import Plan, TransferError
from whydiff.core.hybrids import TrainedHybrid
from whydiff.core.live import Live
from whydiff.core.progress import EachEpoch
from whydiff.core.recipe import align
from whydiff.keras_backend.callbacks import numbers
from whydiff.keras_backend.internals import package_of
from whydiff.keras_backend.keras2 import backend
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.variables import Variables, variables_of
from whydiff.replay.probe import probe_of
from whydiff.replay.values import (
    Choice,
    assign,
    callbacks_of,
    nudged,
    optimizer_values,
    plan_of,
    side,
    starting_values,
)


class Keras2Hybrids:
    """Trains hybrids of two fits, of which at least one is of this process.

    ``differing`` are the structural sources that differ: a hybrid takes all of them from one side.
    """

    how = "by feeding what was recorded"

    def __init__(
        self, lives: Mapping[str, Live], differing: frozenset[str], each_epoch: EachEpoch
    ) -> None:
        self.lives, self._differing, self._each_epoch = lives, differing, each_epoch
        self._probe = probe_of(lives["a"])
        functions = {name: (live.train_function(), live.model) for name, live in lives.items()}
        self._changed = {
            name
            for name, (function, model) in functions.items()
            if model is not None and model.train_function is not function
        }

    def train(self, choice: Choice, nudge: int | None = None) -> TrainedHybrid:
        """Train the hybrid in which each source comes from the side that ``choice`` names.

        With ``nudge`` one initial weight, picked by that number, starts an ULP away.
        """
        name = self._base(choice)
        base = self.lives[name]
        plan = plan_of(self.lives, choice)
        for part in (plan.content, plan.objective):
            if part.material.samples.leaves is None:
                raise TransferError("the samples were too large to keep")
        variables = variables_of(base.model, Names(base.model))
        weights = starting_values(base, self.lives, choice, "weights")
        moved = 0.0
        if nudge is not None:
            weights, moved = nudged(weights, base.recipe.initialization, nudge)
        state = optimizer_values(variables.state, base.material.state, self.lives, choice)
        assign(variables, {"weights": weights, "noise": [], "state": state})
        logs = self._fit(base, plan, choice)
        return self._ended(base, variables, logs, moved)

    def recall(self, name: str) -> TrainedHybrid:
        """What side ``name`` ended with: its final weights, and their predictions."""
        live = self.lives[name]
        base = live if live.model is not None else self.lives[self._own()]
        variables = variables_of(base.model, Names(base.model))
        for i, j in align(base.recipe.initialization, live.recipe.initialization):
            variables.weights[i].variable.assign(live.final[j])
        return self._ended(base, variables, [dict(logs) for logs in live.logs], 0.0)

    def _own(self) -> str:
        return next(name for name, live in self.lives.items() if live.model is not None)

    def _base(self, choice: Choice) -> str:
        """The side whose model trains."""
        sides = {side(choice, source) for source in self._differing}
        if len(sides) > 1:
            raise TransferError("of a model of Keras 2 nothing but arrays is transferred")
        name = sides.pop() if sides else self._own()
        if self.lives[name].model is None:
            raise TransferError("Keras 2 and Keras 3 take over no objects from each other")
        if name in self._changed:
            raise TransferError("the model was compiled anew after this fit")
        return name

    def _fit(self, base: Live, plan: Plan, choice: Choice) -> list[dict[str, float]]:
        model = base.model
        duration = self.lives[side(choice, "duration")].fit_arguments
        first, epochs = int(duration["initial_epoch"]), int(duration["epochs"])
        counts = {len(plan.epoch(number)) for number in range(epochs - first)}
        if len(counts) != 1:
            raise TransferError("its epochs have other numbers of steps, which Keras 2 cannot feed")
        structure = plan.objective.material.samples.structure

        def batches() -> Iterator[Any]:
            for number in range(epochs - first):
                for leaves in plan.batches(number):
                    yield backend.nested(structure, leaves)

        logs: list[dict[str, float]] = []
        each_epoch = self._each_epoch
        base_class: Any = package_of(model).callbacks.Callback

        class Logs(base_class):  # type: ignore[misc]  # Keras has no types
            def on_epoch_end(self, epoch: int, found: Any = None) -> None:
                logs.append(numbers(found))
                each_epoch(len(logs), epochs - first)

        model.make_train_function(force=True)
        with contextlib.redirect_stdout(io.StringIO()):
            type(model).fit(
                model,
                backend.feed(batches, base.signature, plan.sizes),
                epochs=epochs,
                initial_epoch=first,
                steps_per_epoch=counts.pop(),
                callbacks=[*callbacks_of(self.lives, choice), Logs()],
                validation_data=_validation(self.lives[side(choice, "data-content")]),
                validation_freq=duration["validation_freq"],
                verbose=0,
            )
        return logs

    def _ended(
        self, base: Live, variables: Variables, logs: list[dict[str, float]], moved: float
    ) -> TrainedHybrid:
        weights = {s.path: np.array(backend.to_numpy(s.variable)) for s in variables.weights}
        digests = tuple(tensor_digest(value) for value in weights.values())
        return TrainedHybrid(digests, self._predict(base), weights, logs, moved=moved)

    def _predict(self, base: Live) -> list[np.ndarray] | None:
        if self._probe is None:
            return None
        leaves_of_batches, structure = self._probe
        try:
            outputs = [
                backend.flat(base.model(backend.nested(structure, leaves)[0], training=False))
                for leaves in leaves_of_batches
            ]
        except Exception:  # a model that cannot take these inputs
            return None
        return [
            np.concatenate([backend.to_numpy(part) for part in column])
            for column in zip(*outputs, strict=True)
        ]


def _validation(live: Live) -> Any:
    batches, structure = live.material.validation, live.material.validation_structure
    if not batches:
        return None
    return backend.feed(lambda: (backend.nested(structure, b) for b in batches), None, tuple)
