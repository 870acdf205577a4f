"""Numbers and sources in the words of a person who trains models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

#: source id -> what it is, to follow "because of"
SOURCES: dict[str, str] = {
    "initialization": "the initial weights",
    "weights": "the weights that were used",
    "data-order": "the order of the samples",
    "noise": "the noise inside the model (dropout and the like)",
    "data-content": "the training data",
    "batch-size": "the batch size",
    "optimizer": "the optimizer",
    "objective": "the loss and its penalties",
    "architecture": "the architecture",
    "mode": "training against inference behaviour",
    "state": "what an earlier fit left behind",
    "duration": "how long they train",
    "precision": "the numeric precision",
    "measurement": "how the result is measured",
    "backend": "the backend",
    "version": "the versions of the libraries",
    "hardware": "the hardware or its settings",
    "arithmetic": "the order of the arithmetic",
}


#: what a source is called where two uses of a model are compared that train nothing
_MEASURING = {
    **SOURCES,
    "data-content": "the input data",
    "state": "what an earlier call left behind",
}


#: what a source is called where it acts by a mechanism of which its usual words say too much
_ACTING = {
    "rates-set-by-callbacks": "the learning rates that callbacks set",
    "callbacks-act": "the callbacks that act on the training",
    "frozen-on-the-way": "which layers callbacks freeze on the way",
    "gradients-kept": "gradients that a train_step adds up",
    "step-drops-state": "state that a train_step drops",
    "own-train-step": "the train_step",
    "best-weights-kept": "which epoch's weights they keep",
    "file-carried-over": "a file that the earlier run left behind",
    "columns-of-the-labels": "the order of the label columns",
    "other-labels": "the labels",
    "labels-in-another-order": "the order of the labels",
    "targets-moved": "the places of the targets",
    "labels-permuted": "the numbering of the classes",
    "classes-numbered-otherwise": "the numbering of the classes",
    "drawn-unseen": "random numbers that are drawn outside of the training steps",
}


def source(id: str, measuring: bool = False, mechanism: str = "") -> str:
    """A source in words; ``measuring`` where calls are compared that train nothing."""
    return _ACTING.get(mechanism) or (_MEASURING if measuring else SOURCES).get(id, id)


def listed(items: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def capital(text: str) -> str:
    """The first letter large, the others as they are; names of code stay names of code."""
    return text if "_" in text.partition(" ")[0] else text[:1].upper() + text[1:]


def percent(value: float | None) -> str:
    """A part of a whole: ``61 %``, ``7.5e+05 times``; ``-`` where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    shown = round(100 * value)
    if shown == 0 and value > 0:
        return "< 1 %"
    return f"{shown} %" if abs(shown) < 1000 else f"{value:.2g} times"


def number(value: Any) -> str:
    """A number in as few digits as tell something; other values as they are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    if isinstance(value, int):
        return str(value)
    return f"{value:.4g}"


def pair(a: Any, b: Any) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart."""
    for digits in (4, 6, 9, 17):
        if all(isinstance(v, float) for v in (a, b)):
            one, other = f"{a:.{digits}g}", f"{b:.{digits}g}"
            if one != other or a == b:
                return one, other
    return number(a), number(b)


def count(n: int, noun: str) -> str:
    """``1 step``, ``2 steps``, ``2 epochs``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def duration(seconds: float) -> str:
    """``12 s``, ``3 min``, ``1.5 h``."""
    if seconds < 1:
        return "less than 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
