"""One recipe from a built model: every field that is known once the first step is done."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whydiff.core.recipe import Recipe, Tensor
from whydiff.core.stack import Frame, cell_of
from whydiff.keras_backend import adapter_of
from whydiff.keras_backend.callbacks import HOOKS, STEERING
from whydiff.keras_backend.code import (
    class_digest,
    closed_over,
    code_digest,
    is_users,
    rates_set_at,
    read_outside,
)
from whydiff.keras_backend.internals import package_of, reduction_of, steps_at_once
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import models_of
from whydiff.recorder.describe.model import architecture_facts, mode_facts, precision_facts
from whydiff.recorder.describe.training import measurement_facts, objective_facts
from whydiff.recorder.describe.values import PLAIN, config, flat, plain
from whydiff.recorder.environment import distribution, hardware, versions
from whydiff.recorder.feed import Feed


@dataclass(frozen=True, eq=False)
class Training:
    """A training as it is asked for: what is trained, the arguments of ``fit`` and ``compile``."""

    model: Any
    fit: Mapping[str, Any]
    compiled: Mapping[str, Any]


def describe(
    training: Training,
    names: Names,
    tensors: Mapping[str, tuple[Tensor, ...]],
    feed: Feed,
    optimizer: Mapping[str, Any],
    callbacks: tuple[Sequence[Any], Sequence[Any]],
) -> Recipe:
    """``tensors`` holds the groups weights, noise and state before the first step.

    ``optimizer`` holds the optimizer's facts as they were when ``fit`` was called; ``callbacks``
    are those that may stop the training, and those that change it on the way.
    """
    model, fit, compiled = training.model, training.fit, training.compiled
    keras = package_of(next(iter(models_of(model))))
    name, backend = keras.backend.backend(), adapter_of(model)
    stopping, steering = callbacks
    return Recipe(
        initialization=tensors["weights"],
        data_order=feed.order_field(),
        noise=tensors["noise"],
        data_content=feed.content_field(),
        batch_size=feed.batching_field(fit.get("steps_per_epoch")),
        optimizer={**optimizer, "callbacks": [shown(c) for c in steering]},
        objective=objective_facts(model, names, dict(compiled), dict(fit))
        | step_losses(fit.get("step")),
        architecture=_merged([architecture_facts(one, names) for one in models_of(model)]),
        mode=_merged([mode_facts(one, names) for one in models_of(model)])
        | step_facts(fit.get("step")),
        state=tensors["state"],
        duration=duration_facts(dict(fit), stopping, keras),
        precision=precision_facts(model, names),
        measurement=measurement_facts(model, dict(compiled), dict(fit))
        | {"validation": feed.validation_digest},
        backend={"backend": name},
        version={**versions(name), "keras": str(keras.__version__)},
        hardware={**hardware(backend), **distribution(models_of(model)[0])},
        arithmetic=dict(backend.arithmetic())
        | {
            "jit_compile": bool(model.jit_compile),
            "run_eagerly": bool(model.run_eagerly),
            "steps_per_execution": steps_at_once(model),
        },
    )


def _merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Facts of several models as those of one."""
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if key not in whole or whole[key] == value:
                whole[key] = value
            elif isinstance(value, dict):
                whole[key] = {**whole[key], **value}
            elif isinstance(value, list):
                whole[key] = whole[key] + value
            else:
                whole[key] = f"{whole[key]} and {value}"
    return whole


# --- what callbacks that change a training are set to -----------------------------------------


_STATE = {
    "model", "params", "validation_data", "verbose", "best", "wait", "stopped_epoch",
    "best_epoch", "best_weights", "cooldown_counter", "monitor_op", "history", "epoch",
}  # fmt: skip


