"""A fit against its lock without training anything: first divergence, findings, distances."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from whydiff.core.findings import DIFFERS, Divergence, Finding
from whydiff.core.lock import PARTS, Fed, FitDigests, Lock, LockedFit
from whydiff.core.recipe import SOURCE_IDS, Facts
from whydiff.core.recording import STEP_GROUPS, Execution, Side
from whydiff.core.words import pair
from whydiff.diagnosis import divergence
from whydiff.diagnosis.sources import CATALOGUE, arithmetic, source
from whydiff.diagnosis.sources.own_code import Through, across_pythons
from whydiff.diagnosis.sources.source import differs, identical, unknown
from whydiff.experiments.lock.reference import as_execution, shortened
from whydiff.stats.sketch import sketch_distance
from whydiff.storage import codec
from whydiff.storage.rows import source_id

#: Sources that change how numbers round and, by themselves, nothing else.
ROUNDING = ("backend", "version", "hardware", "arithmetic")
#: Step groups with their phases, in the order in which things happen in a step.
_PHASES = (
    ("batch", "batch", "the batch"),
    ("noise", "noise", "the seed states"),
    ("loss", "forward", "the loss"),
    ("weights", "update", "the weights"),
    ("optimizer", "update", "the optimizer"),
)


@dataclass(frozen=True)
class Against:
    """What digests and facts say about one fit and its lock."""

    point: Divergence | None
    findings: tuple[Finding, ...]
    weights: float | None
    predictions: float | None
    reached_equally: bool  # every batch and every seed state agrees, to the end

    @property
    def differing(self) -> list[str]:
        """Ids of the sources that differ."""
        return [f.source for f in self.findings if f.status == DIFFERS]


def compare_locked(
    lock: Lock, execution: Execution, reduced: Sequence[LockedFit], number: int
) -> Against:
    """Fit ``number`` (from 1) of an execution against the same fit of the lock.

    ``reduced`` are the fits of the execution as a lock keeps them.
    """
    locked, new = lock.fits[number - 1], reduced[number - 1]
    recipes = [fit.recipe for fit in execution.fits]
    before = as_execution(lock, reduced, recipes)
    before = replace(before, script=execution.script)
    fit = shortened(execution.fits[number - 1], new)
    a, b = Side(before, before.fits[number - 1]), Side(execution, fit)
    return Against(
        _point(a, b, locked, new),
        _findings(a, b, locked.fed, new.fed),
        _relative(locked, new),
        _predictions(locked, new),
        _reached_equally(locked, new),
    )


def _point(a: Side, b: Side, locked: LockedFit, new: LockedFit) -> Divergence | None:
    """The first divergence: to the step among the first steps, to the epoch behind them."""
    exact = divergence.first_divergence(a, b)
    coarse = _in_epochs(locked, new)
    if coarse is None or exact is None:
        return exact or coarse
    kept = sum(epoch == coarse.epoch for epoch in locked.step_epochs)
    seen = exact.epoch == coarse.epoch and exact.step < kept
    return (
        exact if seen or exact.epoch < coarse.epoch or exact.phase == "before training" else coarse
    )


def _in_epochs(locked: LockedFit, new: LockedFit) -> Divergence | None:
    for one, other in zip(locked.epochs, new.epochs, strict=False):
        if one.index != other.index:
            return None
        for group, phase, where in _PHASES:
            column = STEP_GROUPS.index(group)
            if one.groups[column] != other.groups[column]:
                return Divergence(one.index, 0, phase, f"{where}, in one of its steps")
    return None


def _reached_equally(locked: LockedFit, new: LockedFit) -> bool:
    columns = [STEP_GROUPS.index(group) for group in ("batch", "noise")]
    fed = [[[e.groups[c] for c in columns] for e in fit.epochs] for fit in (locked, new)]
    return fed[0] == fed[1]


def _findings(a: Side, b: Side, fed: Fed, now: Fed) -> tuple[Finding, ...]:
    own = {f.source: f for f in (_order(fed, now), _content(fed, now), _batches(fed, now))}
    others = [own.get(s.id) or s.compare(a, b) for s in CATALOGUE if s.id != arithmetic.ID]
    findings = (*others, arithmetic.judge(a, b, others, sized=False))
    return tuple(map(in_terms_of_a_lock, findings))


#: How A and B are called beside a lock, the longest first.
_SIDES = (
    (re.compile(r"(?<![\w/'\"])A and B(?![\w/'\"])"), "the lock and this run"),
    (re.compile(r"(?<![\w/'\"])in A(?![\w/'\"])"), "in the lock"),
    (re.compile(r"(?<![\w/'\"])in B(?![\w/'\"])"), "now"),
)


def in_terms_of_a_lock(finding: Finding) -> Finding:
    """A finding whose sentences name the lock and this run: nobody said what A and B are."""
    evidence, detail = finding.evidence, finding.detail
    for pattern, name in _SIDES:
        evidence, detail = pattern.sub(name, evidence), pattern.sub(name, detail)
    return replace(finding, evidence=evidence, detail=detail)


def _order(fed: Fed, now: Fed) -> Finding:
    name = "data-order"
    if (fed.content, fed.signature) != (now.content, now.signature):
        if fed.order == now.order:
            return identical(name, f"the same positions in all {len(fed.order)} epochs")
        return unknown(name, "other samples were fed, so their orders cannot be compared")
    same = sum(x == y for x, y in zip(fed.order, now.order, strict=False))
    if fed.canonical != now.canonical:
        return differs(name, "the same samples, given in another order", source(name).fix)
    if fed.order[: len(now.order)] != now.order[: len(fed.order)]:
        first = next(
            i for i, (x, y) in enumerate(zip(fed.order, now.order, strict=False)) if x != y
        )
        evidence = (
            f"the same {fed.samples} samples in another order from epoch {first + 1} on "
            f"({same} of {len(fed.order)} epochs agree)"
        )
        return differs(name, evidence, source(name).fix)
    return identical(name, f"all {same} epochs: the same order of {fed.samples} samples, by digest")


def _content(fed: Fed, now: Fed) -> Finding:
    name = "data-content"
    fix = source(name).fix
    if fed.signature != now.signature:
        return differs(name, f"{', '.join(fed.signature)}, now {', '.join(now.signature)}", fix)
    if fed.content != now.content:
        count = (
            f"{fed.samples} samples, now {now.samples}"
            if fed.samples != now.samples
            else f"not the same {fed.samples} samples"
        )
        return differs(name, count, fix)
    if fed.weights != now.weights:
        return differs(name, "other sample weights", fix)
    if fed.validation != now.validation:
        return differs(name, "other validation data", fix)
    return identical(name, f"the same {fed.samples} samples, by digest")


def _batches(fed: Fed, now: Fed) -> Finding:
    name = "batch-size"
    common = min(len(fed.batches), len(now.batches))
    for epoch in range(common):
        if fed.batches[epoch] != now.batches[epoch]:
            evidence = f"epoch {epoch + 1}: batches {fed.batches[epoch]}, now {now.batches[epoch]}"
            return differs(name, evidence, source(name).fix, intended=True)
    return identical(name, f"all {common} epochs: {fed.batches[0] if common else 'no batches'}")


def _relative(locked: LockedFit, new: LockedFit) -> float | None:
    if locked.weights is None or new.weights is None:
        return None
    distance = sketch_distance(locked.weights, new.weights)
    norm = max(locked.weights.norm, new.weights.norm)
    if not math.isfinite(distance):
        return None
    return distance / norm if norm else distance


def _predictions(locked: LockedFit, new: LockedFit) -> float | None:
    if locked.predictions is None or new.predictions is None:
        return None
    distance = sketch_distance(locked.predictions, new.predictions)
    return (
        distance / math.sqrt(max(locked.predictions.size, 1)) if math.isfinite(distance) else None
    )


def changed_facts(findings: Sequence[Finding]) -> list[str]:
    """What is said about surroundings that differ: ``version: keras: 3.14.0 vs. 3.15.1``."""
    return [
        f"{f.source}: {f.evidence.removeprefix(f'{f.source}: ')}"
        for f in findings
        if f.source in ROUNDING and f.status == DIFFERS
    ]


def differing_parts(locked: FitDigests, new: FitDigests) -> list[str]:
    """What has other digests, and "logs" where the numbers logged at the end differ."""
    parts = [name for name in PARTS if locked.parts[name] != new.parts[name]]
    same_logs = {k: repr(v) for k, v in locked.logs.items()} == {
        k: repr(v) for k, v in new.logs.items()
    }
    return parts if same_logs else [*parts, "logs"]


def digest_findings(locked: FitDigests, new: FitDigests, without: str) -> tuple[Finding, ...]:
    """What digests and settings say of each source; ``without`` says why it is no more."""
    findings = []
    for name in PARTS:
        if name in ("steps", "final"):  # what came of it, no source
            continue
        if locked.parts[name] == new.parts[name]:
            findings.append(identical(name, "the same digest"))
        elif name == "state":  # also holds hyperparameters, which are the optimizer's
            findings.append(unknown(name, f"another digest; {without}"))
        else:
            findings.append(differs(name, f"another digest; {without}", source(name).fix))
    versions = locked.facts["version"], new.facts["version"]
    findings += [
        across_pythons(
            versions, functools.partial(_settings, source_id(field), before, new.facts[field])
        )
        for field, before in locked.facts.items()
    ]
    return tuple(sorted(findings, key=lambda finding: SOURCE_IDS.index(finding.source)))


def _settings(name: str, before: Facts, now: Facts, through: Through) -> Finding:
    before, now = through(before), through(now)
    told = [
        f"{key}: {' vs. '.join(pair(before.get(key), now.get(key)))}"
        for key in dict.fromkeys([*before, *now])
        if _plain(before.get(key)) != _plain(now.get(key))
    ]
    if told:
        return differs(name, "; ".join(told), source(name).fix)
    return identical(name, f"all {len(now)} settings equal")


def _plain(value: object) -> str:
    """A setting as it is compared: a lock has lists where a recipe has tuples."""
    return codec.dump(value)
