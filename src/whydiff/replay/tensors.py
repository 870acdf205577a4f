"""One step of a training looked at tensor by tensor, and the weights of the steps behind it.

Layer outputs, loss and gradients are computed eagerly, by calling the model as its train step
does: inside a compiled step nothing can be looked at without changing what is compiled. Slots and
weights come from the very step that the training takes, compiled as it compiles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.hybrids import StepInputs, StepRecord
from whydiff.core.recipe import Tensor, align
from whydiff.keras_backend import adapter
from whydiff.keras_backend.callbacks import numbers
from whydiff.keras_backend.internals import training_argument
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.patches import Call, calls_wrapped
from whydiff.keras_backend.variables import Slot, Variables
from whydiff.replay.outcome import quiet
from whydiff.replay.pinned import fixed
from whydiff.replay.program import Program
from whydiff.replay.solo import Solo
from whydiff.replay.values import Choice

Moment = tuple[int, int]  # (epoch, step within it)
#: Weights of the steps behind the split are kept up to this size; then there are fewer steps.
TRAIL_BYTES = 1 << 29


class Collect(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Keeps all variables before one step, and weights after it and ``count - 1`` more."""

    def __init__(self, moment: Moment, count: int, variables: Variables) -> None:
        super().__init__()
        self._moment, self._count, self._variables = moment, count, variables
        self._now: Moment = (0, 0)
        self._began = False
        self.values: dict[str, dict[str, np.ndarray]] = {}
        self.after: dict[str, dict[str, np.ndarray]] = {}
        self.generator: np.ndarray | None = None
        self.trail: list[dict[str, np.ndarray]] = []
        self.logs: dict[str, float] = {}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._now = (epoch, 0)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._now == self._moment:
            self._began = True
            self._sync()
            self.values = {g: _values(s) for g, s in self._variables.groups().items()}
            state = adapter().random_state()
            self.generator = None if state is None else np.array(state)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._now = (self._now[0], self._now[1] + 1)
        if not self._began:
            return
        self._sync()
        weights = _values(self._variables.weights)
        if not self.trail:
            self.after = {g: _values(s) for g, s in self._variables.groups().items()}
            self.logs = numbers(logs)
        self.trail.append(weights)
        kept = len(self.trail) * sum(v.nbytes for v in weights.values())
        if len(self.trail) >= self._count or kept > TRAIL_BYTES:
            self.model.stop_training = True

    def _sync(self) -> None:
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()


def _values(slots: Sequence[Slot]) -> dict[str, np.ndarray]:
    to_numpy = adapter().to_numpy
    return {s.path: np.array(to_numpy(s.variable)) for s in slots}


def look(
    solo: Solo, choice: Choice, moment: Moment, count: int, given: StepInputs | None = None
) -> StepRecord:
    """Train a hybrid up to ``moment`` and ``count`` steps on; look at what its program does there.

    With ``given`` the step looked at starts from those inputs instead of the training's own.
    Raises TransferError where the training never gets there, or cannot be fed like that.
    """
    program, plan = solo.prepared(choice)
    model = program.base.model
    if int(getattr(model, "steps_per_execution", 1) or 1) != 1:
        raise TransferError("several steps run as one (steps_per_execution)")
    collect = Collect(moment, count, program.variables)
    solo.run(choice, program, plan, collect)
    if not collect.trail:
        raise TransferError(f"it never comes to epoch {moment[0] + 1}, step {moment[1] + 1}")
    first = int(solo.lives[choice.get("duration", "a")].fit_arguments["initial_epoch"])
    leaves = [
        None if leaf is None else np.asarray(leaf)
        for leaf in plan.leaves(plan.epoch(moment[0] - first)[moment[1]])
    ]
    own = StepInputs(collect.values, leaves, collect.generator)
    structure = plan.objective.material.samples.structure
    notes: list[str] = []
    seen = _examined(program, structure, own, given or own, moment, notes)
    return StepRecord(own, seen, collect.trail, notes)


