"""Watching one fit: what goes in before its first step, digests of every step, what comes out."""

from __future__ import annotations

import functools
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from whydiff.adapters import adapter
from whydiff.adapters.callbacks import fresh_callback, listed
from whydiff.adapters.logs import numbers
from whydiff.adapters.naming import Names
from whydiff.adapters.variables import Slot, Variables, existing_variables, tensor, variables_of
from whydiff.capture.describe import describe, optimizer_facts
from whydiff.capture.feed import Feed
from whydiff.capture.interference import Interference
from whydiff.capture.ledger import Ledger, user_stack
from whydiff.capture.origins import origins_of
from whydiff.capture.randomness import GlobalGenerator
from whydiff.core.digests import group_digest, tensor_digest
from whydiff.core.live import Live, Material
from whydiff.core.recipe import Recipe
from whydiff.core.recording import Epoch


def _never_in_the_way(method: Callable[..., Any]) -> Callable[..., Any]:
    """Trouble of ours ends the watching of this fit, never the training."""

    @functools.wraps(method)
    def guarded(self: Watch, *args: Any) -> Any:
        if self.trouble:
            return None
        try:
            return method(self, *args)
        except Exception as error:
            self.trouble = f"{type(error).__name__}: {error}"
            print(
                f"whydiff: fit {self.index} is no longer watched: {self.trouble}", file=sys.stderr
            )
            if os.environ.get("WHYDIFF_DEBUG"):
                traceback.print_exc()
            return None

    return guarded


