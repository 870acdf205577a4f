"""The document of a comparison: is B better than A, or is the difference that of seeds?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from whydiff.core.comparison import (
    BETTER,
    EQUIVALENT,
    INCONCLUSIVE,
    WORSE,
    Churn,
    Comparison,
    Pair,
)
from whydiff.core.estimate import Estimate
from whydiff.core.words import MORE, count, duration, number, percent
from whydiff.report.blocks import Block, Brief, Chart, Facts, Fold, Table, Text
from whydiff.report.charts.levels import Point, points
from whydiff.report.charts.pairs import look_rows, looking, strips
from whydiff.report.charts.replicas import distribution
from whydiff.report.document import DIFFERENT, OPEN, SAME, SCREEN, VERBOSE, Document, Section
from whydiff.report.documents.compare_verdict import facts, verdict, warnings
from whydiff.report.documents.reproduce import reproduce, with_page
from whydiff.report.estimates import between, bounds, signed

TONES = {BETTER: DIFFERENT, WORSE: DIFFERENT, EQUIVALENT: SAME, INCONCLUSIVE: OPEN}
HOLDS = {True: "yes", False: "NO", None: "not checked"}


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
        title=f"whydiff: {verdict(found)}",
        question=found.question or "Is B better than A, or is it seed noise?",
        verdict=verdict(found),
        tone=TONES.get(found.verdict, OPEN),
        sides=(("A", found.a.what), ("B", found.b.what)),
        facts=(),
        tiles=tuple(_tiles(found)),
        sections=tuple(s for s in sections if s.blocks or s.lead),
        more=f"More: {MORE}, --json FILE all numbers.",
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
    ends = (estimate.low, estimate.high) if estimate.known else (None, None)
    return Point(name, estimate.value, *ends)


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
    good = [gate.name for gate in found.gates if gate.passed]
    brief = (Text(f"Checked: {'; '.join(good)}.", "note"),) if good else ()
    full: list[Block] = []
    if found.gates:
        rows = tuple((g.name, HOLDS[g.passed], g.evidence) for g in found.gates)
        full.append(Table(("Before any number", "Holds", "Evidence"), rows))
    rates = []
    for name, side in (("A", found.a), ("B", found.b)):
        rates.append((f"Diverged, {name}", f"{between(side.diverged, percent)}"))
        if side.collapsed is not None:
            rates.append((f"Collapsed, {name}", between(side.collapsed, percent)))
    full += [Facts(tuple(rates)), Text(_held(found), "note")]
    notes = [Text(note, "note") for note in found.notes]
    blocks: tuple[Block, ...] = (Brief(brief, tuple(full)), *notes)
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
