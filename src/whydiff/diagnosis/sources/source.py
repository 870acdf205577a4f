"""What a source of difference is: how its field is compared and what to tell the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.mechanisms import mechanism as known

#: How a replay carries a source over from one recipe to another.
KINDS: tuple[str, ...] = ("tensors", "data", "structure", "environment")


@dataclass(frozen=True)
class Source:
    """One source of difference between two trainings.

    ``compare`` is pure and total: it changes nothing, raises for no pair of sides, and its
    status does not depend on which side is called A.
    """

    id: str
    title: str  # in words of a Keras user: "the initial weights"
    random: bool  # a fresh execution may draw another value
    kind: str  # one of KINDS
    compare: Callable[[Side, Side], Finding]
    says: str  # what it is, in a sentence or two
    carried: str  # how a hybrid takes it from the other training, or why it cannot
    looks_like: str  # what a person sees when this is the cause
    fix: str  # what helps in general

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} of source {self.id!r} is none of {KINDS}")


def identical(source: str, evidence: str) -> Finding:
    """The source is ruled out, and this is why."""
    return Finding(source, IDENTICAL, evidence)


def unknown(source: str, evidence: str) -> Finding:
    """The source cannot be judged; ``evidence`` says what is missing."""
    return Finding(source, UNKNOWN, evidence)


def differs(
    source: str,
    evidence: str,
    fix: str,
    *,
    detail: str = "",
    mechanism: str = "",
    intended: bool = False,
) -> Finding:
    """The source differs. The remedy is the recognised mechanism's, otherwise ``fix``.

    ``mechanism`` is an id of :mod:`whydiff.diagnosis.mechanisms` or ""; an unknown id raises
    KeyError, because a typing error must not reach a person.
    """
    remedy = (known(mechanism).remedy if mechanism else "") or fix
    return Finding(source, DIFFERS, evidence, detail or evidence, remedy, mechanism, intended)
