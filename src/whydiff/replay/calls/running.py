"""One measuring call run again, and everything put back as it was before."""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.keras_backend import adapter_of
from whydiff.keras_backend.base import OF_ONE_SIZE
from whydiff.keras_backend.callbacks import numbers
from whydiff.keras_backend.internals import (
    global_generator,
    is_keras_2,
    leaves_of,
    package_of,
    takes_training,
)
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.variables import variables_of
from whydiff.replay.outcome import quiet

#: How a call computes: through which method, in which mode, with a compiled function or not.
EVALUATE, PREDICT, CALL = "evaluate", "predict", "call"


@dataclass(frozen=True, eq=False)
class Measured:
    """What a call ended with: outputs in their order, metrics by name."""

    outputs: list[np.ndarray]
    values: dict[str, float]


@dataclass(frozen=True)
class Way:
    """How a model is run: ``through`` a method, with a ``training`` argument or None."""

    through: str
    training: bool | None = None
    mask: Any = None
    on_batch: bool = False
    of_one_size: bool = False  # as LiveCall has it


def run(model: Any, way: Way, batches: Sequence[Any]) -> Measured:
    """Run ``model`` as it is now on nested batches ``(x,)``, ``(x, y)`` or ``(x, y, weight)``."""
    if not batches:
        raise TransferError("what it was given was too large to keep")
    with quiet():
        if way.through == EVALUATE:
            return _evaluated(model, batches, way)
        if way.through == PREDICT:
            return Measured(_predicted(model, batches, way), {})
        return Measured(called(model, batches, way.training, way.mask), {})


def _predicted(model: Any, batches: Sequence[Any], way: Way) -> list[np.ndarray]:
    keras = package_of(model)
    if way.on_batch:
        parts = [keras.Model.predict_on_batch(model, batch[0]) for batch in batches]
        return joined(model, [leaves_of(part) for part in parts])
    # Nested as Keras nests arrays: a compiled function is traced anew for another nesting.
    inputs = [keras.utils.pack_x_y_sample_weight(batch[0]) for batch in batches]
    if len({tuple(np.shape(leaf)[1:] for leaf in leaves_of(x)) for x in inputs}) > 1:
        # Samples of several lengths came in calls of their own.
        found = [keras.Model.predict(model, _fed(model, [one], way), verbose=0) for one in inputs]
        return joined(model, [leaves_of(part) for part in found])
    outputs = keras.Model.predict(model, _fed(model, inputs, way), verbose=0)
    return [np.asarray(part) for part in leaves_of(outputs)]


def _evaluated(model: Any, batches: Sequence[Any], way: Way) -> Measured:
    """Metrics, and beside them the outputs that they were computed from."""
    evaluate = package_of(model).Model.evaluate
    values = evaluate(model, _fed(model, batches, way), verbose=0, return_dict=True)
    return Measured([], numbers(values if isinstance(values, Mapping) else {"loss": values}))


def called(
    model: Any, batches: Sequence[Any], training: bool | None, mask: Any = None
) -> list[np.ndarray]:
    """Outputs of the model called directly on each batch."""
    arguments: dict[str, Any] = {} if training is None else {"training": training}
    if training is not None and not takes_training(model):
        arguments = {}
    if mask is not None:
        arguments["mask"] = mask
    return joined(model, [leaves_of(model(_inputs(batch), **arguments)) for batch in batches])


def _inputs(batch: Any) -> Any:
    return batch[0] if isinstance(batch, tuple | list) else batch


def joined(model: Any, parts: Sequence[Sequence[Any]]) -> list[np.ndarray]:
    """Outputs of a model batch by batch as one array per output."""
    to_numpy = adapter_of(model).to_numpy
    columns = [[np.array(to_numpy(part)) for part in column] for column in zip(*parts, strict=True)]
    return [c[0] if len(c) == 1 or not c[0].ndim else np.concatenate(c) for c in columns]


