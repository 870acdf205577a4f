"""Noise inside the model: the seed states that dropout, augmentation and others draw from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from whydiff.core.findings import Finding
from whydiff.core.recipe import Tensor
from whydiff.core.recording import SEEDS_ANEW, Side
from whydiff.core.words import count, listed
from whydiff.diagnosis.files import loaded_between
from whydiff.diagnosis.sources import seeds
from whydiff.diagnosis.sources.layers import same_layers
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown
from whydiff.diagnosis.sources.tensors import (
    Pairs,
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

#: what helps where no seed makes both draw the same numbers
OTHER_WAYS = (
    "No seed makes the two draw the same numbers: compare averages over several seeds "
    "(whydiff compare)."
)

#: generators outside Keras and the backend that a layer's own code may draw from
HOSTS = ("NumPy's global generator", "Python's random")
#: how the name of a generator that the script made for itself begins
OWN = "the script's own generator "
#: the generator that dropout without a seed and torch.randn draw from
TORCH = "torch's global generator"
#: role of the state of one that is drawn from only while a step is traced
FROZEN = "frozen seed"
#: role of the seeds of operations that keep a generator of their own
OPERATIONS = "operation seed"
#: evidence where no draw was seen: true only of a training that repeats itself
NO_DRAWS = "the model draws no random numbers while training"


def compare(a: Side, b: Side) -> Finding:
    """Compare seed states that no earlier fit advanced."""
    one, two = a.recipe.noise, b.recipe.noise
    if not one and not two:
        return identical(ID, NO_DRAWS)
    if not one or not two:
        return _one_sided(a, b, "A" if one else "B")
    frozen = _frozen_in_one(one, two)
    if frozen:
        return differs(ID, frozen, FIX, mechanism="draw-frozen-by-tracing")
    by_operation = _drawn_by_operations(one, two)
    if by_operation is not None:
        return by_operation
    kinds = _drawn_in_other_ways(one, two)
    if kinds:
        return differs(ID, kinds, OTHER_WAYS)
    pairs = pair(one, two)
    other = differing(pairs.fresh)
    if other and all(_is_host(p.path) for p, _ in other):
        return _drawn_by_code([p for p, _ in other], a, b)
    if other:
        other = [p for p in other if not _is_host(p[0].path)] or other
        first_a, first_b = other[0]
        evidence = f"{of_them(other, pairs.fresh, 'seed state')}, first {placed(first_a, first_b)}"
        why = (
            _drawn_from_torch(a, b)
            if first_a.path == TORCH
            else seeds.why(a, b, first_a.path, first_b.path, seeds.GENERATOR)
        )
        return differs(
            ID, evidence, FIX, detail=why.detail, mechanism=why.mechanism, intended=why.intended
        )
    anew = _anew_between_fits(a, b)
    if anew is not None:
        return anew
    alone = [path for path in pairs.alone if _is_host(path)]
    if alone:
        names = listed(list(dict.fromkeys(alone)))
        return unknown(ID, f"the code of a step draws from {names}, which cannot be compared")
    if pairs.all_equal:
        return identical(ID, equal_tensors(pairs.fresh + pairs.trained, "seed state"))
    if pairs.fresh:
        return identical(ID, equal_tensors(pairs.fresh, "fresh seed state"))
    return _nothing_fresh(a, b, pairs)


def _frozen_in_one(one: Sequence[Tensor], two: Sequence[Tensor]) -> str:
    """Says so where one side's step draws anew each time and the other's did once, when traced."""
    roles = [{t.path: t.role for t in side if _is_host(t.path)} for side in (one, two)]
    for path, role in roles[0].items():
        other = roles[1].get(path, role)
        if other != role:
            frozen, anew = ("A", "B") if role == FROZEN else ("B", "A")
            return (
                f"the code of a step draws from {path}: in {frozen} once, while the step was "
                f"compiled, so that the same numbers are constants of every step; in {anew} anew "
                "in every step"
            )
    return ""


def _anew_between_fits(a: Side, b: Side) -> Finding | None:
    """Seed states with which a later one of successive fits, held as one, begins anew."""
    anew = [
        [
            (epoch, own)
            for epoch, paths in side.fit.notes.get(SEEDS_ANEW) or ()
            if (own := [path for path in paths if not _is_host(path) and path != TORCH])
        ]
        for side in (a, b)
    ]
    if anew[0] == anew[1]:
        return None
    name, side, entries = ("A", a, anew[0]) if anew[0] else ("B", b, anew[1])
    epochs = listed([str(epoch) for epoch, _ in entries])
    paths = list(dict.fromkeys(path for _, own in entries for path in own))
    detail = (
        f"{name} (fits {side.fit.number}) begins epoch{'s' * (len(entries) > 1)} {epochs} with "
        f"seed states that no epoch before it left: {listed(paths)}"
    )
    loaded = loaded_between(side)
    if not loaded:
        return differs(ID, detail, FIX)
    return differs(ID, f"{detail}, after {loaded}", FIX, mechanism="dropout-state-not-restored")


def _is_host(path: str) -> bool:
    return path in HOSTS or path.startswith(OWN)


def _drawn_by_code(tensors: Sequence[Tensor], a: Side, b: Side) -> Finding:
    names = listed([t.path for t in tensors])
    detail = f"code in a step (a layer, a loss) draws from {names}, which was at another point"
    own = [t for t in tensors if t.path.startswith(OWN)]
    made = [d for d in seeds.generators_of(a) if d.seed is None and not d.explicit]
    if own and made and not seeds.same_execution(a, b):
        lines = listed(list(dict.fromkeys(map(seeds.call_of, made))))
        detail += f"; without a seed is {lines}"
    if any(t.role == FROZEN for t in tensors):
        detail += (
            "; it drew while the step was compiled, so the numbers are constants of every step"
        )
    return differs(ID, detail, FIX, mechanism="host-draws")


def _drawn_from_torch(a: Side, b: Side) -> seeds.Why:
    """Why torch's global generator stood at another point."""
    text = f"layers, or code of the script's own in a step, draw from {TORCH}"
    calls = [seeds.seeding_of(side, seeds.ledger_at(side), "torch") for side in (a, b)]
    differently = seeds.other_seedings(a, b, *calls)
    if differently is not None:
        return replace(differently, detail=f"{text}: {differently.detail}")
    if None in calls:
        return seeds.Why(text + seeds.unseeded(a, b, calls))
    return seeds.Why(f"{text}, from which other draws were made before")


