"""The page of an explanation: why two trainings differ, proven."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from typing import Any

from whydiff.core.findings import CONFIRMED, Cause, Explanation
from whydiff.core.study import Study
from whydiff.core.words import capital, count, listed, number, pair, percent, source
from whydiff.report.blocks import Block, Chart, Code, Facts, Fold, Gallery, Picture, Table, Text
from whydiff.report.charts.causes import MEASURES, Bar, bars
from whydiff.report.evidence import evidence_blocks
from whydiff.report.explain_view import TOLD, chaotic, verdict
from whydiff.report.page import DIFFERENT, OPEN, SAME, Page, Section
from whydiff.report.pages.replicas import distribution_chart, draws
from whydiff.report.pages.reproduce import reproduce, with_page
from whydiff.report.pages.sides import side_by_side
from whydiff.report.pages.way import share, way
from whydiff.report.point import point

#: parts of the evidence that have a section of their own
TOLD_ELSEWHERE = frozenset(
    ("findings", "trace", "epochs", "order", "seeds", "settings", "environment", "equal steps",
     "command", "hybrids", "disagreements")
)  # fmt: skip


def page(e: Explanation, name: str = "", among: Study | None = None) -> Page:
    """Verdict, way, causes, fix, what was cleared, both sides, all numbers, the commands.

    ``among`` is a study of the same training: A and B are marked on its distribution.
    """
    metric = e.gap.get("metric")
    proven = any(c.status == CONFIRMED for c in e.causes)
    command = e.evidence.get("command")
    sections = [
        way(None if e.identical else e.first_divergence, e.evidence, metric),
        *([_causes(e)] if e.causes else []),
        *(_among(e, among) if among is not None else ()),
        *_disagreements(e),
        *_fix(e),
        _cleared(e),
        side_by_side(e.evidence),
        *_numbers(e),
        reproduce([with_page(command)] if command else [], e.evidence, name),
    ]
    return Page(
        title=f"whydiff: {verdict(e)}",
        question=e.question,
        verdict=verdict(e),
        tone=SAME if e.identical else DIFFERENT if proven else OPEN,
        sides=(("A", _side(e.a)), ("B", _side(e.b))),
        facts=tuple(_facts(e)),
        sections=tuple(s for s in sections if s.blocks or s.lead),
    )


def _side(side: dict[str, Any]) -> str:
    told = f"fit {side.get('fit', '?')} of {side.get('script', '?')}"
    if side.get("line"):
        told += f", line {side['line']}"
    return f"{told}, on {side['backend']}" if side.get("backend") else told


def _facts(e: Explanation) -> Iterator[tuple[str, str]]:
    gap = e.gap
    if not e.identical:
        yield "They part", _short_point(e)
    if gap.get("metric") and gap.get("a") is not None and gap.get("b") is not None:
        one, other = pair(gap["a"], gap["b"])
        yield f"{gap['metric']} in the end", f"A {one}, B {other}"
    if gap.get("predictions_differ") is not None and not e.identical:
        yield "Predictions that differ", _predictions(gap)
    if e.remedy.patch:
        yield "Fix", "tried, and it works" if e.remedy.verified else "proposed, not proven"


def _predictions(gap: dict[str, Any]) -> str:
    told = share(gap["predictions_differ"], None, gap.get("samples"))
    if gap.get("interval"):
        low, high = gap["interval"]
        told += f" ({100 * low:.0f}–{100 * high:.0f}\u00a0%)"
    return told


def _short_point(e: Explanation) -> str:
    return capital(point(e.first_divergence).split(" (")[0])


def _causes(e: Explanation) -> Section:
    measured = [c for c in e.causes if c.alone is not None or c.remaining is not None]
    blocks: list[Block] = []
    if measured:
        blocks.append(_bars(e, measured))
    if chaotic(e.causes):
        blocks.append(
            Text(
                "Each of these alone moves the predictions about as far as all of them together: "
                "this training amplifies any difference, so the shares do not rank the causes. "
                "`whydiff study` tells how much reseeding moves the result in general."
            )
        )
    if e.unexplained > TOLD:
        blocks.append(
            Text(
                f"{percent(e.unexplained)} of the distance is unexplained: training again with "
                "everything equal did not give the same result.",
                "warning",
            )
        )
    for cause in e.causes:
        rows = [("What differs", cause.detail or cause.evidence)]
        if cause.evidence and cause.evidence != cause.detail:
            rows.append(("Evidence", cause.evidence))
        if cause.share is not None:
            rows.append(("Share of the distance", f"{percent(cause.share)} (Shapley value)"))
        if cause.intended:
            rows.append(("Asked for", "yes: the script itself sets it differently"))
        if cause.remedy:
            rows.append(("What to do", cause.remedy))
        blocks += [Text(_heading(cause), "verdict"), Facts(tuple(rows))]
    proven = [source(c.source) for c in e.causes if c.status == CONFIRMED]
    lead = (
        f"Proven by training again with one thing changed at a time: {listed(proven)}."
        if proven
        else "Nothing was proven; these are suspects."
    )
    return Section("causes", "What caused it", tuple(blocks), lead)


def _heading(cause: Cause) -> str:
    status = "proven" if cause.status == CONFIRMED else "suspected, not proven"
    return f"{capital(source(cause.source))} ({cause.source}, {status})"


def _bars(e: Explanation, causes: list[Cause]) -> Chart:
    rows = [
        Bar(cause.source, measure, value)
        for cause in causes
        for measure, value in zip(MEASURES, (cause.alone, cause.remaining), strict=True)
        if value is not None
    ]
    told = "; ".join(
        f"{c.source} alone {percent(c.alone)}, without it {percent(c.remaining)} remain"
        for c in causes
    )
    samples = e.gap.get("samples")
    n = f"n = {samples} predicted samples" if samples else "the predicted samples"
    return Chart(
        "How far each moves the predictions",
        bars(rows),
        f"Bars in parts of the distance between A's and B's predictions: {told}.",
        Table(
            ("Cause", "Alone", "Remaining", "Share"),
            tuple(
                (c.source, percent(c.alone), percent(c.remaining), percent(c.share)) for c in causes
            ),
            numbers=frozenset({"Alone", "Remaining", "Share"}),
        ),
        "Alone: how far the predictions move when only this is taken from B. Remaining: what is "
        "left when only this is made equal. 100 % is the whole distance from A to B. Measured on "
        f"{n} with one training each: exact for these two trainings, no estimate over seeds, so "
        "there is no interval.",
    )


def _among(e: Explanation, study: Study) -> Iterator[Section]:
    """A and B on the distribution that reseeding gives."""
    metric = study.outcome.metric
    marked = {
        name: float(side["logs"][metric])
        for name, side in (("A", e.a), ("B", e.b))
        if metric in (side.get("logs") or {})
    }
    chart = distribution_chart(study, marked) if len(marked) == 2 else None
    if chart is None:
        yield Section(
            "among",
            "A and B among other draws",
            (),
            f"A and B did not both log {metric}, or the study holds fewer than two draws: "
            "there is nothing to mark.",
        )
        return
    values = draws(study)
    gap = abs(marked["A"] - marked["B"])
    pairs = [abs(a - b) for a, b in itertools.combinations(values, 2)]
    wider = sum(p >= gap for p in pairs)
    lead = (
        f"A and B are {number(gap)} apart in {metric}. Of the draws of {study.script}, which "
        f"differ in their seeds only, {percent(wider / len(pairs))} of all pairs are at least as "
        f"far apart (n = {len(values)} draws; pairs share draws, so this is no test)."
    )
    yield Section("among", "A and B among other draws", (chart,), lead)


def _disagreements(e: Explanation) -> Iterator[Section]:
    """The examples that A and B predict differently, as images where they are some."""
    shown = e.evidence.get("disagreements") or []
    if not shown:
        return
    pictures = tuple(
        Picture(
            base64.b64decode(s["picture"]),
            f"A says {s['a']}, B says {s['b']}",
            f"Example {s['example']}",
        )
        for s in shown
        if s.get("picture")
    )
    table = Table(
        ("Example", "Class of A", "Class of B", "Distance"),
        tuple((str(s["example"]), str(s["a"]), str(s["b"]), number(s["distance"])) for s in shown),
        numbers=frozenset(("Example", "Class of A", "Class of B", "Distance")),
    )
    blocks: list[Block] = [Gallery("", pictures)] if pictures else []
    blocks.append(Fold("The numbers as a table", (table,)) if pictures else table)
    lead = (
        f"{_predictions(e.gap)} are predicted differently. The {len(shown)} on which A and B are "
        "furthest apart:"
    )
    yield Section("examples", "Where A and B disagree", tuple(blocks), lead)


def _fix(e: Explanation) -> Iterator[Section]:
    remedy = e.remedy
    if not remedy.patch and (e.identical or not remedy.how):
        return
    title = "What to do"
    if remedy.patch:
        title = "The fix, tried and working" if remedy.verified else "A fix, not proven to work"
    blocks: list[Block] = []
    if remedy.patch:
        is_diff = remedy.patch.lstrip().startswith(("--- ", "diff "))
        blocks.append(Code(remedy.patch, "diff" if is_diff else "python"))
    yield Section("fix", title, tuple(blocks), remedy.how)


def _cleared(e: Explanation) -> Section:
    blocks: list[Block] = []
    if e.excluded:
        blocks.append(
            Table(("Ruled out", "Why"), tuple((x.source, x.evidence) for x in e.excluded))
        )
    if e.unknown:
        blocks.append(
            Table(
                ("Could not be judged", "What is missing"),
                tuple((x.source, x.evidence) for x in e.unknown),
            )
        )
    lead = f"{count(len(e.excluded), 'suspect')} cleared, each with evidence." if blocks else ""
    return Section("cleared", "What was ruled out", tuple(blocks), lead)


def _numbers(e: Explanation) -> Iterator[Section]:
    blocks: list[Block] = [Text(note, "note") for note in e.notes]
    gap = e.gap
    rows = []
    if gap.get("predictions_differ") is not None:
        told = share(gap["predictions_differ"], gap.get("interval"), gap.get("samples"))
        rows.append(("Predictions that differ", f"{told}, over the samples predicted"))
    if gap.get("relative_weight_distance") is not None:
        rows.append(("Relative distance of the weights", number(gap["relative_weight_distance"])))
    for key, words in (("reproduces a", "A"), ("reproduces b", "B")):
        if e.evidence.get(key) is not None:
            told = "gave the same bits" if e.evidence[key] else "gave other bits"
            rows.append((f"{words} trained again", told))
    if rows:
        blocks.append(Facts(tuple(rows)))
    hybrids = e.evidence.get("hybrids") or []
    if hybrids:
        table = Table(
            ("Taken from B", "Distance from A", "Seconds"),
            tuple(
                (listed(h["from B"]) or "nothing", percent(h["distance"]), number(h["seconds"]))
                for h in hybrids
            ),
            "Every hybrid that was trained; the distance is in parts of that from A to B",
            numbers=frozenset({"Distance from A", "Seconds"}),
        )
        blocks.append(Fold(f"All {len(hybrids)} hybrids of A and B", (table,)))
    others = {k: v for k, v in e.evidence.items() if k not in TOLD_ELSEWHERE and v}
    others = {k: v for k, v in others.items() if not k.startswith("reproduces")}
    if others:
        blocks.append(Fold("Further evidence", tuple(evidence_blocks(others))))
    if blocks:
        yield Section("numbers", "All numbers", tuple(blocks))
