"""Training that is not ``fit``: ``train_on_batch`` and loops of the script's own.

All steps of one loop count as one epoch, since nothing says where a loop's epochs end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.live import Live
from whydiff.keras_backend import backend_named
from whydiff.keras_backend.callbacks import numbers
from whydiff.keras_backend.internals import leaves_of, leaves_with_paths, pack_leaves
from whydiff.keras_backend.leaves import flatten
from whydiff.keras_backend.variables import existing_variables
from whydiff.recorder.guard import never_in_the_way
from whydiff.recorder.watch import Watch

Nested = Any
#: Of so many latest steps it is known what they returned.
_LATEST = 4


class Loop(Watch):
    """Watches a loop step by step; open until its model is compiled or fit, or the script ends."""

    copies = False  # the numbers that a step returns have been waited for anyway

    def __init__(self, kind: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.feed.kind = kind
        self._call: Call | None = None
        self._after: Mapping[int, Any] = {}  # values that travel in the script's own variables
        self._latest: deque[tuple[int, Mapping[str, Any]]] = deque(maxlen=_LATEST)
        self.companions: set[int] = set()

    # --- train_on_batch -----------------------------------------------------------------------

    @never_in_the_way
    def show(self, batch: Nested) -> Nested:
        """A batch on its way into the step; what to feed in its place where it is pinned."""
        fed = batch
        pinned = None if self._pins is None else self._pins.batch(self.steps)
        if pinned is not None:
            fed = replaced(batch, pinned)
        self.feed.show(fed)
        return fed

    # --- a loop's own step --------------------------------------------------------------------

    @never_in_the_way
    def before_call(
        self, arguments: Sequence[Any], keywords: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]] | None:
        """Look at what the step is called with; (arguments, keywords) to call it with instead."""
        call = self._call = Call(self.model, arguments, keywords, self._call)
        fed = self.show(call.data)
        if self.trouble:
            return None
        pinned = fed is not call.data
        self.feed.settings = call.settings
        state = self.before_step(call.travelling)
        if state is None and not pinned:
            return None
        return call.rebuilt(fed, state if state is not None else call.travelling)

    @never_in_the_way
    def after_call(self, result: Any) -> None:
        assert self._call is not None
        self._after, logs = self._call.outcome(result)
        self.after_step(logs, self._after)

    def _travelling(self, state: Any) -> Mapping[int, Any]:
        if isinstance(state, Mapping):
            return state
        return super()._travelling(state) if state is not None else self._after

    def _replaced(self, state: Any, put: Mapping[int, np.ndarray]) -> Any:
        if not isinstance(state, Mapping):
            return super()._replaced(state, put)
        return {key: like(value, put[key]) if key in put else value for key, value in state.items()}

    @never_in_the_way
    def after_step(self, logs: Any, state: Any) -> None:
        self._latest.append((self.steps, dict(logs or {})))
        super().after_step(logs, state)

    def latest(self) -> list[list[Any]]:
        """What the latest steps returned, each with its place in the loop."""
        return [[step, numbers(logs)] for step, logs in self._latest]

    # --- end ----------------------------------------------------------------------------------

    def finish(self, completed: bool) -> Live | None:
        self.end_epoch(0, numbers(self._latest[-1][1]) if self._latest else {})
        live: Live | None = super().finish(completed)
        if live is not None:
            live.again, live.companions = "script", tuple(sorted(self.companions))
        return live


def replaced(batch: Nested, leaves: Sequence[Any]) -> Nested:
    """``batch`` with other leaves, each of the kind (NumPy, torch, ...) of the one it replaces."""
    own = flatten(batch)
    if len(own) != len(leaves):
        raise TransferError(
            f"the step takes {len(own)} arrays and the other training's {len(leaves)}"
        )
    made = [like(mine, theirs) for mine, theirs in zip(own, leaves, strict=True)]
    return pack_leaves(batch, made)


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype") and not hasattr(leaf, "trainable")


def like(model: Any, array: np.ndarray | None) -> Any:
    """``array`` as the kind of thing that ``model`` is: NumPy, JAX, TensorFlow or torch."""
    if array is None or model is None:
        return array
    library = type(model).__module__.split(".")[0]
    backend = backend_named("jax" if library == "jaxlib" else library)
    return array if backend is None else backend.tensor_like(array, model)


class Call:
    """``data`` is what is fed, nested as it was passed; ``travelling`` maps ids of variables to
    values among the arguments; ``settings`` are plain numbers among them."""

    def __init__(
        self,
        subject: Any,
        arguments: Sequence[Any],
        keywords: Mapping[str, Any],
        earlier: Call | None,
    ) -> None:
        self._whole = (tuple(arguments), dict(keywords))
        self._leaves = leaves_of(self._whole)
        self.places: list[tuple[int, int]] = (  # (position of a leaf, id of its variable)
            _state_places(subject, self._leaves) if earlier is None else earlier.places
        )
        self.runs: list[list[int]] | None = None if earlier is None else earlier.runs
        self.travelling = {variable: self._leaves[place] for place, variable in self.places}
        state = {place for place, _ in self.places}
        fed = [
            i
            for i, leaf in enumerate(self._leaves)
            if i not in state and _is_array(leaf) and len(leaf.shape) > 0
        ]
        self._fed = fed
        self.settings = [
            np.float64(leaf)
            for i, leaf in enumerate(self._leaves)
            if i not in state and _is_number(leaf)
        ]
        self.data = _pruned(self._whole, set(fed))

    def rebuilt(
        self, data: Any, travelling: Mapping[int, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with other data and another state."""
        leaves = list(self._leaves)
        for place, variable in self.places:
            leaves[place] = travelling[variable]
        for place, leaf in zip(self._fed, leaves_of(data), strict=True):
            leaves[place] = leaf
        arguments, keywords = pack_leaves(self._whole, leaves)
        return arguments, keywords

    def outcome(self, result: Any) -> tuple[dict[int, Any], dict[str, float]]:
        """(values by id of their variable after the step, scalars of the result by name)."""
        leaves = [(path, leaf) for path, leaf in leaves_with_paths(result)]
        values = dict(self.travelling)
        taken: set[int] = set()
        start = 0
        for run in _runs(self.places):
            wanted = [_shape(self._leaves[place]) for place, _ in run]
            found = _find(wanted, [_shape(leaf) for _, leaf in leaves], start)
            if found is None:
                continue
            for offset, (_, variable) in enumerate(run):
                values[variable] = leaves[found + offset][1]
                taken.add(found + offset)
            start = found + len(run)
        scalars = [(p, leaf) for i, (p, leaf) in enumerate(leaves) if i not in taken]
        return values, _named_scalars(scalars)


