"""The structural facts of a model, described anew only where something of it changed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whydiff.core.interrupting import pass_on
from whydiff.core.recipe import Facts
from whydiff.keras_backend import adapter_of
from whydiff.keras_backend.internals import (
    layer_tree,
    own_variables,
    package_of,
    steps_at_once,
)
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.subject import BesideModels
from whydiff.keras_backend.variables import Variables, variables_of
from whydiff.recorder.describe.model import architecture_facts, mode_facts, precision_facts
from whydiff.recorder.describe.training import measurement_facts, objective_facts
from whydiff.recorder.describe.values import PLAIN
from whydiff.recorder.environment import distribution, hardware, versions
from whydiff.recorder.measuring.held import Held, settings_of


@dataclass(frozen=True, eq=False)
class Described:
    """Names, variables and facts of a model as it is; ``trouble`` says what could not be told."""

    names: Names
    variables: Variables
    facts: Mapping[str, Facts]
    trainable: tuple[bool, ...]
    settings: Mapping[str, Held]
    trouble: Mapping[str, str]


class Descriptions:
    """One per model, kept while the model's layers hold the very same things."""

    def __init__(self) -> None:
        self._known: BesideModels[tuple[list[Any], list[Any], Described]] = BesideModels()
        self._surroundings: dict[str, dict[str, Facts]] = {}  # by package: keras or tf_keras

    def names(self, model: Any) -> tuple[Names, list[Any]]:
        """The model's canonical names, from its description where that still holds, and what says
        so: :meth:`of` takes it while nothing of the model has changed."""
        known, signature = self._known.get(model), _signature(model)
        if known is not None and _same(known[0], signature):
            return known[2].names, known[0]
        return Names(model), signature

    def of(
        self,
        model: Any,
        compiled: Mapping[str, Any],
        held: Sequence[str],
        own: list[Any] | None = None,
    ) -> Described:
        """``held`` are digests of values that the user's code reads: they are in the facts.
        ``own`` is what :meth:`names` gave for the model as it is."""
        own = _signature(model) if own is None else own
        known, more = self._known.get(model), [id(compiled), *held]
        if known is not None and known[1] == more and (known[0] is own or _same(known[0], own)):
            return known[2]
        described = self._describe(model, compiled)
        self._known[model] = (own, more, described)
        return described

    def _describe(self, model: Any, compiled: Mapping[str, Any]) -> Described:
        names = Names(model)
        facts: dict[str, Facts] = dict(self._around(model))
        trouble: dict[str, str] = {}

        def add(name: str, describe: Callable[[], Facts]) -> None:
            try:
                facts[name] = describe()
            except Exception as error:
                pass_on(error)
                facts[name] = {}
                trouble[f"unknown: {name}"] = f"{type(error).__name__}: {error}"

        add("architecture", lambda: architecture_facts(model, names))
        add("mode", lambda: mode_facts(model, names))
        add("precision", lambda: precision_facts(model, names))
        if compiled:
            add("objective", lambda: objective_facts(model, names, dict(compiled), {}))
            add("measurement", lambda: measurement_facts(model, dict(compiled), {}))
        add(
            "arithmetic",
            lambda: {
                **adapter_of(model).arithmetic(),
                "jit_compile": bool(model.jit_compile) if compiled else None,
                "run_eagerly": bool(model.run_eagerly),
                "steps_per_execution": steps_at_once(model) if compiled else 1,
            },
        )
        trainable = tuple(bool(layer.trainable) for layer in layer_tree(model))
        variables = variables_of(model, names)
        return Described(names, variables, facts, trainable, settings_of(names), trouble)

    def _around(self, model: Any) -> dict[str, Facts]:
        keras = package_of(model)
        known = self._surroundings.get(keras.__name__)
        if known is None:
            backend = keras.backend.backend()
            known = self._surroundings[keras.__name__] = {
                "backend": {"backend": backend},
                "version": {**versions(backend), "keras": str(keras.__version__)},
                "hardware": {**hardware(adapter_of(model)), **distribution()},
            }
        return known


#: Attributes of a model that calls change and no fact tells.
# Of a compiled function nothing may keep an old one alive, besides: JAX finds the trace of a bound
# method that still exists where an equal one is compiled anew.
_CHANGING = frozenset({"train_function", "test_function", "predict_function", "stop_training",
                       "stop_evaluating", "stop_predicting"})  # fmt: skip


def _signature(model: Any) -> list[Any]:
    """What decides the facts: every layer, its variables, its attributes as objects or values.

    Attributes that are lists or mappings are told by what they hold.
    """
    parts: list[Any] = []
    for layer in layer_tree(model):
        parts += (
            layer,
            layer.trainable,
            getattr(layer, "dtype_policy", None),
            *own_variables(layer),
        )
        for key, value in vars(layer).items():
            if key[0] == "_" or key in _CHANGING:
                continue
            parts.append(value)
            if isinstance(value, (list, tuple)):
                parts += value
            elif isinstance(value, dict):
                parts += [part for item in value.items() for part in item]
    return parts


def _same(a: list[Any], b: list[Any]) -> bool:
    if len(a) != len(b):
        return False
    return all(map(operator.is_, a, b)) or all(
        x is y or (type(x) is type(y) and isinstance(x, PLAIN) and (x == y))
        for x, y in zip(a, b, strict=True)
    )
