"""Changing Keras in the script's process: every change of a set, or none.

All of whydiff's changes to classes and modules of Keras and of the libraries below it are made
through :class:`Patches`, which knows what was there before. A change that cannot be made must
not leave half of the others behind: Keras would be watched in part, and the answer wrong.
"""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from whydiff.core.interrupting import pass_on
from whydiff.keras_backend.internals import (
    begins_a_pass,
    cannot_be_watched,
    check_version,
    data_adapter,
    data_adapters,
    hand_out,
    handed_out,
    hands_out_once,
    takes_adapters,
    transfers,
)
from whydiff.keras_backend.naming import Names
from whydiff.keras_backend.tee import Transferred

_ABSENT = object()

#: The ``call`` of a layer.
Call = Callable[..., Any]


class Patches:
    """The attributes that were replaced, with what they were before."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []
        self._ends: list[Callable[[], None]] = []

    def replace(self, owner: Any, name: str, replacement: Any) -> None:
        """Let ``owner``, a class or a module, have another attribute ``name``."""
        before = vars(owner).get(name, _ABSENT)
        setattr(owner, name, replacement)
        self._before.append((owner, name, before))

    def wrap(self, owner: Any, name: str, around: Callable[[Any], Any]) -> None:
        """Let ``around(method)`` run in the place of a method.

        Where Keras filters the method's tracebacks that happens inside the filter: then the
        method that the script sees is the very same object.
        """
        method = vars(owner)[name]
        inner = getattr(method, "__wrapped__", None)
        for cell in getattr(method, "__closure__", None) or ():
            if inner is not None and cell.cell_contents is inner:
                cell.cell_contents = around(inner)
                self._before.append((cell, "cell_contents", inner))
                return
        self.replace(owner, name, around(method))

    def until_undone(self, end: Callable[[], None]) -> None:
        """Call ``end`` when everything is put back: it ends what was not done by replacing."""
        self._ends.append(end)

    def undo(self) -> None:
        """Put back everything, the latest first."""
        while self._ends:
            self._ends.pop()()
        while self._before:
            owner, name, before = self._before.pop()
            if before is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, before)


Step = Callable[[Patches], None]


def install(*steps: Step) -> Patches:
    """Change Keras by all ``steps``. Where one fails, or this Keras is not known, none is made.

    Raises WhydiffError, which names the versions that are known.
    """
    check_version()
    return changed(*steps)


def changed(*steps: Step) -> Patches:
    """Change a Keras that is known by all ``steps``; where one fails, by none."""
    patches = Patches()
    try:
        for step in steps:
            step(patches)
    except Exception as error:
        patches.undo()
        pass_on(error)
        raise cannot_be_watched(error) from error
    return patches


@contextlib.contextmanager
def for_a_while() -> Iterator[Patches]:
    """Changes that last as long as the block."""
    patches = Patches()
    try:
        yield patches
    finally:
        patches.undo()


@contextlib.contextmanager
def calls_wrapped(names: Names, wrap: Callable[[str, Call], Call]) -> Iterator[None]:
    """``wrap(path, call)`` in place of the ``call`` of every layer but inputs, until the end.

    A layer inside another is called before the outer one returns.
    """
    layers = {p: n for p, n in names.layers.items() if p and type(n).__name__ != "InputLayer"}
    for path, layer in layers.items():
        object.__setattr__(layer, "call", wrap(path, layer.call))
    try:
        yield
    finally:
        for layer in layers.values():
            object.__delattr__(layer, "call")


def owner_of(cls: type, name: str) -> Any:
    """The class among the bases of ``cls`` that defines ``name``: the backend's trainer, mostly."""
    for base in cls.__mro__:
        if name in vars(base):
            return base
    raise AttributeError(f"{cls.__name__} has no {name}")


def bound_method(cls: type, name: str) -> Callable[[Any], Callable[..., Any]]:
    """Gives the method that an object has without a change of ``cls``: its own, or what it inherits
    at that time, as a script may have replaced it since."""
    own = vars(cls).get(name)
    if own is not None:
        return lambda instance: own.__get__(instance)
    return lambda instance: getattr(super(cls, instance), name)


def accept_adapters(patches: Patches) -> None:
    """Let ``fit`` take a data adapter as it is where this Keras does not."""
    if takes_adapters():
        return
    module, adapter = data_adapters(), data_adapter()
    choose = module.get_data_adapter

    def get_data_adapter(x: Any, *args: Any, **kwargs: Any) -> Any:
        return x if isinstance(x, adapter) else choose(x, *args, **kwargs)

    patches.replace(module, "get_data_adapter", get_data_adapter)


def see_passes(patches: Patches, iterator_class: Any, seen: Callable[[Any, Any], Any]) -> None:
    """Let ``seen(iterator, data)`` say what an epoch iterator hands out in each of its passes."""
    for name in transfers(iterator_class):
        _remember_batches(patches, iterator_class, name)
    if not hands_out_once(iterator_class):
        get_iterator = owner_of(iterator_class, "_get_iterator")._get_iterator

        @functools.wraps(get_iterator)
        def watched_get_iterator(self: Any) -> Any:
            return seen(self, get_iterator(self))

        patches.replace(iterator_class, "_get_iterator", watched_get_iterator)
        return
    enumerate_epoch = owner_of(iterator_class, "enumerate_epoch").enumerate_epoch

    @functools.wraps(enumerate_epoch)
    def watched_epoch(self: Any) -> Iterator[Any]:
        if not begins_a_pass(self):
            yield from enumerate_epoch(self)
            return
        data = handed_out(self)
        hand_out(self, seen(self, data))
        try:
            yield from enumerate_epoch(self)
        finally:
            hand_out(self, data)

    patches.replace(iterator_class, "enumerate_epoch", watched_epoch)


def _remember_batches(patches: Patches, iterator_class: Any, name: str) -> None:
    """Keep each batch as it was before it moved to the device, where int64 becomes int32."""
    transfer = getattr(iterator_class, name)

    @functools.wraps(transfer)
    def remembering(self: Any, batches: Any) -> Transferred:
        fetched: deque[Any] = deque()

        def noted() -> Iterator[Any]:
            for batch in batches:
                fetched.append(batch)
                yield batch

        return Transferred(transfer(self, noted()), fetched)

    patches.replace(iterator_class, name, remembering)
