"""The document of a comparison: is B better than A, or is the difference that of seeds?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from whydiff.core.comparison import (
    BETTER,
    EQUIVALENT,
    INCONCLUSIVE,
    WORSE,
    Churn,
    Comparison,
    FailureRates,
    Pair,
    Side,
)
from whydiff.core.estimate import Estimate
from whydiff.core.words import count, duration, number, percent
from whydiff.report.charts.bars import Point, points
from whydiff.report.charts.replicas import distribution, look_rows, looking, strips
from whydiff.report.document import (
    DIFFERENT,
    MORE,
    OPEN,
    SAME,
    SCREEN,
    VERBOSE,
    Block,
    Chart,
    Document,
    Facts,
    Fold,
    Section,
    Table,
    Text,
)
from whydiff.report.documents.reproduce import reproduce, with_page
from whydiff.report.estimates import believed, between, bounds, ends, signed

TONES = {BETTER: DIFFERENT, WORSE: DIFFERENT, EQUIVALENT: SAME, INCONCLUSIVE: OPEN}


def document(found: Comparison, name: str = "") -> Document:
    """Verdict, the numbers it rests on, pairs, effect, predictions, doubts, every pair."""
    sections = [
        _numbers(found),
        _pairs(found),
        _effect(found),
        *_churn(found.churn),
        _trust(found),
        *_every_pair(found),
        reproduce([with_page(found.command)] if found.command else [], {}, name),
    ]
    return Document(
        question=found.question or "Is B better than A, or is it seed noise?",
        verdict=verdict(found),
        tone=TONES.get(found.verdict, OPEN),
        sides=(("A", found.a.what), ("B", found.b.what)),
        tiles=tuple(_tiles(found)),
        sections=tuple(sections),
        more=MORE,
    )


def _tiles(found: Comparison) -> Iterator[tuple[str, str]]:
    yield f"{found.metric}, B - A", signed(found.effect)
    yield "A run of B beats one of A", bounds(found.probability, percent)
    if found.churn is not None:
        yield "Excess churn", bounds(found.churn.excess, _share(found.churn))
    if found.more:
        yield "To settle it", f"about {count(found.more, 'more pair')}"
    else:
        yield "Pairs", f"{found.effect.n} of at most {found.max_pairs}"


def _share(churn: Churn) -> Callable[[Any], str]:
    return percent if churn.measure == "classes" else number


def _point(name: str, estimate: Estimate) -> Point:
    return Point(name, estimate.value, *ends(estimate))


def _numbers(found: Comparison) -> Section:
    blocks: list[Block] = [Text(text, "warning") for text in warnings(found)]
    blocks.append(Facts(tuple(facts(found))))
    others = tuple(o for o in found.others if o.shift.n)
    if others:
        rows = tuple(
            (o.metric, signed(o.shift), f"{o.adjusted:.2g}" if math.isfinite(o.adjusted) else "-")
            for o in others
        )
        columns = ("Metric", "B - A", "p, adjusted")
        title = f"Other metrics, not decided by (t interval, n = {others[0].shift.n})"
        legend = "p adjusted for the number of metrics (Benjamini-Hochberg)."
        blocks.append(Table(columns, rows, title, frozenset(columns[2:]), legend=legend))
    return Section("numbers", "The comparison in numbers", tuple(blocks), depth=SCREEN)


def _pairs(found: Comparison) -> Section:
    runs = [(side, v) for p in found.pairs for side, v in (("A", p.a), ("B", p.b))]
    finite = [v for _, v in runs if math.isfinite(v)]
    differences = [p.b - p.a for p in found.pairs if math.isfinite(p.b - p.a)]
    table = Table(
        ("Pair", "A", "B", "B - A", "Note"),
        tuple(_row(p) for p in found.pairs),
        numbers=frozenset(("Pair", "A", "B", "B - A")),
    )
    blocks: list[Block] = []
    if finite:
        means = [_point(n, s.mean) for n, s in (("A", found.a), ("B", found.b))]
        means = [m for m in means if math.isfinite(m.value)]
        blocks.append(
            Chart(
                f"{found.metric} of every run",
                lambda: strips(runs, means, found.metric),
                f"Ticks of {len(finite)} runs with the means: A {between(found.a.mean)}, "
                f"B {between(found.b.mean)}.",
                table,
                f"A tick for each run, a diamond with a 95 % interval for the mean; "
                f"n = {found.a.mean.n} and {found.b.mean.n}.",
            )
        )
    if len(differences) > 1:
        blocks.append(
            Chart(
                "Difference within a pair",
                lambda: distribution(
                    differences, f"{found.metric}, B - A", {"no difference": 0.0}, "pairs"
                ),
                f"Histogram of B - A over n = {len(differences)} pairs, from "
                f"{min(differences):+.3g} to {max(differences):+.3g}; no difference is marked.",
                table,
                "Both runs of a pair have the same seeds, so what a seed does to both cancels.",
            )
        )
    better = "larger" if found.larger_is_better else "smaller"
    return Section("pairs", "The runs", tuple(blocks), f"{found.metric}: {better} is better.")


def _looks(found: Comparison) -> Chart:
    rows = look_rows(found.looks)
    last = rows[-1]
    return Chart(
        "The effect, pair by pair",
        lambda: looking(found.looks, f"{found.metric}, B - A", found.margin),
        f"The interval of the effect after each of {len(rows)} pairs: "
        f"{rows[0]['low']:+.3g} to {rows[0]['high']:+.3g} after {rows[0]['pairs']}, "
        f"{last['low']:+.3g} to {last['high']:+.3g} after {last['pairs']}.",
        Table(
            ("Pairs", "B - A", "From", "To"),
            tuple(
                (str(r["pairs"]), *(f"{r[key]:+.3g}" for key in ("value", "low", "high")))
                for r in rows
            ),
            numbers=frozenset(("Pairs", "B - A", "From", "To")),
        ),
        f"All these intervals hold at once at alpha = {number(found.alpha)}, so it may stop at any "
        "pair.",
    )


def _effect(found: Comparison) -> Section:
    rows = [_point("B - A", found.effect)] if math.isfinite(found.effect.value) else []
    blocks: list[Block] = []
    if rows:
        blocks.append(
            Chart(
                "The effect",
                lambda: points(rows, f"{found.metric}, B - A", margin=found.margin),
                f"A dot with its interval: {signed(found.effect)}; "
                f"the margin is {number(found.margin)}.",
                Table(("Effect", "Value"), (("B - A", signed(found.effect)),)),
                f"A confidence sequence at alpha = {number(found.alpha)}: it holds however often "
                "one looked while the pairs came in.",
            )
        )
    if len(look_rows(found.looks)) > 1:
        blocks.append(_looks(found))
    return Section("effect", "How large it is", tuple(blocks))


def _churn(churn: Churn | None) -> Iterator[Section]:
    if churn is None:
        return
    write = _share(churn)
    rows = [
        Point("reseeding", churn.within, None, None),
        Point("switching and reseeding", churn.between, None, None),
    ]
    if churn.switched is not None and math.isfinite(churn.switched.value):
        rows.insert(1, _point("switching alone", churn.switched))
    rows = [row for row in rows if math.isfinite(row.value)]
    told = tuple((row.name, write(row.value)) for row in rows)
    table = Table(("What is changed", "Predictions that move"), told)
    unit = "predictions of another class" if churn.measure == "classes" else "distance"
    blocks: list[Block] = []
    if rows:
        blocks.append(
            Chart(
                "What moves the predictions",
                lambda: points(rows, unit),
                "Dots: " + "; ".join(f"{n} {v}" for n, v in told) + ".",
                table,
                f"n = {churn.examples} examples.",
            )
        )
    blocks.append(
        Facts((("Excess churn", f"{bounds(churn.excess, write)}, p = {number(churn.p)}"),))
    )
    small = churn.excess.known and churn.excess.low <= 0
    lead = (
        "Switching changed predictions no more than reseeding does."
        if small
        else "Switching changed predictions more than reseeding does."
    )
    yield Section("churn", "What it does to predictions", tuple(blocks), lead)


def _trust(found: Comparison) -> Section:
    rates = []
    for name, side in (("A", found.a), ("B", found.b)):
        rates.append((f"Diverged, {name}", f"{between(side.diverged, percent)}"))
        if side.collapsed is not None:
            rates.append((f"Collapsed, {name}", between(side.collapsed, percent)))
    checked = believed(found.gates, Facts(tuple(rates)), Text(_held(found), "note"))
    notes = [Text(note, "note") for note in found.notes]
    blocks: tuple[Block, ...] = (checked, *notes)
    return Section("trust", "Can these numbers be believed?", blocks, depth=SCREEN)


def _held(found: Comparison) -> str:
    return (
        "The confidence sequence and the verdict hold however often one looked "
        f"(e = {number(found.e)}, symmetric e = {number(found.symmetric_e)} against no "
        "difference); all other intervals and p values are those of a fixed number of pairs."
    )


def _every_pair(found: Comparison) -> Iterator[Section]:
    if not found.pairs:
        return
    seeds = list(dict.fromkeys(k for p in found.pairs for k in p.seeds))
    columns = ("Pair", "A", "B", "B - A", *(f"seed of {s}" for s in seeds), "Note")
    rows = tuple(
        (*_row(p)[:4], *(str(p.seeds.get(s, "-")) for s in seeds), _row(p)[4]) for p in found.pairs
    )
    table = Table(columns, rows, f"{found.metric} of every pair", frozenset(columns[:4]))
    took = f" in {duration(found.seconds)}" if found.seconds else ""
    pairs = count(len(found.pairs), "pair")
    lead = f"{pairs}{took}; stopped: {found.stopped}."
    yield Section("every-pair", "Every pair", (Fold(f"All {pairs}", (table,)),), lead, VERBOSE)


def _row(pair: Pair) -> tuple[str, str, str, str, str]:
    """Number, A, B, B - A and a note of a pair."""
    gap = f"{pair.b - pair.a:+.3g}" if math.isfinite(pair.b - pair.a) else "-"
    note = pair.failure or ("equal, bit for bit" if pair.identical else "")
    return str(pair.number + 1), number(pair.a), number(pair.b), gap, note


_STOPPED = {
    "budget": "The time that was given is up.",
    "interrupted": "It was interrupted.",
}


def verdict(found: Comparison) -> str:
    """One sentence, two if something is left to do."""
    pairs = count(len(found.pairs), "pair")
    if found.identical and found.verdict == EQUIVALENT:
        return (
            f"A and B are the same training: all {pairs} with equal seeds ended with the same "
            f"weights, bit for bit (at most {percent(found.unseen)} of pairs differ)."
        )
    if found.verdict in (BETTER, WORSE):
        return f"B is {found.verdict} than A: {_because(found)}, over {pairs} with equal seeds."
    if found.verdict == EQUIVALENT:
        if not found.margin:
            return (
                f"B is as good as A: {found.metric} differed in none of {pairs}, so it differs in "
                f"at most {percent(found.unseen)} of them."
            )
        return (
            f"B is as good as A: {found.metric} of B - A is {signed(found.effect)}, within the "
            f"margin of {number(found.margin)}, over {pairs} with equal seeds."
        )
    if found.typical not in ("", INCONCLUSIVE):
        alike = replace(found, verdict=found.typical, effect=found.typical_effect or found.effect)
        return (
            f"In runs like those seen {verdict(alike)} Rare runs that are far off could outweigh "
            f"it, so on average it is open. {_left(found)}"
        )
    told = f"Not settled after {pairs}"
    if found.identical:
        told += (
            ", all of which ended with the same weights, bit for bit: up to "
            f"{percent(found.unseen)} of pairs may differ"
        )
    elif math.isfinite(found.effect.value):
        told += f": {found.metric} of B - A is {signed(found.effect)}"
    stopped = _STOPPED.get(found.stopped, "")
    return " ".join(part for part in (f"{told}.", stopped, _left(found)) if part)


def _because(found: Comparison) -> str:
    effect = found.effect
    if not math.isfinite(effect.value):
        a, b = (_of(side) for side in (found.a, found.b))
        return f"{b} of its runs diverged, {a} of A's"
    way = "higher" if effect.value > 0 else "lower"
    low, high = sorted((abs(effect.low), abs(effect.high)))
    interval = f"{number(low)} to {number(high)}" if effect.low * effect.high > 0 else ""
    if math.isinf(high):
        interval = f"{number(low)} or more" if interval else ""
    beyond = f", beyond the margin of {number(found.margin)}" if found.margin else ""
    if not interval:
        return (
            f"{found.metric} of B - A is {signed(effect)} where both end, and runs diverged: "
            f"{_of(found.a)} of A, {_of(found.b)} of B"
        )
    return f"its {found.metric} is {way} by {number(abs(effect.value))} ({interval}){beyond}"


def _of(side: Side) -> str:
    if not side.diverged.n:
        return "none"
    return f"{round(side.diverged.value * side.diverged.n)} of {side.diverged.n}"


def _left(found: Comparison) -> str:
    """What would settle an open question."""
    if len(found.pairs) < found.fewest:
        few = f"No verdict is possible before {found.fewest} pairs. "
    else:
        few = _almost(found)
    if found.more:
        total = len(found.pairs) + found.more
        return few + (
            f"About {count(found.more, 'more pair')} would settle it if they were like these: "
            f"--max-pairs {total}."
        )
    if found.tailed:
        return (
            "The differences have a long tail against their mean, so equal trainings do not differ "
            "as often up as down and no verdict rests on that: see the pairs furthest off, or "
            "decide by a --metric between 0 and 1."
        )
    if found.more is None and len(found.pairs) >= found.fewest:
        if not found.margin:
            return "--margin says which difference does not matter; then they can be equivalent."
        return "The difference lies at the margin: no number of pairs would settle it."
    return f"{few}--max-pairs allows more."


def _almost(found: Comparison) -> str:
    """Why there is no verdict although the interval looks like one."""
    low, high = sorted(
        (x if found.larger_is_better else -x) for x in (found.effect.low, found.effect.high)
    )
    outside = low > found.margin or high < -found.margin
    if outside or (-found.margin <= low and high <= found.margin):
        return "The interval is clear; runs that diverged on one side only leave it open. "
    return ""


def warnings(found: Comparison) -> Iterator[str]:
    """What puts the verdict in doubt, a sentence each."""
    for gate in found.gates:
        if gate.passed is False:
            yield f"Check failed: {gate.name}. {gate.evidence[:1].upper()}{gate.evidence[1:]}."
    yield from found.warnings
    for name, side in (("A", found.a), ("B", found.b)):
        if side.diverged.n and side.diverged.value > 0:
            yield (
                f"{_of(side)} runs of {name} diverged ({bounds(side.diverged, percent)}): their "
                "loss or predictions are not finite. They count as worse than any other run; "
                "means are those of the others."
            )
        if side.collapsed is not None and side.collapsed.value > 0:
            yield (
                f"{round(side.collapsed.value * side.collapsed.n)} of {side.collapsed.n} runs of "
                f"{name} collapsed ({bounds(side.collapsed, percent)}): they predict the same for "
                "every example. Their metric counts as it is."
            )
    if found.failures is not None:
        yield f"{failure_rates(found.failures)}."
    failed = [pair for pair in found.pairs if pair.failure]
    if failed:
        yield (
            f"{count(len(failed), 'pair')} could not be trained and counts for nothing: "
            f"{failed[0].failure}"
        )


def failure_rates(rates: FailureRates) -> str:
    """How much more often B failed than A."""
    told = _signed_percent(rates.difference)
    return (
        f"Runs that diverged or collapsed, B - A: {told}, p = {rates.p:.2g}, "
        f"n = {rates.difference.n}"
    )


def _signed_percent(estimate: Estimate) -> str:
    return bounds(estimate, lambda value: f"{100 * value:+.0f} %")


def assumes(found: Comparison) -> str:
    """What the verdict takes for granted, what it cannot exclude, and what that would take."""
    more = found.more_for_any_shape
    decided = found.verdict != INCONCLUSIVE
    if found.assumption == "bounded" or (decided and more == 0):
        text = f"only that {found.metric} lies between 0 and 1, whatever the shape of differences"
        if not decided and found.typical not in ("", INCONCLUSIVE):
            text += (
                "; runs like those seen: that equal trainings differ as often up as down, which "
            )
            text += "--assume symmetric takes for granted"
        return text
    text = (
        "equal trainings differ as often up as down (checked on the pairs seen). A kind of run of "
        "which none was seen, such as a rare collapse, may make up to "
        f"{percent(found.unseen)} of pairs"
    )
    if decided and more:
        total = len(found.pairs) + more
        text += f"; about {total} pairs would allow for it: --assume bounded --max-pairs {total}"
    return text


def facts(found: Comparison) -> Iterator[tuple[str, str]]:
    """Both sides, the effect, what it assumes, what was trained and redrawn."""
    for name, side in (("A", found.a), ("B", found.b)):
        yield name, _side(side, found.metric)
    if math.isfinite(found.effect.value):
        level = percent(found.effect.confidence)
        yield "B - A", f"{signed(found.effect)}, {level} confidence sequence, n = {found.effect.n}"
    if found.typical_effect is not None and math.isfinite(found.typical_effect.value):
        yield "Like those seen", f"{signed(found.typical_effect)}, n = {found.typical_effect.n}"
    if found.pairs:
        yield "Assumes", assumes(found)
    if found.probability.n > 1 and not found.identical:
        chance = between(found.probability, percent)
        yield "P(B better)", f"{chance} for runs of two different seeds, n = {found.probability.n}"
    if found.churn is not None and math.isfinite(found.churn.between):
        yield "Predictions", churn(found.churn, found.alpha)
    engines = " and ".join(dict.fromkeys([found.a.engine, found.b.engine]))
    took = f" in {duration(found.seconds)}" if found.seconds else ""
    trained = f"{count(len(found.pairs), 'pair')} of at most {found.max_pairs}{took} ({engines})"
    yield "Trained", trained
    for one in found.differences:
        yield "Differs", f"{one.source}: {one.detail or one.evidence}"
    if found.pairs and found.pairs[0].seeds:
        yield "Redrawn", f"{', '.join(found.pairs[0].seeds)}; equal seeds within a pair"
    kept = {**found.a.kept, **found.b.kept}
    if kept:
        yield "Not redrawn", "; ".join(f"{name}: {why}" for name, why in kept.items())


def _side(side: Side, metric: str) -> str:
    if not side.mean.n:
        return f"{side.what}: no run ended with a finite {metric}"
    return (
        f"{side.what}: {metric} {between(side.mean)}, standard deviation {between(side.sd)}, "
        f"n = {side.mean.n}"
    )


def churn(found: Churn, alpha: float) -> str:
    """Whether switching from A to B moves predictions more than another seed does."""
    write = percent if found.measure == "classes" else number
    verb = "disagree on" if found.measure == "classes" else "differ by"
    told = (
        f"two seeds {verb} {write(found.within)}, A and B with other seeds {verb} "
        f"{write(found.between)}"
    )
    if found.p <= alpha and found.excess.value > 0:
        what = "switching changed predictions more than reseeding does"
    else:
        what = "switching changed predictions no more than reseeding does"
    size = bounds(found.excess, _points if found.measure == "classes" else number)
    if found.switched is not None:
        told += f", with equal seeds {write(found.switched.value)}"
    return f"{what} (excess {size}, p = {found.p:.2g}): {told}, n = {found.excess.n}"


def _points(share: float) -> str:
    return f"{100 * share:.2g} %" if abs(share) >= 5e-5 else "0 %"