def _state_places(subject: Any, leaves: Sequence[Any]) -> list[tuple[int, int]]:
    owners: dict[int, int] = {}
    for variable in existing_variables(subject):
        owners[id(variable)] = owners[id(getattr(variable, "value", variable))] = id(variable)
    return [(i, owners[id(leaf)]) for i, leaf in enumerate(leaves) if id(leaf) in owners]


def _runs(places: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """State in pieces that lie side by side among the arguments."""
    runs: list[list[tuple[int, int]]] = []
    for place in places:
        if runs and runs[-1][-1][0] + 1 == place[0]:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _shape(leaf: Any) -> tuple[tuple[int, ...], str] | None:
    return (tuple(leaf.shape), str(leaf.dtype)) if _is_array(leaf) else None


def _find(wanted: Sequence[Any], leaves: Sequence[Any], start: int) -> int | None:
    """Where ``wanted`` lies in ``leaves``, looking behind ``start`` first."""
    places = [*range(start, len(leaves)), *range(start)]
    for i in places:
        if list(leaves[i : i + len(wanted)]) == list(wanted):
            return int(i)
    return None


def _is_number(leaf: Any) -> bool:
    if isinstance(leaf, (bool, int, float)):
        return True
    return _is_array(leaf) and len(leaf.shape) == 0 and "key" not in str(leaf.dtype)


def _pruned(whole: tuple[tuple[Any, ...], dict[str, Any]], fed: set[int]) -> Any:
    """The arguments that are data alone: (x, y) for ``step(state, (x, y))``."""
    arguments, keywords = whole
    position, kept = 0, []
    for part in (*arguments, *(keywords[k] for k in sorted(keywords))):
        leaves = leaves_of(part)
        inside = [i in fed for i in range(position, position + len(leaves))]
        if leaves and all(inside):
            kept.append(part)
        elif any(inside):
            kept += [leaf for leaf, is_data in zip(leaves, inside, strict=True) if is_data]
        position += len(leaves)
    if len(kept) == 1 and isinstance(kept[0], (tuple, list)):
        return tuple(kept[0])
    return tuple(kept)


def _named_scalars(leaves: Sequence[tuple[Any, Any]]) -> dict[str, float]:
    """Numbers of a step's result: by their key where it is a mapping, the first as ``loss``."""
    found: dict[str, float] = {}
    for path, leaf in leaves:
        number = _number(leaf)
        if number is None:
            continue
        keys = [part for part in path if isinstance(part, str)]
        name = "/".join(keys) or ("loss" if not found else f"result {len(found) + 1}")
        found[name] = number
    return found


def _number(leaf: Any) -> float | None:
    if isinstance(leaf, (bool, int, float)):
        return float(leaf)
    if _is_array(leaf) and int(np.prod(leaf.shape)) == 1:
        try:
            value = leaf.detach() if hasattr(leaf, "detach") else leaf
            return float(np.asarray(value, np.float64).reshape(()))
        except (TypeError, ValueError):
            return None
    return None
