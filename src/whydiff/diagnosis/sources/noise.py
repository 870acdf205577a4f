"""Noise inside the model: the seed states that dropout, augmentation and others draw from."""

from __future__ import annotations

from whydiff.core.findings import Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.sources import seeds
from whydiff.diagnosis.sources.layers import same_layers
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown
from whydiff.diagnosis.sources.tensors import (
    Pairs,
    counted,
    differing,
    equal_tensors,
    of_them,
    pair,
    placed,
)

ID = "noise"
FIX = (
    "Call keras.utils.set_random_seed(n) before building each model, or give each such layer a "
    "seed: Dropout(0.5, seed=n)."
)

#: evidence where no draw was seen: true only of a training that repeats itself
NO_DRAWS = "the model draws no random numbers while training"


def compare(a: Side, b: Side) -> Finding:
    """Compare seed states that no earlier fit advanced."""
    one, two = a.recipe.noise, b.recipe.noise
    if not one and not two:
        return identical(ID, NO_DRAWS)
    if not one or not two:
        return _one_sided(a, b, "A" if one else "B")
    pairs = pair(one, two)
    other = differing(pairs.fresh)
    if other:
        first_a, first_b = other[0]
        evidence = f"{of_them(other, pairs.fresh, 'seed state')}, first {placed(first_a, first_b)}"
        why = seeds.why(a, b, first_a.path, first_b.path, seeds.GENERATOR)
        return differs(ID, evidence, FIX, detail=why.detail, mechanism=why.mechanism)
    if pairs.all_equal:
        return identical(ID, equal_tensors(pairs.fresh + pairs.trained, "seed state"))
    if pairs.fresh:
        return identical(ID, equal_tensors(pairs.fresh, "fresh seed state"))
    return _nothing_fresh(a, b, pairs)


def _one_sided(a: Side, b: Side, name: str) -> Finding:
    if not same_layers(a.recipe, b.recipe):
        return identical(ID, f"nothing to compare: only {name} has layers that draw random numbers")
    return unknown(ID, f"seed states were recorded in {name} only, although the layers are alike")


def _nothing_fresh(a: Side, b: Side, pairs: Pairs) -> Finding:
    if pairs.trained:
        return unknown(
            ID, "every seed state was left by an earlier fit: see the carried-over state"
        )
    drawn = [
        (seeds.draw_of(a, p.path, seeds.GENERATOR), seeds.draw_of(b, q.path, seeds.GENERATOR))
        for p, q in pairs.recast
    ]
    if drawn and all(p and q and p.seed is not None and p.seed == q.seed for p, q in drawn):
        return identical(
            ID,
            f"{counted(len(drawn), 'seed')} equal; each backend draws other numbers from it",
        )
    return unknown(ID, "the seed states have other formats and cannot be compared")


SOURCE = Source(
    id=ID,
    title="the random numbers inside the model (dropout, augmentation layers)",
    random=True,
    kind="tensors",
    compare=compare,
    says=(
        "The states of the seed generators inside the model, from which dropout and "
        "augmentation layers draw at every step."
    ),
    carried=(
        "Yes: the recorded seed states of the other training are put into the live model "
        "before its first step. What a step draws elsewhere (Python's `random`, NumPy's "
        "global generator) is not put back."
    ),
    looks_like="Equal weights and batches, yet the loss differs from the first step with dropout.",
    fix=FIX,
)
