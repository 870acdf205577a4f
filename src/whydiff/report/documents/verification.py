"""The document of a verification: is it still the training that was locked?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from whydiff.core.findings import DIFFERS
from whydiff.core.lock import LEVELS
from whydiff.core.question import Question, command
from whydiff.core.verification import DIFFERENT, UNDECIDED, FitCheck, Verification
from whydiff.core.words import count, listed, number, pair, source
from whydiff.report.document import (
    DIFFERENT as DIFFER,
    OPEN,
    SAME,
    SCREEN,
    Block,
    Document,
    Facts,
    Place,
    Section,
    Table,
    Text,
    notes,
)
from whydiff.report.documents import explanation
from whydiff.report.documents.explanation import places_of_findings
from whydiff.report.documents.first_divergence import point

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


def document(v: Verification, name: str = "") -> Document:
    """Verdict, what was required, what changed; every fit with its level; why, and what to do."""
    sections = [_fit(fit, len(v.fits) > 1) for fit in v.fits]
    sections += _calls(v)
    if v.explanation is not None:
        sections += _explanation(v, explanation.document(v.explanation))
    if v.state != "holds" and (v.level in (DIFFERENT, UNDECIDED) or v.unexplained):
        sections.append(notes("advice", "What to do", _advice(v)))
    return Document(
        question=f"Is {v.script} still the training that was locked?",
        verdict=verdict(v),
        tone=DIFFER if v.level == DIFFERENT else OPEN if v.level == UNDECIDED else SAME,
        sides=(("A", v.lock), ("B", v.script)),
        facts=tuple(_facts(v)),
        sections=tuple(sections),
        places=tuple(_places(v)),
    )


def _explanation(v: Verification, why: Document) -> Iterator[Section]:
    """What was proven, as in an answer of ``explain``, after one sentence that says it."""
    blocks: tuple[Block, ...] = (Facts(why.sides),)
    if v.explanation is not None and v.explanation.identical:
        blocks += (Text(_elsewhere(v)),)
    # The causes stay in sight, in Markdown too.
    first, *others = why.sections
    if first.depth == SCREEN:
        blocks += first.blocks
    else:
        others = [first, *others]
    yield Section("why", "Why", blocks, why.verdict, depth=SCREEN, announced=True)
    yield from others


def _elsewhere(v: Verification) -> str:
    """Where the cause may lie if two runs with the packages of now do not show it."""
    rev = v.locked.rev
    text = (
        "What made it another training than the locked one is not in these two runs: either the "
        f"lock is not that of the script in {rev}, or something around the script changed"
        if rev
        else "The script repeats itself: either it changed since it was locked, or something "
        "around it"
    )
    text += " (packages, hardware, environment variables, files that git does not track)."
    if v.locked.packages:
        text += (
            f" It was locked with {', '.join(v.locked.packages)}: "
            f"`{_command(v, v.locked.packages)}` tells whether that is it."
        )
    return text


def _advice(v: Verification) -> Iterator[str]:
    if v.unexplained:
        yield f"Not explained: {v.unexplained}."
    renew = f"Intentional? `whydiff lock {v.script}` renews the lock."
    if v.explanation is not None:
        yield renew
    else:
        yield (
            f"{renew} Not intentional? Compare with the revision that was locked: "
            f"`{_command(v, v.locked.packages)}` confirms the cause."
        )


def _command(v: Verification, packages: tuple[str, ...]) -> str:
    """What confirms the cause, asked by hand: the locked training against this one."""
    a = replace(v.locked, rev=v.locked.rev or "REVISION", packages=packages)
    b, shared = v.now, v.now.arguments
    if a.arguments == b.arguments:
        a, b = replace(a, arguments=()), replace(b, arguments=())
    else:
        shared = ()
    return command(Question(v.scripts, shared, a, b))


def _places(v: Verification) -> Iterator[Place]:
    """What changed, where the demanded level does not hold."""
    if v.state == "holds":
        return
    level = "error" if v.state == "fails" else "warning"
    yield Place(level, v.file or v.script, 0, "Not the locked training", verdict(v))
    explained = explanation.document(v.explanation).places if v.explanation else ()
    yield from explained
    if explained:
        return
    for fit in v.fits:
        if fit.level in (DIFFERENT, UNDECIDED):
            yield from places_of_findings(fit.findings, v.file or v.script, level)


def _facts(v: Verification) -> Iterator[tuple[str, str]]:
    yield "Lock", v.lock
    yield "Required", _DEMANDS[v.state].format(required=v.required.capitalize())
    if v.missing:
        yield "Fits", v.missing
    for fact in v.changed:
        yield "Changed", fact
    if not v.changed:
        yield (
            "Changed",
            "nothing around the training: versions, backend, hardware and flags are as locked",
        )


def verdict(v: Verification) -> str:
    """One sentence that answers whether it still is the same training."""
    if v.missing:
        return f"{v.script} is not the training that was locked: {v.missing}."
    locked = "the training that was locked" if v.fits else "what was locked"
    says = f"{v.script} is {_LEVELS.get(v.level, '')} {locked}"
    if v.level == DIFFERENT:
        worst = next((fit for fit in v.fits if fit.level == DIFFERENT), None)
        if worst is None:
            call = next(c for c in v.calls if c.level == DIFFERENT)
            line = f" at line {call.line}" if call.line else ""
            return f"{says}: {call.kind}{line} gave other results, {call.levels['rounding'][1]}."
        names = [source(f.source) for f in worst.findings if f.status == DIFFERS]
        return f"{says}: {listed(names)} changed." if names else f"{says}; no cause was seen."
    if v.level == UNDECIDED:
        return (
            f"{v.script} does not give the bits that were locked; whether it is the same training "
            "otherwise could not be decided."
        )
    if v.level == "rounding":
        if all(fit.level == "bitwise" for fit in v.fits):
            far = max(c.distance for c in v.calls if c.level == "rounding")
            return f"{says}: results moved by {number(far)} (relative)."
        moved = max((fit.weights or 0.0) for fit in v.fits)
        return (
            f"{says}: its weights moved by {number(moved)} (relative), no more than one ULP does."
        )
    return f"{says}."


def _fit(fit: FitCheck, several: bool) -> Section:
    blocks: list[Block] = []
    title = f"Fit {fit.fit}, {fit.model}: {fit.level}"
    if fit.level == "bitwise":
        if not several:
            agree = f"Initial values, {fit.levels['bitwise'][1]}, logs and final weights agree."
            blocks.append(Text(agree))
    else:
        facts = list(_distances(fit))
        if fit.first_divergence is not None:
            facts.insert(0, ("First divergence", point(fit.first_divergence)))
        blocks.append(Facts(tuple(facts)))
        changed = [(f.source, f.detail or f.evidence) for f in fit.findings if f.status == DIFFERS]
        if changed:
            blocks.append(Table(("Suspect", "Locked vs. current"), tuple(changed)))
        levels = tuple((name, *fit.levels[name]) for name in LEVELS)
        blocks.append(Table(("Level", "", "Because"), levels))
    return Section(f"fit-{fit.fit}", title, tuple(blocks), depth=SCREEN, announced=several)


def _calls(v: Verification) -> list[Section]:
    """Predictions and evaluations: one line where all agree, else those that do not."""
    if not v.calls:
        return []
    moved = [c for c in v.calls if c.level != "bitwise"]
    agree = len(v.calls) - len(moved)
    results = "prediction or evaluation" if agree == 1 else "predictions and evaluations"
    text = f"{agree} {results} as locked, bit for bit."
    rows = []
    for c in moved:
        level = next((n for n in LEVELS[1:] if c.levels[n][0] == "holds"), "rounding")
        values = "; ".join(
            f"{name} {' vs. '.join(pair(a, b))}"
            for name, (a, b) in c.metrics.items()
            if a is not None and b is not None and a != b
        )
        line = f" (line {c.line})" if c.line else ""
        rows.append((f"{c.number}: {c.kind}{line}", c.level, values, c.levels[level][1]))
    table = Table(("Call", "Level", "Locked vs. current", "Because"), tuple(rows))
    blocks: list[Block] = [Text(text)] if agree else []
    if rows:
        blocks.append(table)
    return [Section("calls", "Predictions and evaluations", tuple(blocks), depth=SCREEN)]


def _distances(fit: FitCheck) -> Iterator[tuple[str, str]]:
    changed = [(k, a, b) for k, (a, b) in fit.metrics.items() if a != b]
    for name, a, b in changed[:4]:
        one, other = pair(a, b)
        yield name, f"{one} locked, {other} now"
    if len(changed) > 4:
        yield "and", f"{count(len(changed) - 4, 'more metric')}"
    if fit.weights is not None:
        yield "Weights", f"relative distance {number(fit.weights)} (estimated from sketches)"
    if fit.predictions is not None:
        yield "Predictions", f"root mean square of the differences {number(fit.predictions)}"
