"""Factors that are set by value: which of them change the compiled program, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.live import Live
from whydiff.keras_backend import adapter
from whydiff.keras_backend.internals import rate_of, trained_variables
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.variables import variables_of
from whydiff.replay.program import (
    Program,
    bare,
    compile_as,
    fresh_slots,
    from_config,
    in_place,
    set_policies,
    set_trainable,
)

#: Factors that live in the compiled program.
STRUCTURAL = ("optimizer", "precision")


def program_key(live: Live, settings: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Replicas of equal key train with the same program."""
    wanted = [(name, settings[name]) for name in STRUCTURAL if name in settings]
    if "learning-rate" in settings and scheduled(live) and "optimizer" not in settings:
        wanted.append(("learning-rate", settings["learning-rate"]))
    return tuple(wanted)


def scheduled(live: Live) -> bool:
    """Whether the script's learning rate is a schedule and no number."""
    rate = rate_of(bare_of(live))
    return isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)


def bare_of(live: Live) -> Any:
    return getattr(live.optimizer, "inner_optimizer", live.optimizer)


def compile_for(live: Live, settings: Mapping[str, Any]) -> Program:
    """The live model compiled with the structural ``settings`` and otherwise as the script did."""
    set_trainable(live)
    model, names = live.model, Names(live.model)
    set_policies(names, _policies(live, settings.get("precision")))
    optimizer = _optimizer(live, settings)
    same_loss_scale = optimizer is live.optimizer and "precision" not in settings
    compile_as(model, live, live, optimizer if same_loss_scale else bare(optimizer))
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    variables = variables_of(model, names)
    return Program(live, names, variables, fresh_slots(model, variables))


def as_it_is(live: Live, settings: Mapping[str, Any]) -> Program:
    """The live model as the script left it, if that is how it was fit; else compiled again."""
    model = live.model
    if not in_place(live) or model.optimizer is not live.optimizer:
        return compile_for(live, settings)
    set_trainable(live)
    names = Names(model)
    variables = variables_of(model, names)
    return Program(live, names, variables, fresh_slots(model, variables))


def _optimizer(live: Live, settings: Mapping[str, Any]) -> Any:
    if "optimizer" in settings:
        return _named(str(settings["optimizer"]))
    if "learning-rate" in settings and scheduled(live):
        own = bare_of(live)
        return from_config(own, trained_variables(own), learning_rate=0.0)
    if "precision" in settings:
        own = bare_of(live)
        return from_config(own, trained_variables(own))
    return live.optimizer


def _named(name: str) -> Any:
    try:
        return keras.optimizers.get(name)
    except Exception as error:
        raise TransferError(f"Keras knows no optimizer {name!r}") from error


def _policies(live: Live, precision: Any) -> dict[str, Any]:
    """Policies by layer path: those of the majority become ``precision``, others stay.

    A layer that the script set apart (a float32 softmax behind a float16 net) stays apart.
    """
    if precision is None:
        return dict(live.policies)
    try:
        wanted = keras.dtype_policies.get(str(precision))
    except Exception as error:
        raise TransferError(f"Keras knows no precision {precision!r}") from error
    names = [policy.name for policy in live.policies.values()]
    common = max(set(names), key=names.count) if names else ""
    return {p: wanted if own.name == common else own for p, own in live.policies.items()}


def state_values(live: Live, program: Program, settings: Mapping[str, Any]) -> list[np.ndarray]:
    """First values of the optimizer's variables: as recorded where they have a counterpart."""
    recorded = {
        tensor.path: value
        for tensor, value in zip(live.recipe.state, live.material.state, strict=True)
    }
    own = "optimizer" not in settings
    constant = "learning-rate" in settings
    values = []
    for slot, fresh in zip(program.variables.state, program.fresh, strict=True):
        value = recorded.get(slot.path) if own else None
        if value is None or value.shape != fresh.shape:
            value = np.array(fresh)
        if slot.role == "hyperparameter" and constant:
            value = np.asarray(float(settings["learning-rate"]), value.dtype)
        values.append(value)
    if constant and not any(slot.role == "hyperparameter" for slot in program.variables.state):
        raise TransferError("this optimizer has no learning rate that could be set")
    return values


def current(program: Program) -> dict[str, np.ndarray]:
    """Weights by canonical path as the live variables hold them."""
    to_numpy = adapter().to_numpy
    return {s.path: np.array(to_numpy(s.variable)) for s in program.variables.weights}
