"""Weights of two calls compared: drawn apart, trained apart, or skipped by a load."""

from __future__ import annotations

from collections.abc import Sequence

from whydiff.core.calls import Event, MeasuringCall
from whydiff.core.findings import IDENTICAL, UNKNOWN, Finding
from whydiff.core.words import count, listed
from whydiff.diagnosis.calls.fields.findings import differs
from whydiff.diagnosis.calls.origins import (
    INITIALIZATION,
    STATE,
    WEIGHTS,
    TensorPairs,
    load_in_words,
    skipped_by,
    story,
)


def compare_weights(
    found: dict[str, Finding],
    a: MeasuringCall,
    b: MeasuringCall,
    pairs: TensorPairs,
    events: Sequence[Event],
    one_run: bool,
) -> dict[str, tuple[tuple[int, int], ...]]:
    """Findings on the weights into ``found``; by source the positions of those that differ."""
    differing = pairs.differing
    tensors: dict[str, tuple[tuple[int, int], ...]] = {}
    for source in (INITIALIZATION, WEIGHTS, STATE):
        mine = [p for p in differing if p.source == source]
        if mine:
            tensors[source] = tuple((p.i, p.j) for p in mine)
            told = story(mine, events, a, b, one_run)
            evidence = f"{len(mine)} of {count(len(pairs.pairs), 'weight tensor')} differ"
            found[source] = differs(source, evidence, told.detail, told.mechanism, told.intended)
        elif source != STATE:
            found[source] = _other_weights(source, pairs)
    if not a.recipe.weights and not b.recipe.weights:
        return {}
    lone = [*pairs.only_a, *pairs.only_b]
    left = [t.path for t, origin in lone if origin.kind == "left as drawn"]
    skipped = skipped_by(events, a, b)
    if left or (lone and skipped):
        shapes = ", ".join(f"{t.path} {t.shape}" for t, _ in (*pairs.only_a[:2], *pairs.only_b[:2]))
        names = [str(n) for e in skipped for n in e.facts.get("skipped", ())]
        detail = (
            f"{load_in_words(skipped)} skipped {listed(names[:4] or left[:4])}: not loaded, "
            f"left as drawn (shapes do not match: {shapes})"
        )
        found[WEIGHTS] = differs(WEIGHTS, f"{len(lone)} weights have no counterpart", detail,
                                  "weights-skipped")  # fmt: skip
    elif lone and WEIGHTS not in tensors:
        paths = listed([t.path for t, _ in lone[:3]]) + " and others" * (len(lone) > 3)
        whose = "the precision" if pairs.recast else "their model"
        found[WEIGHTS] = Finding(
            WEIGHTS,
            UNKNOWN,
            f"{len(lone)} weights have no counterpart of equal shape ({paths}); they go with "
            f"{whose}",
        )
    return tensors


def _equal(pairs: TensorPairs) -> str:
    """How many weights of two models agree."""
    differing, recast = pairs.differing, pairs.recast
    same = len(pairs.pairs) - len(differing) - len(recast)
    other = "other " * bool(differing)
    if recast:
        dtypes = f"{recast[0].a.dtype} vs. {recast[0].b.dtype}"
        apart = f"{count(len(recast), 'weight tensor')} of another dtype ({dtypes})"
        equal = f"{count(same, f'{other}weight tensor')} of one dtype equal; " if same else ""
        return f"{equal}{apart} {'goes' if len(recast) == 1 else 'go'} with the precision"
    if same:
        return f"all {count(same, f'{other}weight tensor')} equal"
    lone = pairs.only_a or pairs.only_b
    return "no weight of one model has a counterpart" if lone else f"there are no {other}weights"


def _other_weights(source: str, pairs: TensorPairs) -> Finding:
    """What is said of a source to which no weight that differs belongs."""
    differing = [p for p in pairs.differing if p.source != STATE]
    if not differing:
        return Finding(source, IDENTICAL, _equal(pairs))
    if source == WEIGHTS:
        return Finding(source, IDENTICAL, "the weights that differ are still as they were drawn")
    if all(p.origin_a.kind == p.origin_b.kind == "assigned" for p in differing):
        return Finding(
            source,
            UNKNOWN,
            "the script assigned values that no model had before; what they began as is not known",
        )
    kinds = {origin.kind for p in differing for origin in (p.origin_a, p.origin_b)}
    if "given" in kinds:
        return Finding(
            source,
            UNKNOWN,
            "stateless_call was given values that the model does not hold; what they began as is "
            "not known",
        )
    if "unwatched" in kinds:
        return Finding(
            source,
            UNKNOWN,
            "a loop that was not watched has changed the weights; what they were drawn as is not "
            "known",
        )
    return Finding(source, IDENTICAL, "no weight that differs is still as it was drawn")
