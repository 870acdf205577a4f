"""Sources that give their rows in another order at every pass: what does it, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any, NamedTuple

from whydiff.core.calls import REORDERS, Inputs
from whydiff.core.findings import Cause
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.diagnosis.mechanisms import mechanism

#: Mechanisms of rows that a source gave in another order.
_OF_ORDER = frozenset({"rows-in-another-order", "labels-of-another-pass"})
_TOGETHER = mechanism("labels-of-another-pass").remedy.partition(", or ")[0]
#: How a source of each kind is kept from it.
_KEPT = {
    "tf.data": "do not reshuffle what is evaluated: shuffle(..., reshuffle_each_iteration=False)",
    "torch DataLoader": "do not shuffle what is evaluated: DataLoader(..., shuffle=False)",
    "PyDataset": (
        "do not shuffle what is evaluated: not in the on_epoch_end or __getitem__ of a class of "
        "your own, with shuffle=False in flow and flow_from_directory"
    ),
}
_ARRAYS = (
    "Give both calls the rows in one order, or put them back before you compare: "
    "outputs[np.argsort(order)] of rows taken by x[order]."
)


class Reshuffling(NamedTuple):
    """What puts the rows in another order, where ("train.py:27"), and how that is left out."""

    doer: str
    place: str
    instead: str


def of_own_class(a: Inputs, b: Inputs) -> Reshuffling | None:
    """The method in which a PyDataset of the script's own draws an order; None where it has none.

    Two objects of one class differ by what their constructors drew, one by what a pass draws.
    """
    told = b.facts.get(REORDERS) or a.facts.get(REORDERS)
    if not isinstance(told, Mapping):
        return None
    drawn: dict[str, Any] = dict(told.get("methods") or {})
    one = a.facts.get("object") == b.facts.get("object")
    in_a_pass = [name for name in drawn if name != "__init__"]
    candidates = in_a_pass if one else [*(n for n in drawn if n == "__init__"), *in_a_pass]
    if not candidates:
        return None
    method, (file, line) = candidates[0], drawn[candidates[0]]
    place, cls = f"{PurePath(file).name}:{line}", told["class"]
    instead = f"do not shuffle what is evaluated in {cls}.{method} ({place})"
    if told.get("shuffle"):
        instead += f": {cls}(..., shuffle=False), if that line heeds it"
    return Reshuffling(f"{cls}.{method} draws random numbers", place, instead)


def with_reshuffling(verdict: Verdict, kind: str, known: Reshuffling | None) -> Verdict:
    """The verdict with what is known of why rows came in another order, and advice that fits.

    ``kind`` is how the data were given: "tf.data", "PyDataset", ...
    """
    causes = tuple(
        _with(cause, kind, known) if cause.mechanism in _OF_ORDER else cause
        for cause in verdict.causes
    )
    return replace(verdict, causes=causes)


def _with(cause: Cause, kind: str, known: Reshuffling | None) -> Cause:
    if known is not None:
        return replace(
            cause,
            detail=f"{cause.detail}; {known.doer} ({known.place})",
            remedy=f"{_TOGETHER}, or {known.instead}.",
            where=known.place,
        )
    if kind == "arrays":
        return replace(cause, remedy=_ARRAYS)
    return replace(cause, remedy=f"{_TOGETHER}, or {_KEPT[kind]}.") if kind in _KEPT else cause
