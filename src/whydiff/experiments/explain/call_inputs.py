"""How the inputs of two calls are related: what their values, and adapted layers, say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whydiff.core.calls import LEARNED, Event, MeasuringCall
from whydiff.core.words import listed
from whydiff.diagnosis.calls.adapted import Way, ways, with_adapted
from whydiff.diagnosis.calls.inputs import changed_in_place, form_of, made_anew
from whydiff.diagnosis.calls.related import (
    in_one_order,
    order_known,
    scaled_within,
    with_labels_related,
)
from whydiff.diagnosis.calls.verdict import Verdict, named_more
from whydiff.experiments.explain.in_place import lines_written
from whydiff.runner.messages import FollowByLayers, RelateRows, Requestable

#: Mechanisms of inputs that an adapted layer may say more of; "" where none is known so far.
_OPEN = frozenset({"", "input-in-another-form", "numbered-otherwise"})


@dataclass(frozen=True, eq=False)
class Fed:
    """What two calls were given, held by one process under these numbers; ``events`` are those of
    the runs that made the calls, which are one or two."""

    process: Requestable
    a: MeasuringCall
    b: MeasuringCall
    numbers: tuple[int, int]
    events: tuple[Sequence[Event], Sequence[Event]]
    one_run: bool = True


def with_inputs_related(verdict: Verdict, fed: Fed) -> Verdict:
    """The verdict with how the inputs, or the labels, of one side follow from the other's."""
    named = {c.source: c.mechanism for c in verdict.causes}
    if named.get("data-content") == "":
        verdict = _form(verdict, fed)
        named = {c.source: c.mechanism for c in verdict.causes}
    if named.get("data-content") in _OPEN:
        verdict = with_layers(verdict, fed)
    if named.get("data-content") == "other-labels":
        related = fed.process.request(RelateRows(*fed.numbers, labels=True))
        verdict = with_labels_related(verdict, related.kinds, related.texts)
    return verdict


def same_samples(fed: Fed) -> bool:
    """Whether two calls were given the same samples in two forms."""
    kinds = fed.process.request(RelateRows(*fed.numbers)).kinds
    return bool(kinds) and (all(kinds) or _way(fed) is not None)


def _form(verdict: Verdict, fed: Fed) -> Verdict:
    a, b = fed.a, fed.b
    related = fed.process.request(RelateRows(*fed.numbers))
    texts = [
        text
        for text, kind in zip(related.texts, related.kinds, strict=True)
        if text and kind != "equal"
    ]
    if fed.one_run and changed_in_place(a, b):
        lines = lines_written(a, b)
        wrote = [f"written into in between ({lines})"] if lines else []
        text = "; ".join(["both were given one and the same array", *wrote, *texts[:1]])
        return named_more(verdict, "data-content", text, "changed-in-place")
    if fed.one_run and made_anew(related.kinds, a, b):
        text = "one source, passed over twice, gave the same labels with other values"
        return named_more(verdict, "data-content", text, "samples-made-anew")
    if not texts:
        return verdict
    form = form_of(related.kinds, a)
    ends = [str(path) for path in a.recipe.architecture.get("masks end at") or ()]
    text = texts[0] + (f"; the mask ends at {listed(ends)}" if form == "mask-ends" else "")
    verdict = named_more(verdict, "data-content", text, form)
    verdict = scaled_within(verdict, a, related.factors)
    return in_one_order(verdict, related.kinds)


def with_layers(verdict: Verdict, fed: Fed) -> Verdict:
    """The verdict with the layer outside of the model that made the inputs of both, where it was
    adapted to other data in between, or of one of them."""
    way = _way(fed)
    return verdict if way is None else order_known(with_adapted(verdict, way))


def _way(fed: Fed) -> Way | None:
    possible = ways(fed.a, fed.b, *fed.events)
    if not possible:
        return None
    found = fed.process.request(FollowByLayers(*fed.numbers, tuple(map(_learned, possible))))
    return None if found < 0 else possible[found]


def _learned(way: Way) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    one, other = (None if e is None else e.facts[LEARNED] for e in (way.one, way.other))
    return one, other
