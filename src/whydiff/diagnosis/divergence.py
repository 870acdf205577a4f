"""Where two recorded fits first part."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import GOES_ON, Divergence
from whydiff.core.recipe import Recipe, Tensor, align
from whydiff.core.recording import STEP_GROUPS, Epoch, Fit, Side

#: ``values(side, moment, key)`` with side "a" or "b", moment "initial" or "final" and key
#: "weights:dense/kernel", "noise:..." or "state:...": the array, or None where it was not kept.
Values = Callable[[str, str, str], np.ndarray | None]

#: In the order in which things happen within a step: phase, column of ``Fit.steps``, where.
_IN_STEP: tuple[tuple[str, str, str], ...] = (
    ("batch", "batch", "the batch"),
    ("noise", "noise", "the seed states"),
    ("forward", "loss", "the loss"),
    ("update", "weights", "the weights"),
    ("update", "optimizer", "the optimizer"),
)
_COLUMNS = [STEP_GROUPS.index(column) for _, column, _ in _IN_STEP]

Found = tuple[Tensor | None, Tensor | None]


def identical(a: Fit, b: Fit) -> bool:
    """Whether two fits agree bit for bit, by their digests.

    Initial tensors, every step, the tensors and logs of every epoch and the final weights.
    Equivalent to having no first divergence; digests must be of one algorithm.
    """
    return _first(a, b, None) is None


def first_divergence(a: Side, b: Side, values: Values | None = None) -> Divergence | None:
    """The first point at which two fits part, or None if they agree bit for bit.

    Looked for in the order in which things happen: before training (weights, seed states,
    optimizer), then step by step (batch, noise, forward, update), the tensors and logs at the
    end of an epoch (update, log), and the end (one fit is longer, or the final weights differ).
    Steps align by epoch and by position within it. ``values`` gives the numbers behind the
    digests, for ``max_ulp`` and ``relative``. Where steps before it were not digested it is
    somewhere ``since`` the first of these.

    Raises WhydiffError if the digests are of two algorithms.
    """
    one, other = (s.execution.environment.get("digest.algorithm") for s in (a, b))
    if one != other:
        raise WhydiffError(
            f"The recordings hold digests of two kinds ({one} and {other}).",
            "Record both with the same version of whydiff.",
        )
    return _first(a.fit, b.fit, values)


def _first(a: Fit, b: Fit, values: Values | None) -> Divergence | None:
    before = _before(a.recipe, b.recipe, values)
    if before is not None:
        return before
    # Several steps that ran as one left one row: such rows compare with none of single steps.
    alike = _steps_in_one(a) == _steps_in_one(b)
    in_steps = _steps(a, b) if alike else None
    # Epochs that ended before the first differing step may differ in their tensors or logs.
    at_epoch_end = _epochs(a, b, before=in_steps)
    found = at_epoch_end or in_steps
    if found is not None:
        return _as_logged(_since(found, a, b) if alike else found, a, b)
    last, step = _last(a)
    if len(a.epochs) != len(b.epochs):
        return Divergence(last, step, "end", "the number of epochs")
    final = _tensors(a.final, b.final)
    if final is None:
        return None
    return Divergence(last, step, "end", _path(final), *_numbers(values, final, "weights", "final"))


def _since(point: Divergence, a: Fit, b: Fit) -> Divergence:
    """The point, with the first step before it of which nobody knows whether it differed, too."""
    epochs = np.asarray(a.step_epochs, np.int64)
    row = int(np.searchsorted(epochs, point.epoch, side="left")) + point.step
    first = _known_equal(a, b, row)
    if point.phase == "end" or first >= row:
        return point
    return replace(point, since=(int(epochs[first]), _within(epochs, first)))


def _known_equal(a: Fit, b: Fit, row: int) -> int:
    """How many of the steps before ``row``, the first that differs, are known to be equal."""
    if a.every == b.every == 1:
        return row
    known = np.flatnonzero(_both_digested(a, b, row))
    return int(known[-1]) + 1 if len(known) else 0


def _both_digested(a: Fit, b: Fit, count: int) -> np.ndarray:
    """Whether what a step left was digested on both sides; its batch always is."""
    count = min(count, len(a.steps), len(b.steps))
    one, other = (fit.steps[:count, _COLUMNS[1:]].any(axis=1) for fit in (a, b))
    digested: np.ndarray = np.asarray(one & other)
    return digested


def equal_steps(a: Fit, b: Fit) -> dict[str, int]:
    """``equal``: steps known to agree from the beginning on, ``of`` those that both took.

    ``a`` and ``b``: those of each side. ``digested``, where some were left out: those of which
    what they left was digested on both sides.
    """
    shared = min(len(a.steps), len(b.steps))
    rows = _unequal(a, b, shared).any(axis=1)
    equal = _known_equal(a, b, int(rows.argmax())) if rows.any() else shared
    counted = {"equal": equal, "of": shared, "a": len(a.steps), "b": len(b.steps)}
    if max(a.every, b.every) > 1:
        counted["digested"] = int(_both_digested(a, b, shared).sum())
    return counted


def _unequal(a: Fit, b: Fit, count: int) -> np.ndarray:
    """Whether the digests of each of the first ``count`` steps differ, as far as both were made.

    Boolean of shape (count, 5), a column per group in the order in which things happen in a step.
    """
    one, other = a.steps[:count][:, _COLUMNS], b.steps[:count][:, _COLUMNS]
    # A group that one side never recorded is all zeros; it says nothing.
    recorded = one.any(axis=0) & other.any(axis=0) if count else np.zeros(len(_COLUMNS), bool)
    unequal: np.ndarray = (one != other) & recorded
    if max(a.every, b.every) > 1:
        unequal[:, 1:] &= _both_digested(a, b, count)[:, None]
    return unequal


def _as_logged(point: Divergence, a: Fit, b: Fit) -> Divergence:
    """A step's other figures are those of a metric where the training itself is the same."""
    if point.phase != "forward" or not a.final or _tensors(a.final, b.final) is not None:
        return point
    keys = [_log(one, other) for one, other in zip(a.epochs, b.epochs, strict=False)]
    key = next(filter(None, keys), "loss")
    same_loss = all(
        e.logs.get("loss") == f.logs.get("loss") for e, f in zip(a.epochs, b.epochs, strict=False)
    )
    return replace(point, phase="log", where=key) if same_loss and key != "loss" else point