class Watch:
    """Everything about one running fit. Made when ``fit`` is called, finished when it returns."""

    def __init__(
        self,
        index: int,
        model: Any,
        fit_arguments: Mapping[str, Any],
        compiled: Mapping[str, Any],
        trained_by: Mapping[str, int],
        ledger: Ledger,
        writer: Any,
        keep_bytes: int,
    ) -> None:
        self.index, self.model = index, model
        self.trouble = ""
        self._stack = user_stack()
        self._adapter = adapter()
        self.feed = Feed(self._adapter, keep_bytes)
        self._fit, self._compiled = dict(fit_arguments), dict(compiled)
        # Read now: while a step's state travels, a learning rate may have no value to read.
        self._optimizer_facts = optimizer_facts(model.optimizer)
        self._callbacks = [fresh_callback(c) for c in listed(self._fit.get("callbacks"))]
        self._trained_by, self._ledger, self._writer = trained_by, ledger, writer
        self._created: dict[int, tuple[Any, np.ndarray]] = {
            id(v): (v, np.array(self._adapter.to_numpy(v))) for v in existing_variables(model)
        }
        self._names: Names | None = None
        self._variables: Variables | None = None
        self._initial: dict[str, list[np.ndarray]] = {}
        self._recipe: Recipe | None = None
        self._epoch = self._epoch_steps = 0
        self._logs: list[dict[str, float]] = []
        self.interference = Interference(self._adapter, model, self._callbacks)
        self._random = GlobalGenerator(self._adapter)
        self._started = time.monotonic()
        self._notes: dict[str, Any] = {}

    # --- steps --------------------------------------------------------------------------------

    @_never_in_the_way
    def created(self, variable: Any, initializer: Any) -> None:
        """A variable came into being before the first step was over: its first value."""
        if self._variables is None:
            value = self._adapter.initial_value(variable, initializer)
            if value is not None:
                self._created[id(variable)] = (variable, value)

    @_never_in_the_way
    def before_step(self, state: Any) -> None:
        """``state`` is what travels into the step on backends where it does, else None."""
        if self._variables is None:
            travelling = self._adapter.values_of(self.model, state)
            for variable in existing_variables(self.model):
                value = np.array(self._adapter.to_numpy(travelling.get(id(variable), variable)))
                self._created.setdefault(id(variable), (variable, value))
        else:
            weights = None
            if self.interference.wants_weights(self._epoch_steps):
                weights = group_digest(self._read(self._variables.weights, state))
            self.interference.before_step(self._epoch_steps, self._rates(state), weights)
        self._random.before_step(self._epoch, self._epoch_steps)

    @_never_in_the_way
    def after_step(self, logs: Any, state: Any) -> None:
        drawn = self._random.after_step()
        if self._variables is None:
            self._first_step_done()
        assert self._variables is not None
        if self.feed.trouble:
            raise RuntimeError(self.feed.trouble)
        executed = max(1, int(getattr(self.model, "steps_per_execution", 1) or 1))
        figures = [np.float64(value) for _, value in sorted(numbers(logs).items())]
        digests = (
            group_digest(self.feed.take(executed)),
            group_digest([*self._read(self._variables.noise, state), *drawn]),
            group_digest(self._read(self._variables.weights, state)),
            group_digest(self._read(self._variables.state, state)),
            group_digest(figures),
        )
        self._writer.step(self.index, self._epoch, digests)
        self.interference.after_step(self._rates(state), digests[2])
        self._epoch_steps += 1

    def _read(self, slots: Sequence[Slot], state: Any) -> list[np.ndarray]:
        travelling = self._adapter.values_of(self.model, state)
        to_numpy = self._adapter.to_numpy
        return [to_numpy(travelling.get(id(s.variable), s.variable)) for s in slots]

    def _rates(self, state: Any) -> list[Any]:
        assert self._variables is not None
        slots = [s for s in self._variables.state if s.role == "hyperparameter"]
        return [value.tolist() for value in self._read(slots, state)]

    def _first_step_done(self) -> None:
        """Everything is built now and can be named; values are those from before the step."""
        self._names = Names(self.model)
        self._variables = variables_of(self.model, self._names)
        self._ledger.locate(self._names.layers, self.index)
        for group, slots in self._variables.groups().items():
            unseen = [s.path for s in slots if id(s.variable) not in self._created]
            if unseen:
                self._notes[f"unknown: initial {group}"] = unseen
            self._initial[group] = [
                self._created[id(s.variable)][1]
                if id(s.variable) in self._created
                else np.array(self._adapter.to_numpy(s.variable))
                for s in slots
            ]
        self._created.clear()
        self._recipe = self._describe(frozenset())
        self._notes["data"] = self.feed.kind
        self._notes["parameters"] = int(sum(v.size for v in self._initial["weights"]))
        title = f"{type(self.model).__name__} {self.model.name!r}"
        self._writer.begin_fit(self.index, title, self._stack, self._recipe, self._notes)
        self._writer.ledger(self._ledger.draws)
        self._writer.tensors(self.index, "initial", self._named(self._initial))

    def _describe(self, acting: frozenset[int]) -> Recipe:
        assert self._variables is not None and self._names is not None
        tensors = {
            group: tuple(
                tensor(s, v, self._trained_by)
                for s, v in zip(slots, self._initial[group], strict=True)
            )
            for group, slots in self._variables.groups().items()
        }
        tensors["noise"] += self._random.tensors()
        return describe(
            self.model,
            self._names,
            tensors,
            self.feed,
            self._optimizer_facts,
            self._compiled,
            self._fit,
            self._callbacks,
            acting,
        )

    def _named(self, values: Mapping[str, Sequence[np.ndarray]]) -> dict[str, np.ndarray]:
        assert self._variables is not None
        return {
            f"{group}:{slot.path}": value
            for group, slots in self._variables.groups().items()
            for slot, value in zip(slots, values.get(group, ()), strict=False)
        }

    # --- epochs and end -----------------------------------------------------------------------

    @_never_in_the_way
    def begin_epoch(self, epoch: int) -> None:
        self._epoch, self._epoch_steps = epoch, 0

    @_never_in_the_way
    def end_epoch(self, epoch: int, logs: Mapping[str, Any] | None) -> None:
        if self._variables is None:
            return
        self._logs.append(numbers(logs))
        weights = self._read(self._variables.weights, None)
        self.feed.end_epoch()
        tensors = tuple(
            tensor(s, v, {}) for s, v in zip(self._variables.weights, weights, strict=True)
        )
        self._writer.end_epoch(
            self.index,
            Epoch(epoch, self._epoch_steps, self._logs[-1], tensors),
            self.feed.order[-1],
            self.feed.batches[-1],
        )

    @_never_in_the_way
    def finish(self, completed: bool) -> Live | None:
        """Called when ``fit`` returns or raises. None if not a single step was trained."""
        if self._variables is None or self._recipe is None:
            return None
        self.feed.end_epoch()  # a fit cut inside an epoch: what was fed so far still counts
        weights = [np.array(v) for v in self._read(self._variables.weights, None)]
        acting = frozenset(self.interference.acting)
        # Settings stand as they were at the first step; what training adds is filled in.
        complete = self._describe(acting)
        self._recipe = replace(
            self._recipe,
            data_order=complete.data_order,
            data_content=complete.data_content,
            batch_size=complete.batch_size,
            duration=complete.duration,
            measurement=complete.measurement,
            optimizer=complete.optimizer,
        )
        seconds = time.monotonic() - self._started
        samples = self.feed.samples()
        if samples.leaves is None:
            self._notes["not kept"] = "samples"
        self._writer.tensors(self.index, "final", self._named({"weights": weights}))
        if completed:
            final = tuple(
                tensor(s, v, {}) for s, v in zip(self._variables.weights, weights, strict=True)
            )
            self._writer.end_fit(self.index, self._recipe, final, seconds, self._notes)
        return Live(
            index=self.index,
            recipe=self._recipe,
            material=Material(
                weights=self._initial["weights"],
                noise=self._initial["noise"],
                state=self._initial["state"],
                samples=samples,
                order=tuple(self.feed.order),
                batches=tuple(self.feed.batches),
                validation=self.feed.validation,
                validation_structure=self.feed.validation_structure,
                random_states=self._random.states,
                random_draws=self._random.draws,
            ),
            model=self.model,
            optimizer=self.model.optimizer,
            compile_arguments=self._compiled,
            callbacks=self._callbacks,
            acting=acting,
            fit_arguments={
                "epochs": self._recipe.duration["epochs"],
                "initial_epoch": self._recipe.duration["initial_epoch"],
                "validation_freq": self._fit.get("validation_freq", 1),
            },
            signature=self.feed.signature,
            final=weights,
            logs=tuple(self._logs),
            regularizers=self._regularizers(),
            policies={
                path: layer.dtype_policy
                for path, layer in self._names.layers.items()
                if getattr(layer, "dtype_policy", None) is not None
            },
            train_function=self.model.train_function,
            seconds=seconds,
            origins=origins_of(
                self._ledger,
                self._variables,
                self.feed,
                self._fit,
                self._initial["noise"],
                self._read(self._variables.noise, None),
            ),
        )

    def left_behind(self) -> dict[str, int]:
        """Digests of the tensors that this fit changed: where a later fit may go on from."""
        if self._variables is None:
            return {}
        before = {tensor_digest(v) for group in self._initial.values() for v in group}
        slots = [s for group in self._variables.groups().values() for s in group]
        after = {tensor_digest(v) for v in self._read(slots, None)}
        return dict.fromkeys(after - before, self.index)

    def _regularizers(self) -> dict[str, Any]:
        """Live regularizers by canonical path of the variable, or ``activity:`` of the layer."""
        assert self._names is not None
        found = {
            self._names.variable(v): v.regularizer
            for v in self.model.trainable_variables
            if getattr(v, "regularizer", None) is not None
        }
        for path, layer in self._names.layers.items():
            if getattr(layer, "activity_regularizer", None) is not None:
                found[f"activity:{path}"] = layer.activity_regularizer
        return found