def _fed(model: Any, batches: Sequence[Any], way: Way) -> Any:
    structure = batches[0]
    if is_keras_2(model):
        from whydiff.keras_backend.keras2 import backend

        return backend.feed(lambda: map(backend.tensors, batches), None, tuple)
    from whydiff.replay.pinned import fixed  # a data adapter of Keras 3

    like = OF_ONE_SIZE if way.of_one_size else None
    return fixed([leaves_of(batch) for batch in batches], structure, like)


# --- leaving everything as it was ---------------------------------------------------------------

_FUNCTIONS = ("predict_function", "test_function", "train_function")
_STEPS = ("predict_step", "test_step", "train_step")


@contextlib.contextmanager
def preserved(*models: Any) -> Iterator[None]:
    """Afterwards variables, compiled functions and random generators are as they were before."""
    distinct = list({id(m): m for m in models if m is not None}.values())
    adapter = adapter_of(distinct[0])
    variables = [(v, np.array(adapter.to_numpy(v))) for m in distinct for v in every_variable(m)]
    functions = [(m, name, getattr(m, name, None)) for m in distinct for name in _FUNCTIONS]
    steps = [(m, name, vars(m).get(name)) for m in distinct for name in _STEPS]
    python, numpy, backend = random.getstate(), np.random.get_state(), adapter.random_state()
    seeds = adapter.operation_seeds()
    backend = None if backend is None else np.array(backend)
    try:
        yield
    finally:
        for variable, value in variables:
            variable.assign(np.array(value))
        for model, name, function in functions:
            if getattr(model, name, None) is not function:
                setattr(model, name, function)
        for model, name, step in steps:  # those that made its functions be traced anew
            if step is not None:
                object.__setattr__(model, name, step)
            elif name in vars(model):
                object.__delattr__(model, name)
        random.setstate(python)
        np.random.set_state(numpy)
        adapter.set_operation_seeds(seeds)
        if backend is not None:
            adapter.set_random_state(backend)


def every_variable(model: Any) -> list[Any]:
    """Weights, seed states and metrics of a model, and the state of Keras's global generator."""
    found = {id(v): v for v in (*model.variables, *_metric_variables(model))}
    shared = global_generator()
    if shared is not None:
        found[id(shared.state)] = shared.state
    return list(found.values())


def _metric_variables(model: Any) -> list[Any]:
    try:
        return list(model.metrics_variables)
    except Exception:  # it was never compiled
        return []


def put_weights(model: Any, values: Sequence[np.ndarray]) -> None:
    """Assign values in the order of a recorded call's weights."""
    slots = variables_of(model, Names(model)).weights
    if len(slots) != len(values):
        raise TransferError("the model has other weights by now than when it was used")
    for slot, value in zip(slots, values, strict=True):
        slot.variable.assign(np.array(value))


def put_noise(model: Any, values: Sequence[np.ndarray]) -> None:
    """Assign the states of seed generators, as many as there are values."""
    for slot, value in zip(variables_of(model, Names(model)).noise, values, strict=False):
        if tuple(slot.variable.shape) == tuple(np.shape(value)):
            slot.variable.assign(np.array(value))


def put_generators(model: Any, states: Mapping[str, Any]) -> None:
    """Bring the global generators into the states that were recorded before a call of a model."""
    adapter, backend = adapter_of(model), package_of(model).backend.backend()
    for name, state in states.items():
        if name == "python":
            random.setstate(state)
        elif name == "numpy":
            np.random.set_state(state)
        elif name == backend and isinstance(state, tuple):
            adapter.set_operation_seeds(state)
        elif name == backend and state is not None:
            adapter.set_random_state(np.asarray(state))


@contextlib.contextmanager
def drawing_from(model: Any, states: Mapping[str, Any]) -> Iterator[None]:
    """The global generators in these states when the model first runs: loaders draw before it."""
    put_generators(model, states)
    if adapter_of(model).compiles:
        yield
        return
    call = model.call

    def from_there(*args: Any, **kwargs: Any) -> Any:
        object.__delattr__(model, "call")
        put_generators(model, states)
        return model.call(*args, **kwargs)

    object.__setattr__(model, "call", functools.wraps(call)(from_there))
    try:
        yield
    finally:
        if vars(model).get("call") is not None and "call" in vars(model):
            object.__delattr__(model, "call")