def _examined(
    program: Program,
    structure: Any,
    own: StepInputs,
    given: StepInputs,
    moment: Moment,
    notes: list[str],
) -> list[tuple[str, str, np.ndarray]]:
    model, variables = program.base.model, program.variables
    leaves = list(given.leaves)
    if len(leaves) != len(own.leaves):
        raise TransferError("a batch of one has other parts than a batch of the other")
    values = {g: _taken(s, given.values[g]) for g, s in variables.groups().items()}
    # Settings are the optimizer's own; what it accumulated is an input of the step.
    for slot in variables.state:
        if slot.role == "hyperparameter":
            values["state"][slot.path] = own.values["state"][slot.path]

    def put() -> None:
        for group, slots in variables.groups().items():
            for slot in slots:
                slot.variable.assign(values[group][slot.path])
        if given.generator is not None:
            adapter().set_random_state(given.generator)

    x, y, weight = keras.utils.unpack_x_y_sample_weight(
        keras.tree.pack_sequence_as(structure, [_tensor(leaf) for leaf in leaves])
    )
    seen: list[tuple[str, str, np.ndarray]] = []
    put()
    with _outputs(program.names, seen):
        predicted = model(x, **training_argument(model))
    try:
        for number, penalty in enumerate(model.losses, 1):
            seen.append(("forward", f"penalty {number}", _array(penalty)))
        loss = model.compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weight, training=True)
        seen.append(("forward", "the loss", _array(loss)))
        put()
        for variable, value in zip(
            model.trainable_variables, adapter().gradients(model, x, y, weight), strict=True
        ):
            seen.append(("gradient", program.names.variable(variable), np.array(value)))
    except Exception as error:  # a train step of the user's own computes these in its own way
        notes.append(f"loss and gradients could not be computed alone: {type(error).__name__}")
    put()
    after = Collect((moment[0], 0), 1, variables)
    with quiet():
        keras.Model.fit(
            model,
            x=fixed([leaves], structure, program.base.signature),
            epochs=moment[0] + 1,
            initial_epoch=moment[0],
            callbacks=[_Generator(given.generator), after],
            verbose=0,
        )
    for name in sorted(after.logs, key=lambda n: n != "loss"):
        seen.append(("update", f"logged {name}", np.asarray(after.logs[name], np.float32)))
    for group in ("state", "weights"):
        for path, value in after.after[group].items():
            seen.append(("update", path, value))
    return seen


class _Generator(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Brings the backend's generator to where it was before the step."""

    def __init__(self, state: np.ndarray | None) -> None:
        super().__init__()
        self._state = state

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._state is not None:
            adapter().set_random_state(self._state)


def _taken(slots: Sequence[Slot], given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values for ``slots`` from those of another program: equal paths and shapes, else by order."""
    own = _values(slots)
    theirs = [Tensor(path, "", value.shape, "", "") for path, value in given.items()]
    ours = [Tensor(path, "", value.shape, "", "") for path, value in own.items()]
    for i, j in align(ours, theirs):
        path = ours[i].path
        # A variable of another type takes the number, not the bits.
        own[path] = given[theirs[j].path].astype(own[path].dtype)
    return own


def _tensor(leaf: Any) -> Any:
    return None if leaf is None else keras.ops.convert_to_tensor(leaf)


def _array(value: Any) -> np.ndarray:
    return np.array(adapter().to_numpy(value))


def _outputs(names: Names, seen: list[tuple[str, str, np.ndarray]]) -> AbstractContextManager[None]:
    """Every layer's output as it is computed, inner layers before those that contain them."""
    calls: dict[str, int] = {}

    def watch(path: str, call: Call) -> Call:
        def call_and_keep(*args: Any, **kwargs: Any) -> Any:
            output = call(*args, **kwargs)
            number = calls[path] = calls.get(path, 0) + 1
            name = path if number == 1 else f"{path} (call {number})"
            parts = keras.tree.flatten(output)
            for i, part in enumerate(parts):
                try:
                    value = _array(part)
                except Exception:  # inside a loop that is compiled even here
                    continue
                seen.append(("forward", name if len(parts) == 1 else f"{name}[{i}]", value))
            return output

        return call_and_keep

    return calls_wrapped(names, watch)
