"""Generators of the script's own that the code of a training step may draw from."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from typing import Any

from whydiff.keras_backend.code import calls_of_modules, generators_read, is_users, methods_used
from whydiff.keras_backend.host_generators import is_generator
from whydiff.keras_backend.subject import layers_of

#: How the name of such a generator begins; what follows is how the script calls it.
OWN = "the script's own generator "
#: Functions of modules that give another value every time.
_NEVER_ALIKE = {
    "time": ("time", "time_ns", "perf_counter", "monotonic", "process_time"),
    "os": ("urandom", "getpid"),
    "uuid": ("uuid1", "uuid4"),
    "secrets": ("randbelow", "randbits", "token_bytes", "choice"),
}
#: Methods with which a layer, model or loss computes during a step.
_IN_A_STEP = ("call", "train_step", "compute_loss", "__call__")


def generators_held(model: Any, loss: Any = None) -> dict[str, Any]:
    """Generators by name: those that layers, the model and the loss hold as attributes, and those
    that their code reads from globals and closures."""
    found: dict[int, tuple[str, Any]] = {}
    for thing in (*layers_of(model), *_losses(loss)):
        for name, generator in _of(thing):
            found.setdefault(id(generator), (name, generator))
    counts: Counter[str] = Counter()
    named = {}
    for name, generator in found.values():
        counts[name] += 1
        named[OWN + (name if counts[name] == 1 else f"{name} ({counts[name]})")] = generator
    return named


def never_alike(model: Any, loss: Any = None) -> list[str]:
    """Calls in the code of a step whose value is another one every time, as the script writes
    them: ``time.time``, ``os.urandom``."""
    calls = {
        call
        for thing in (*layers_of(model), *_losses(loss))
        for function in _functions(thing)
        for call in calls_of_modules(function, _NEVER_ALIKE)
    }
    return sorted(calls)


def _of(thing: Any) -> Iterator[tuple[str, Any]]:
    if not inspect.isroutine(thing) and is_users(type(thing)):
        for key, value in list(vars(thing).items()):
            if is_generator(value):
                yield f"{type(thing).__name__}.{key}", value
    for function in _functions(thing):
        yield from generators_read(function, is_generator)


def _functions(thing: Any) -> list[Any]:
    """The user's functions with which a layer, model or loss computes during a step."""
    cls = type(thing)
    if inspect.isroutine(thing):
        return [thing]
    if cls.__name__ == "Lambda":
        return [getattr(thing, "function", None)]
    if not is_users(cls):
        return []
    members = [getattr(cls, name, None) for name in methods_used(cls, _IN_A_STEP)]
    return [inspect.unwrap(member) for member in members if callable(member)]


def _losses(loss: Any) -> list[Any]:
    if isinstance(loss, dict):
        return [part for value in loss.values() for part in _losses(value)]
    if isinstance(loss, (list, tuple)):
        return [part for value in loss for part in _losses(value)]
    inner = getattr(loss, "fn", None)
    return [part for part in (loss, inner) if part is not None and not isinstance(part, str)]
