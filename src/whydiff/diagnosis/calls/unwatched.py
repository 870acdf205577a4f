"""Loops outside anything watched that train models: what is known of them is their optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from whydiff.core.calls import Event, MeasuringCall
from whydiff.core.words import listed
from whydiff.diagnosis.sources.facts import changes, describe, is_name, show

_RATE = "learning_rate"


def optimizers_apart(
    events: tuple[Sequence[Event], Sequence[Event]], a: MeasuringCall, b: MeasuringCall
) -> str:
    """How the optimizers of the loops differ that trained the models of two calls, each with the
    events of its run; "" where they do not, or one is not known."""
    loops = [_before(of_run, call) for of_run, call in zip(events, (a, b), strict=True)]
    if not all(loops):
        return ""
    told = [_apart(one, other) for one, other in zip(*loops, strict=False)]
    return listed([text for text in dict.fromkeys(told) if text])


def loops_apart(events: Sequence[Event]) -> str:
    """The first two loops of one run that trained two models, and what differs in their
    optimizers; "" where none differ."""
    loops = [event for event in events if event.kind == "loop"]
    for one, other in combinations(loops, 2):
        text = _apart(one, other) if one.model_number != other.model_number else ""
        if text:
            lines = list(dict.fromkeys(f"{e.stack[-1].line}" for e in (one, other) if e.stack))
            return f"the loops at line{'s' * (len(lines) > 1)} {listed(lines)}: {text}"
    return ""


def _before(events: Sequence[Event], call: MeasuringCall) -> list[Event]:
    return [
        event
        for event in events
        if event.kind == "loop"
        and event.model_number == call.model_number
        and event.after_call <= call.number
    ]


def _apart(one: Event, other: Event) -> str:
    a, b = (event.facts.get("optimizer") or {} for event in (one, other))
    differing = changes(a, b, skip=is_name, first=("class", _RATE))
    if any(change.key == "class" for change in differing):
        classes, rates = ([show(facts.get(k)) for facts in (a, b)] for k in ("class", _RATE))
        rate = f"{rates[0]} in both" if rates[0] == rates[1] else " vs. ".join(rates)
        return f"{' vs. '.join(classes)}, learning rate {rate}"
    return f"{show(a.get('class'))}, {describe(differing)}" if differing else ""
