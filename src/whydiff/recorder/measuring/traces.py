"""How old a compiled function is, and the training flags that were resolved when it was traced."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from whydiff.core.calls import HeldValue
from whydiff.core.digests import tensor_digest
from whydiff.core.recipe import Tensor
from whydiff.core.weakly import Weakly
from whydiff.keras_backend import adapter_of
from whydiff.recorder.measuring.held import Held
from whydiff.recorder.randomness import operation_tensors


@dataclass
class Trace:
    """One compiled function: what it was traced with, by the shapes it was traced for."""

    flags: dict[int, Any] = field(default_factory=dict)  # id of a layer -> training flag
    held: dict[str, dict[str, Held]] = field(default_factory=dict)  # shapes -> values by name
    settings: dict[str, Mapping[str, Held]] = field(default_factory=dict)  # the same of settings
    function: weakref.ref[Any] | None = None
    newest: dict[str, Held] = field(default_factory=dict)
    newest_settings: Mapping[str, Held] = field(default_factory=dict)
    operations: tuple[Tensor, ...] = ()  # of the function, those that draw by themselves
    calls: int = 0  # that the function has answered


@dataclass(frozen=True)
class Seen:
    """What was seen around one call of a compiled function.

    ``traced``: whether the model's Python code ran during the call, which says that a trace was
    made. ``flags`` are by id of the layer; ``shapes`` those that it was called with.
    """

    traced: bool
    flags: Mapping[int, Any]
    shapes: Iterable[str]
    held: Sequence[Held]
    settings: Mapping[str, Held]


class Traces:
    """Traces by model and by the name of the function: "predict" or "test"."""

    def __init__(self) -> None:
        self._of: Weakly[dict[str, Trace]] = Weakly()

    def trace(self, model: Any, name: str) -> Trace:
        return self._of.setdefault(model, {}).setdefault(name, Trace())

    def ran(
        self, model: Any, name: str, function: Any, seen: Seen
    ) -> tuple[Mapping[int, Any], dict[str, Held]]:
        """After a call of a compiled function: the flags it uses, and the values it was traced
        with where these are known; of settings only those that are others now."""
        held, settings = seen.held, seen.settings
        trace = self.trace(model, name)
        known = trace.function() if trace.function is not None else None
        if function is not known:
            trace.calls = 0
        if seen.traced:
            trace.operations = operation_tensors(adapter_of(model), function)
            if function is not known:
                trace.held.clear()
                trace.settings.clear()
            trace.flags.update(seen.flags)
            trace.newest = {one.name: one for one in held}
            trace.newest_settings = settings
            for shape in seen.shapes:
                trace.held.setdefault(shape, trace.newest)
                trace.settings.setdefault(shape, settings)
            trace.function = weak(function)
        used: dict[str, Held] = {}
        for shape in seen.shapes:
            for key, value in trace.held.get(shape, trace.newest).items():
                if key not in used or value.digest != _current(held, key):
                    used[key] = value
            used |= _others(trace.settings.get(shape, trace.newest_settings), settings)
        return trace.flags, used

    def set_since(self, model: Any, settings: Mapping[str, Held]) -> list[Held]:
        """Settings that are others now than when a function that the model still has was traced."""
        names: set[str] = set()
        for trace in self._of.get(model, {}).values():
            if trace.function is not None and trace.function() is not None:
                for traced in (trace.newest_settings, *trace.settings.values()):
                    names |= _others(traced, settings).keys()
        return [settings[name] for name in sorted(names)]

    def drawing(self, model: Any, name: str) -> tuple[Tensor, ...]:
        """Operations that draw by themselves, with how often they did before this call.

        They keep their place in their sequence inside the compiled function, where nobody reads
        it: it follows from the calls that the function answered before.
        """
        trace = self.trace(model, name)
        before, trace.calls = trace.calls, trace.calls + 1
        return tuple(
            replace(one, digest=tensor_digest(np.array([int(one.digest[:15], 16), before])))
            for one in trace.operations
        )


def _others(traced: Mapping[str, Held], now: Mapping[str, Held]) -> dict[str, Held]:
    """Of the settings that were traced those that have another value now."""
    if traced is now:
        return {}
    return {
        name: held
        for name, held in traced.items()
        if name in now and now[name].digest != held.digest
    }


def _current(held: Sequence[Held], name: str) -> str:
    return next((one.digest for one in held if one.name == name), "")


def weak(function: Any) -> weakref.ref[Any] | None:
    """A reference that does not keep a function alive, None where there is none."""
    try:
        return weakref.ref(function)
    except TypeError:
        return None


def as_held_values(held: Sequence[Held], traced: Mapping[str, Held]) -> tuple[HeldValue, ...]:
    """What a recipe keeps. An attribute that architecture tells, too, is a "setting" there unless
    it is stale."""
    values = []
    for one in held:
        # A recurrent state is a variable: compiled functions read it anew.
        older = traced.get(one.name) if one.kind != "recurrent state" else None
        stale = older is not None and older.digest != one.digest
        values.append(
            HeldValue(
                one.name,
                "setting" if one.told and not stale else one.kind,
                one.layer,
                one.digest,
                one.value,
                older.digest if older is not None else "",
                older.value if stale and older is not None else None,
            )
        )
    return tuple(values)
