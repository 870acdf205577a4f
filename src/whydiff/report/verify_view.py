"""A verification as blocks: the verdict first, then what speaks for it."""

from __future__ import annotations

from collections.abc import Iterator

from whydiff.core.findings import DIFFERS
from whydiff.core.lock import LEVELS
from whydiff.core.verification import DIFFERENT, UNDECIDED, FitCheck, Verification
from whydiff.core.words import count, listed, number, pair, source
from whydiff.report.blocks import Block, Facts, Table, Text
from whydiff.report.point import point

_LEVELS = {
    "bitwise": "bit-identical to",
    "rounding": "identical up to rounding to",
    "statistical": "statistically equal to",
    DIFFERENT: "different from",
}
_DEMANDS = {
    "holds": "{required} was required: it holds.",
    "fails": "{required} was required: it does not hold.",
    "unknown": "{required} was required: that could not be decided.",
}


def verification_blocks(v: Verification) -> Iterator[Block]:
    """What is told about a verification."""
    yield Text(verdict(v), "verdict")
    demand = _DEMANDS[v.state].format(required=v.required.capitalize())
    facts = [("Lock", v.lock), ("Required", demand)]
    if v.missing:
        facts.append(("Fits", v.missing))
    facts += [("Changed", fact) for fact in v.changed]
    if not v.changed:
        facts.append(("Changed", "no fact about versions, backend, hardware or settings"))
    yield Facts(tuple(facts))
    for fit in v.fits:
        yield from _fit(fit, len(v.fits) > 1)
    if v.level in (DIFFERENT, UNDECIDED) and v.state != "holds":
        yield Text(
            "Meant to change? `whydiff lock` renews the lock. Not meant? Compare with the script "
            "that was locked: `whydiff explain OLD.py NEW.py` proves the cause.",
            "note",
        )


def verdict(v: Verification) -> str:
    """One sentence that answers whether it still is the same training."""
    if v.missing:
        return f"{v.script} is not the training that was locked: {v.missing}."
    says = f"{v.script} is {_LEVELS.get(v.level, '')} the training that was locked"
    if v.level == DIFFERENT:
        worst = next(fit for fit in v.fits if fit.level == DIFFERENT)
        names = [source(f.source) for f in worst.findings if f.status == DIFFERS]
        return f"{says}: {listed(names)} changed." if names else f"{says}; no cause was seen."
    if v.level == UNDECIDED:
        return (
            f"{v.script} does not give the bits that were locked; whether it is the same training "
            "otherwise could not be decided."
        )
    if v.level == "rounding":
        moved = max((fit.weights or 0.0) for fit in v.fits)
        return (
            f"{says}: its weights moved by {number(moved)} (relative), no more than one ULP does."
        )
    return f"{says}."


def _fit(fit: FitCheck, several: bool) -> Iterator[Block]:
    if several:
        yield Text(f"Fit {fit.fit}, {fit.model}: {fit.level}")
    if fit.level == "bitwise":
        if not several:
            yield Text(f"Initial values, {fit.levels['bitwise'][1]}, logs and final weights agree.")
        return
    yield Facts((("They part", point(fit.first_divergence)), *_distances(fit)))
    found = [(f.source, f.detail or f.evidence) for f in fit.findings if f.status == DIFFERS]
    if found:
        yield Table(("Suspect", "Locked against now"), tuple(found))
    yield Table(("Level", "", "Because"), tuple((name, *fit.levels[name]) for name in LEVELS))


def _distances(fit: FitCheck) -> Iterator[tuple[str, str]]:
    changed = [(k, a, b) for k, (a, b) in fit.metrics.items() if a != b]
    for name, a, b in changed[:4]:
        one, other = pair(a, b)
        yield name, f"{one}, now {other}"
    if len(changed) > 4:
        yield "and", f"{count(len(changed) - 4, 'more metric')}"
    if fit.weights is not None:
        yield "Weights", f"relative distance {number(fit.weights)} (estimated from sketches)"
    if fit.predictions is not None:
        yield "Predictions", f"root mean square of the differences {number(fit.predictions)}"
