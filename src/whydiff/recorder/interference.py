"""Which of the user's own callbacks change a training from outside its steps.

Keras's callbacks are known to act or not to. A callback of the user's may draw a plot, or halve
the learning rate: only the latter belongs to the training and has to run again in a replay. So
a probe behind each of them looks, at the boundaries of epochs, whether anything has changed:
values, or which of them are trained.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from whydiff.core.digests import group_digest
from whydiff.keras_backend.base import Backend
from whydiff.keras_backend.callbacks import HOOKS, sees_batches
from whydiff.keras_backend.code import is_users, rates_set_at, stored_by
from whydiff.keras_backend.internals import package_of
from whydiff.keras_backend.variables import existing_variables
from whydiff.recorder.guard import unharmed


def is_theirs(callback: Any) -> bool:
    """Whether a callback runs code of the user's."""
    return is_users(type(callback)) or type(callback).__name__ == "LambdaCallback"


class Interference:
    """Collects the positions of the callbacks that changed the training (``acting``) or did no
    more than end it (``ending``).

    One of a class that ``acted`` in another training, or whose code sets a learning rate, acts in
    this one, too, although it may find nothing to change: what it does belongs to both. So does
    one whose code stops a training, whether it did or not.
    """

    def __init__(
        self, adapter: Backend, model: Any, callbacks: Sequence[Any], acted: set[type]
    ) -> None:
        self._adapter, self._model = adapter, model
        self._theirs = [i for i, callback in enumerate(callbacks) if is_theirs(callback)]
        base = package_of(model).callbacks.Callback
        self._probe = functools.partial(_probe_class(base), self)
        self._every_batch = [i for i in self._theirs if sees_batches(callbacks[i])]
        self._seen: dict[Any, Any] = {}
        self._flags: dict[int, bool] = {}
        self._stopped = False
        self._rates: list[Any] = []
        self._weights: int | None = None
        #: what the model reads besides variables, once that is known
        self.reads: Callable[[], Mapping[Any, Any]] = dict
        self._read: Mapping[Any, Any] = {}
        self._callbacks, self._acted = callbacks, acted
        #: by position of a callback the ids of variables that it changed between two epochs
        self.changed: dict[int, set[Any]] = {}
        self.acting = {
            i
            for i in self._theirs
            if type(callbacks[i]) in acted or rates_set_at(type(callbacks[i]), HOOKS)
        }
        self.ending = {
            i for i in self._theirs if "stop_training" in stored_by(type(callbacks[i]), HOOKS)
        }

    def surrounded(self, callbacks: Sequence[Any]) -> list[Any]:
        """The callbacks with a probe before and behind each of the user's own."""
        listed: list[Any] = []
        for position, callback in enumerate(callbacks):
            if position in self._theirs:
                listed += [self._probe(None), callback, self._probe(position)]
            else:
                listed.append(callback)
        return listed

    def probe(self, position: int | None) -> None:
        """Look at everything; what changed since the last look is the doing of ``position``."""
        seen: dict[Any, Any] = {
            id(v): group_digest([self._adapter.to_numpy(v)])
            for v in existing_variables(self._model)
        }
        seen |= self.reads()
        changed = _differing(self._seen, seen)
        flags = {
            id(v): bool(getattr(v, "trainable", True)) for v in existing_variables(self._model)
        }
        if _differing(
            self._flags, flags
        ):  # no step freezes: if nobody ran just now, it was between
            for one in self._every_batch if position is None else [position]:
                self._acts(one)
        self._flags = flags
        stopped = bool(getattr(self._model, "stop_training", False))
        if position is not None and changed:
            self._acts(position)
            self.changed.setdefault(position, set()).update(changed)
        elif position is not None and stopped and not self._stopped:
            self.ending.add(position)
        self._seen, self._stopped = seen, stopped

    def after_step(self, rates: list[Any], weights: int) -> None:
        """The learning rate and the digest of the weights as a step left them."""
        self._rates, self._weights, self._read = rates, weights, self.reads()

    def before_step(self, step: int, rates: list[Any], weights: int | None) -> None:
        """Within an epoch nothing may change between steps unless a callback does it."""
        if step and self._every_batch:
            changed = rates != self._rates or (weights is not None and weights != self._weights)
            if changed or self.reads() != self._read:
                for position in self._every_batch:
                    self._acts(position)

    def _acts(self, position: int) -> None:
        self.acting.add(position)
        if is_users(type(self._callbacks[position])):
            self._acted.add(type(self._callbacks[position]))

    @property
    def looks_at_steps(self) -> bool:
        """Whether anybody could change something between two steps of an epoch."""
        return bool(self._every_batch)

    def wants_weights(self, step: int) -> bool:
        """Whether to look at all weights before this step: once an epoch is enough."""
        return step == 1 and bool(self._every_batch)


def _differing(before: Mapping[Any, Any], now: Mapping[Any, Any]) -> set[Any]:
    """What was there before and has another value now."""
    return {key for key, value in now.items() if before.get(key, value) != value}


@functools.cache
def _probe_class(base: Any) -> Callable[[Interference, int | None], Any]:
    """A callback, of the class that this Keras has for them, that looks at its moments."""

    class Probe(base):  # type: ignore[misc]  # Keras has no types
        def __init__(self, interference: Interference, position: int | None) -> None:
            super().__init__()
            self._interference, self._position = interference, position

        def on_train_begin(self, logs: Any = None) -> None:
            unharmed(self._interference.probe, self._position, otherwise=None)

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            unharmed(self._interference.probe, self._position, otherwise=None)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            unharmed(self._interference.probe, self._position, otherwise=None)

        def on_train_end(self, logs: Any = None) -> None:
            unharmed(self._interference.probe, self._position, otherwise=None)

    return Probe
