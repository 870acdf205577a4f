"""Which live model trains a hybrid, and compiling it anew only where its program changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.live import Live
from whydiff.core.recipe import align
from whydiff.keras_backend import adapter
from whydiff.keras_backend.internals import trained_variables
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import layers_of, optimizers_of
from whydiff.keras_backend.variables import Variables, leave_out_alike, variables_of
from whydiff.replay.values import Choice, side

#: Sources that live in the compiled program, the one whose model is the base first.
#: Noise is among them where a step's own code draws: compiled, the numbers are its constants.
#: State is, where it is what an earlier trace has compiled into the step, or what layers hold.
#: Hardware is, where each model is spread over devices of its own.
STRUCTURE = (
    "hardware", "architecture", "precision", "mode", "arithmetic", "objective", "optimizer",
    "noise", "state",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled model ready to train. ``fresh`` are the optimizer's values as newly built."""

    base: Live
    names: Names
    variables: Variables
    fresh: tuple[np.ndarray, ...]


def key(choice: Choice, differing: frozenset[str]) -> tuple[str, ...]:
    """Hybrids of equal key train with the same program."""
    return tuple(side(choice, s) if s in differing else "=" for s in STRUCTURE)


class Programs:
    """Keeps the program in use; compiles when another is asked for.

    ``differing`` are the structural sources that differ. Where a choice takes all of them from
    one side, that side's own live model trains, as the script compiled it.
    """

    def __init__(self, lives: Mapping[str, Live], differing: frozenset[str]) -> None:
        drawing = any(live.material.host_draws for live in lives.values())
        self._lives = lives
        self._differing = differing | {"noise"} if drawing else differing
        self._active: dict[int, tuple[str, ...]] = {}
        self._programs: dict[tuple[str, ...], Program] = {}

    def get(self, choice: Choice) -> Program:
        """The program for ``choice``; raises TransferError where there can be none."""
        wanted = key(choice, self._differing)
        sides = [part for part in wanted if part != "="]
        if len(set(sides)) <= 1:
            base = self._lives[sides[0] if sides else "a"]
        else:
            base = self._lives[sides[0]]
        if base.model is None:  # borrowed: nothing structural differs
            base = next(live for live in self._lives.values() if live.model is not None)
        own = len(set(sides)) <= 1
        # Always: the other side's model may have layers in common with it.
        if set_trainable(base) and any(live.acting for live in self._lives.values()):
            self._active[id(base.model)] = ()  # a callback froze them: the step is compiled so
        if self._active.get(id(base.model)) != wanted or wanted not in self._programs:
            self._programs[wanted] = self._make(base, choice, own)
            self._active[id(base.model)] = wanted
        return self._programs[wanted]

    def _make(self, base: Live, choice: Choice, own: bool) -> Program:
        model = base.model
        names = Names(model)
        if own:
            if id(model) in self._active or not in_place(base):
                self._move_regularizers(base, base, names)
                set_policies(names, base.policies)
                compile_as(model, base, base, base.optimizer)
                for name, optimizer in base.optimizers.items():
                    setattr(model, name, optimizer)
        else:
            self._patch(base, names, choice)
        for optimizer in optimizers_of(model).values():
            if not optimizer.built:
                optimizer.build(model.trainable_variables)
        variables = variables_of(model, names)
        fresh = fresh_slots(model, variables)
        return Program(base, names, variables, fresh)

    def _patch(self, base: Live, names: Names, choice: Choice) -> None:
        """Bring what the choice takes from the other side onto the base's model."""
        lives = self._lives
        pick = {s: lives[side(choice, s)] if s in self._differing else base for s in STRUCTURE}
        if pick["architecture"] is not base:
            raise TransferError("a model is spread over devices as a whole")
        if pick["mode"] is not base:
            raise TransferError(
                "the training mode is part of the model's calls and cannot be moved alone"
            )
        if pick["precision"] is not base:
            set_policies(names, _matching_policies(base, pick["precision"]))
        else:
            set_policies(names, base.policies)
        self._move_regularizers(base, pick["objective"], names)
        optimizer = base.optimizer
        if pick["optimizer"] is not base:
            optimizer = _clone(pick["optimizer"], base.model.trainable_variables)
        compile_as(base.model, pick["objective"], pick["arithmetic"], bare(optimizer))
        for name, own in base.optimizers.items():
            setattr(base.model, name, _like(own, pick["optimizer"].optimizers.get(name, own)))

    def _move_regularizers(self, base: Live, source: Live, names: Names) -> None:
        model = base.model
        partner = {}
        for i, j in align(base.recipe.initialization, source.recipe.initialization):
            partner[base.recipe.initialization[i].path] = source.recipe.initialization[j].path
        for variable in model.trainable_variables:
            path = names.variable(variable)
            variable.regularizer = source.regularizers.get(partner.get(path, path))
        for path, layer in names.layers.items():
            wanted = source.regularizers.get(f"activity:{path}")
            if getattr(layer, "activity_regularizer", None) is not wanted:
                layer.activity_regularizer = wanted