def _steps_in_one(fit: Fit) -> int:
    return int(fit.recipe.arithmetic.get("steps_per_execution") or 1)


def _before(a: Recipe, b: Recipe, values: Values | None) -> Divergence | None:
    for group, one, other, prefix in (
        ("weights", a.initialization, b.initialization, ""),
        ("noise", a.noise, b.noise, ""),
        ("state", a.state, b.state, "optimizer/"),
    ):
        found = _tensors(one, other)
        if found is not None:
            where = prefix + _path(found).removeprefix(prefix)
            numbers = _numbers(values, found, group, "initial")
            return Divergence(0, 0, "before training", where, *numbers)
    rate = "learning_rate"
    known = any(t.path.endswith(rate) for t in (*a.state, *b.state))
    if not known and a.optimizer.get(rate) != b.optimizer.get(rate):
        return Divergence(0, 0, "before training", f"optimizer/{rate}")
    return None


def _tensors(a: Sequence[Tensor], b: Sequence[Tensor]) -> Found | None:
    """The first tensors that differ, or the first without a partner."""
    partner = dict(align(a, b))
    for i, tensor in enumerate(a):
        if i not in partner:
            return tensor, None
        if tensor.digest != b[partner[i]].digest:
            return tensor, b[partner[i]]
    taken = set(partner.values())
    return next(((None, t) for j, t in enumerate(b) if j not in taken), None)


def _path(found: Found) -> str:
    tensor = found[0] or found[1]
    return tensor.path if tensor is not None else ""


