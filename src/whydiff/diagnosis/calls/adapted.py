"""Inputs that went through a preprocessing layer outside of the model, adapted to other data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from whydiff.core.calls import LEARNED, Event, MeasuringCall
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.diagnosis.mechanisms import mechanism

ADAPTED_AGAIN = "adapted-again"
#: Ways that are tried of one pair of calls, those with the latest adapts first.
_MOST_WAYS = 64


@dataclass(frozen=True)
class Way:
    """How inputs may have become what they are: through a layer adapted at ``one`` in A and at
    ``other`` in B; None where they went through none."""

    one: Event | None
    other: Event | None


def ways(
    a: MeasuringCall, b: MeasuringCall, events: Sequence[Event], events_b: Sequence[Event]
) -> list[Way]:
    """How the inputs of two calls may follow from each other by layers of one kind that were
    adapted before; one layer adapted twice comes first, a layer on one side only last.
    """
    before = _adapted_before(a, events), _adapted_before(b, events_b)
    two = [
        Way(one, other)
        for one, other in product(*before)
        if one.facts[LEARNED] != other.facts[LEARNED]
        and {*one.facts[LEARNED]} == {*other.facts[LEARNED]}
    ]
    two.sort(key=lambda way: way.one is None or way.other is None or not _one_layer(way))
    alone = [Way(one, None) for one in before[0]] + [Way(None, other) for other in before[1]]
    return [*two, *(way for way in alone if _by_itself(way))][:_MOST_WAYS]


def _adapted_before(call: MeasuringCall, events: Sequence[Event]) -> list[Event]:
    """For each layer how it was adapted last before a call began, the latest first; then earlier
    ones, whose outputs may have been kept."""
    found = [e for e in events if LEARNED in e.facts and e.after_call < call.number]
    return found[::-1]


def _by_itself(way: Way) -> bool:
    """Whether what a layer learned can be told from one side alone: words have no numbers before
    they are looked up."""
    event = way.one or way.other
    return event is not None and "mean" in event.facts[LEARNED]


def _one_layer(way: Way) -> bool:
    names = [None if e is None else e.facts.get("layer") for e in (way.one, way.other)]
    return names[0] == names[1]


def with_adapted(verdict: Verdict, way: Way) -> Verdict:
    """The verdict with the layer by which the inputs were shown to follow from each other."""
    both = way.one is not None and way.other is not None
    known = mechanism(ADAPTED_AGAIN)
    causes = []
    for cause in verdict.causes:
        if cause.source == "data-content":
            proof = (
                f"{cause.evidence}; computed by what adapt learned there, each value of B follows "
                "from that of A"
            )
            cause = replace(cause, detail=f"{cause.detail}; {_said(way)}", evidence=proof,
                            where=_place(way))  # fmt: skip
            if both:
                cause = replace(cause, mechanism=known.id, remedy=known.remedy)
        causes.append(cause)
    return replace(verdict, causes=tuple(causes))


def _said(way: Way) -> str:
    if way.one is None or way.other is None:
        event = way.one or way.other
        assert event is not None
        sides = ("A", "B") if way.one is not None else ("B", "A")
        return (
            f"{sides[0]} is what the layer {_layer(event)}, adapted{_at(event)}, makes of the "
            f"inputs of {sides[1]}"
        )
    if _one_layer(way):
        return (
            f"the layer {_layer(way.one)} made both of the same data: adapted{_at(way.one)} for A, "
            f"and to other data{_at(way.other)} for B"
        )
    return (
        f"two layers made them of the same data: {_layer(way.one)}, adapted{_at(way.one)}, those "
        f"of A, and {_layer(way.other)}, adapted to other data{_at(way.other)}, those of B"
    )


def _layer(event: Event) -> str:
    return str(event.facts.get("layer"))


def _at(event: Event) -> str:
    return f" at line {event.stack[-1].line}" if event.stack else ""


def _place(way: Way) -> str:
    """The later of the two adapts: ``train.py:12``."""
    event = way.other or way.one
    frame = event.stack[-1] if event is not None and event.stack else None
    return f"{frame.name}:{frame.line}" if frame else ""