def in_place(live: Live) -> bool:
    """Whether the model still has the compiled step with which this fit ran."""
    function = live.train_function()
    return function is not None and live.model.train_function is function


def compile_as(model: Any, objective: Live, arithmetic: Live, optimizer: Any) -> None:
    """Compile with the objective (and measurement) of one fit and the execution of another."""
    arguments = dict(objective.compile_arguments)
    for name in ("jit_compile", "run_eagerly", "steps_per_execution"):
        arguments.pop(name, None)
        if name in arithmetic.compile_arguments:
            arguments[name] = arithmetic.compile_arguments[name]
    arguments["optimizer"] = optimizer
    adapter().forget_traces(model)
    keras.Model.compile(model, **arguments)


def bare(optimizer: Any) -> Any:
    """Without a loss scale: ``compile`` adds one where the model's precision asks for it."""
    inner = getattr(optimizer, "inner_optimizer", None)
    return optimizer if inner is None else from_config(inner, trained_variables(inner))


def _clone(live: Live, variables: Sequence[Any]) -> Any:
    return from_config(getattr(live.optimizer, "inner_optimizer", live.optimizer), variables)


def _like(own: Any, wanted: Any) -> Any:
    """``own``, or an optimizer like ``wanted`` for the same variables."""
    if wanted is own:
        return own
    made = from_config(wanted, trained_variables(own))
    if own.built:
        made.build(trained_variables(own))
    return made


def from_config(optimizer: Any, variables: Sequence[Any], **changes: Any) -> Any:
    """An optimizer of the same settings but ``changes``, not built, that is to train
    ``variables``."""
    try:
        made = type(optimizer).from_config({**optimizer.get_config(), **changes})
        leave_out_alike(optimizer, made, variables)
        return made
    except Exception as error:
        raise TransferError(
            f"the optimizer {type(optimizer).__name__} cannot be made anew from its config: {error}"
        ) from error


def fresh_slots(model: Any, variables: Variables) -> tuple[np.ndarray, ...]:
    """Values that the optimizer's variables have when newly built, from a twin of it."""
    if not variables.state:
        return ()
    to_numpy = adapter().to_numpy
    try:
        values = []
        for optimizer in optimizers_of(model).values():
            twin = type(optimizer).from_config(optimizer.get_config())
            twin.build(trained_variables(optimizer) or model.trainable_variables)
            values += [np.array(to_numpy(v)) for v in twin.variables]
        if len(values) == len(variables.state):
            return tuple(values)
    except Exception:  # an optimizer of the user's without a usable config
        pass
    return tuple(np.array(to_numpy(slot.variable)) for slot in variables.state)


def _matching_policies(base: Live, other: Live) -> dict[str, Any]:
    """Policies of ``other`` under the layer names of ``base``; leftovers follow the majority."""
    theirs = other.policies
    common = next(iter(theirs.values()), None)
    return {path: theirs.get(path, common) for path in base.policies}


def set_trainable(live: Live) -> bool:
    """Freeze and unfreeze layers as they were when this fit began; whether any was not.

    Another fit may share them, and a callback may have changed them on the way.
    """
    layers = layers_of(live.model)
    changed = False
    if len(layers) != len(live.trainable):
        return changed
    # Setting a model sets what it holds, and that comes after it.
    for layer, wanted in zip(layers, live.trainable, strict=True):
        if layer.trainable != wanted:
            layer.trainable = wanted
            changed = True
    return changed


def set_policies(names: Names, policies: Mapping[str, Any]) -> None:
    for path, layer in names.layers.items():
        policy = policies.get(path)
        if policy is None or layer.dtype_policy.name == policy.name:
            continue
        if policy.variable_dtype != layer.dtype_policy.variable_dtype:
            raise TransferError(
                f"{policy.name} stores weights as {policy.variable_dtype}, so it cannot be set on "
                f"a model whose weights are {layer.dtype_policy.variable_dtype}"
            )
        layer.dtype_policy = policy