def shown(callback: Any) -> str:
    """Class and settings of a callback: ``EarlyStopping(monitor='val_loss', patience=3)``."""
    held = {k: v for k, v in vars(callback).items() if k not in _STATE}
    settings = {k: v for k, v in held.items() if not k.startswith("_") and isinstance(v, PLAIN)}
    least = settings.get("min_delta")
    if hasattr(callback, "monitor_op") and isinstance(least, int | float):
        # Keras turns its sign where less is better, and leaves it so in a callback used again.
        settings["min_delta"] = abs(least)
    text = ", ".join(f"{k}={v!r}" for k, v in sorted(settings.items()))
    functions = [v for v in held.values() if callable(v) and hasattr(v, "__code__")]
    if functions:
        text += "".join(f", {f.__name__}:{code_digest(f, values=False)}" for f in functions)
        reads = {r.name: plain(r.value) for f in functions for r in read_outside(f)}
        text += "".join(f", {name}={value!r}" for name, value in sorted(reads.items()))
    if is_users(type(callback)):
        text += f", code:{class_digest(type(callback))}"
    return f"{type(callback).__name__}({text.strip(', ')})"


def rate_setter(callback: Any) -> str:
    """``StepDecay (train.py:16)`` for a callback that sets the learning rate; "" for others."""
    kind = type(callback)
    if is_users(kind):
        place = rates_set_at(kind, HOOKS)
        return "" if place is None else f"{kind.__name__} ({_place(*place)})"
    if kind.__name__ == "ReduceLROnPlateau":
        return kind.__name__
    schedule = getattr(callback, "schedule", None) if kind.__name__ in STEERING else None
    if schedule is None:
        return ""
    function = getattr(schedule, "func", getattr(schedule, "__func__", schedule))
    code = getattr(function, "__code__", None)
    if code is None:
        return f"{kind.__name__} with a {type(schedule).__name__}"
    where = _place(code.co_filename, code.co_firstlineno)
    return f"{kind.__name__} with {function.__name__} ({where})"


def written_at(kind: type) -> str:
    """``Reset (train.py:25)`` for a class of the script's, by its first function."""
    codes = (
        getattr(inspect.unwrap(f), "__code__", None) for f in vars(kind).values() if callable(f)
    )
    lines = [(code.co_filename, code.co_firstlineno) for code in codes if code is not None]
    return f"{kind.__name__} ({_place(*min(lines))})" if lines else kind.__name__


def _place(file: str, line: int) -> str:
    return f"{Frame(file, line, '', cell=cell_of(file)).name}:{line}"


def duration_facts(fit: dict[str, Any], stopping: Sequence[Any], keras: Any) -> dict[str, Any]:
    """How long a fit of this ``keras`` may train."""
    epochs = fit.get("epochs", 1)
    limit = getattr(getattr(keras, "config", None), "max_epochs", lambda: None)()
    return {
        "epochs": min(epochs, limit) if limit else epochs,
        "initial_epoch": fit.get("initial_epoch", 0),
        "callbacks": [shown(c) for c in stopping],
    }


# --- facts about a step function of the script's own, as far as they can be seen from outside ---


def step_facts(function: Any) -> dict[str, Any]:
    """Its code, with the plain values and the functions of the script's that it uses."""
    if function is None:
        return {}
    inner = _unwrapped(function)
    if not hasattr(inner, "__code__") and not hasattr(inner, "__func__"):
        return {"code:train_step": type(function).__name__}
    return {"code:train_step": code_digest(inner)}


def step_losses(function: Any) -> dict[str, Any]:
    """Settings of the loss objects that the step names; {} where it computes its loss itself."""
    facts: dict[str, Any] = {}
    for name, value in _named(_unwrapped(function), depth=0):
        if isinstance(value, package_of(value).losses.Loss):
            facts[f"loss.{name}"] = type(value).__name__
            settings = config(value) | {"reduction": reduction_of(value)}
            for key in (k for k in settings if k not in ("name", "fn", "dtype")):
                flat(f"loss.{name}.{key}", settings[key], facts)
    return facts


def _unwrapped(function: Any) -> Any:
    """The Python function behind ``jax.jit``, ``tf.function`` or ``torch.compile``."""
    for attribute in ("python_function", "_torchdynamo_orig_callable", "__wrapped__"):
        function = getattr(function, attribute, function)
    return function


def _named(function: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Objects that a function reaches by name: globals and what it closes over, and through
    functions of the script's that it calls."""
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None or depth > 3:
        return
    known = {name: function.__globals__[name] for name in code.co_names
             if name in function.__globals__}  # fmt: skip
    for name, value in {**known, **closed_over(function)}.items():
        yield name, value
        inner = _unwrapped(value)
        if inner is not function and hasattr(inner, "__code__") and is_users(inner):
            yield from _named(inner, depth + 1)