def _drawn_by_operations(one: Sequence[Tensor], two: Sequence[Tensor]) -> Finding | None:
    """Operations that draw by themselves, with other seeds or none; None where they are alike."""
    own = [[t for t in side if t.role == OPERATIONS] for side in (one, two)]
    if [t.digest for t in own[0]] == [t.digest for t in own[1]] or not all(own):
        return None
    detail = f"the code of a layer, loss or step draws by {own[0][0].path}"
    if own[0][0].path != own[1][0].path:
        detail += f" in A and by {own[1][0].path} in B"
    unseeded = all("unseeded operation" in side[0].path for side in own)
    why = "which begins elsewhere in every run" if unseeded else "which starts from other seeds"
    return differs(ID, f"{detail}, {why}", FIX, mechanism="tf-random-ops")


def _drawn_in_other_ways(one: Sequence[Tensor], two: Sequence[Tensor]) -> str:
    """Says so where one side draws by operations alone, as Keras 2 does, the other by none."""
    own = [[t.path for t in side if t.role == OPERATIONS] for side in (one, two)]
    if (len(own[0]), len(own[1])) not in ((len(one), 0), (0, len(two))):
        return ""
    a, b = (listed(paths) if paths else "seed generators" for paths in own)
    return f"A draws from {a}, B from {b}: other numbers, whatever the seeds"


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
        apart = a.recipe.backend.get("backend") != b.recipe.backend.get("backend")
        where = "backend" if apart else "version"
        return identical(
            ID,
            f"{count(len(drawn), 'seed')} equal; the numbers drawn from equal seeds differ by the "
            f"{where} and are counted with it",
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
        "before its first step, and NumPy's and Python's global generators where a step's own code "
        "draws from them."
    ),
    looks_like="Equal weights and batches, yet the loss differs from the first step with dropout.",
    fix=FIX,
)