def _numbers(
    values: Values | None, found: Found, group: str, moment: str
) -> tuple[int | None, float | None]:
    """(max_ulp, relative) of the two arrays, as far as they were kept and are comparable."""
    one, other = found
    if values is None or one is None or other is None:
        return None, None
    if group == "noise":
        return None, None  # a distance between two seeds means nothing
    x = values("a", moment, f"{group}:{one.path}")
    y = values("b", moment, f"{group}:{other.path}")
    if x is None or y is None or x.shape != y.shape or x.dtype != y.dtype:
        return None, None
    from whydiff.stats.ulp import APART, max_ulp, relative_distance

    ulp, relative = max_ulp(x, y), relative_distance(x, y)
    # NaN or infinity on one side only is no number of steps apart, and no JSON number either.
    return None if ulp == APART else ulp, relative if np.isfinite(relative) else None


def _steps(a: Fit, b: Fit) -> Divergence | None:
    """The first differing step, or the first that only one fit has."""
    epochs_a, epochs_b = (np.asarray(f.step_epochs, np.int64) for f in (a, b))
    n = min(len(epochs_a), len(epochs_b), len(a.steps), len(b.steps))
    start_a, start_b = _start(a), _start(b)
    shifted = np.flatnonzero(epochs_a[:n] - start_a != epochs_b[:n] - start_b)
    aligned = int(shifted[0]) if len(shifted) else n
    different = _unequal(a, b, aligned)
    rows = different.any(axis=1)
    if rows.any():
        row = int(rows.argmax())
        phase, _, where = _IN_STEP[int(different[row].argmax())]
        return Divergence(int(epochs_a[row]), _within(epochs_a, row), phase, where)
    if aligned < n:  # an epoch has more steps in one fit
        longer = epochs_b if epochs_a[aligned] - start_a > epochs_b[aligned] - start_b else epochs_a
    elif len(epochs_a) != len(epochs_b):
        longer = epochs_a if len(epochs_a) > len(epochs_b) else epochs_b
    else:
        return None
    name = "A" if longer is epochs_a else "B"
    if aligned >= len(longer):  # fewer digests than steps: an execution that was cut short
        return None
    start = start_a if longer is epochs_a else start_b
    epoch = int(longer[aligned]) - start + start_a  # epochs are counted as A counts them
    return Divergence(epoch, _within(longer, aligned), "end", f"only {name} {GOES_ON}")


def _epochs(a: Fit, b: Fit, before: Divergence | None) -> Divergence | None:
    """The first epoch that ended with other tensors or logs, earlier than ``before``."""
    for one, other in zip(a.epochs, b.epochs, strict=False):
        if before is not None and one.index >= before.epoch:
            return None
        step = max(one.steps - 1, 0)
        if one.tensors and other.tensors:
            found = _tensors(one.tensors, other.tensors)
            if found is not None:
                return Divergence(one.index, step, "update", _path(found))
        key = _log(one, other)
        if key is not None:
            return Divergence(one.index, step, "log", key)
    return None


def _log(one: Epoch, other: Epoch) -> str | None:
    """The first key whose values differ bit for bit, or that only one epoch has."""
    for key in dict.fromkeys([*one.logs, *other.logs]):
        if key not in one.logs or key not in other.logs:
            return key
        if _bits(one.logs[key]) != _bits(other.logs[key]):
            return key
    return None


def _bits(value: Any) -> Any:
    if isinstance(value, float):
        return "nan" if value != value else struct.pack("<d", value)
    return value


def _start(fit: Fit) -> int:
    """The number of the fit's first epoch (``initial_epoch``)."""
    if len(fit.step_epochs):
        return int(fit.step_epochs[0])
    return fit.epochs[0].index if fit.epochs else 0


def _within(epochs: np.ndarray, row: int) -> int:
    """Position of a step within its epoch; epochs never decrease."""
    return row - int(np.searchsorted(epochs, epochs[row], side="left"))


def _last(fit: Fit) -> tuple[int, int]:
    if len(fit.step_epochs):
        row = len(fit.step_epochs) - 1
        return int(fit.step_epochs[row]), _within(np.asarray(fit.step_epochs), row)
    return (fit.epochs[-1].index, 0) if fit.epochs else (0, 0)
