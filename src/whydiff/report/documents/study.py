"""The page of a study: how much the results vary from run to run, and because of what."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from typing import Any

from whydiff.core.estimate import Estimate
from whydiff.core.study import METRIC, PREDICTIONS, WEIGHTS, Study, Worth
from whydiff.core.words import capital, count, number, percent
from whydiff.report.blocks import Block, Chart, Facts, Fold, Gallery, Picture, Table, Text
from whydiff.report.charts.causes import Bar, bars
from whydiff.report.charts.flips import flip_bars
from whydiff.report.charts.levels import Point, points
from whydiff.report.document import DIFFERENT, OPEN, SAME, Document, Section
from whydiff.report.documents.replicas import distribution_chart
from whydiff.report.documents.reproduce import reproduce, study_command
from whydiff.report.evidence import plain
from whydiff.report.study_reading import alive, leading, reading
from whydiff.report.study_view import facts as told_facts, open_questions, verdict, warnings
from whydiff.report.study_words import between, bounds, signed

#: bars of a source: how much varies when it alone is redrawn, how much less when it alone is fixed
MEASURED = {PREDICTIONS: "the predictions", WEIGHTS: "the weights"}
REDRAWN, FIXED = "redrawn alone", "saved by fixing it alone"


def document(study: Study, name: str = "") -> Document:
    """Verdict, distribution, sources, factors, unstable examples, doubts, every replica."""
    sections = [
        _spread(study),
        *_sources(study),
        *_levels(study),
        *_flips(study),
        *_trust(study),
        *_replicas(study),
        reproduce([study_command(study)], {"settings": _backend(study)}, name),
    ]
    known = study.outcome.mean.n > 1
    same = known and study.outcome.low == study.outcome.high
    return Document(
        title=f"whydiff: {verdict(study)}",
        question=f"How much do the results of {study.script} vary from run to run?",
        verdict=capital(verdict(study)),
        tone=SAME if same else DIFFERENT if known else OPEN,
        sides=(),
        facts=tuple(_tiles(study)),
        sections=tuple(s for s in sections if s.blocks or s.lead),
    )


def _backend(study: Study) -> list[dict[str, Any]]:
    if not study.backend:
        return []
    return [{"source": "backend", "name": "backend", "a": study.backend, "b": study.backend}]


def _tiles(study: Study) -> Iterator[tuple[str, str]]:
    outcome, own = study.outcome, study.own
    yield "Trained", f"{count(study.trained, 'time')}, n = {outcome.mean.n} other draws"
    if outcome.mean.n > 1:
        yield f"{outcome.metric}, standard deviation", bounds(outcome.sd, number)
    if outcome.churn is not None and outcome.churn.n > 1:
        yield "Predictions on which two runs disagree", bounds(outcome.churn, percent)
    if own is not None and math.isfinite(own.value):
        kind = {True: "ordinary", False: "unusual", None: "too few draws to tell"}[own.ordinary]
        yield "Your run", f"{number(own.value)}: {kind}"


def _spread(study: Study) -> Section:
    marked = {}
    if study.own is not None and math.isfinite(study.own.value):
        marked["your run"] = study.own.value
    chart = distribution_chart(study, marked)
    blocks: list[Block] = [Text(text, "warning") for text in warnings(study)]
    blocks += [chart] if chart else []
    blocks.append(Facts(tuple(told_facts(study))))
    return Section("spread", "How much it varies", tuple(blocks))


def _sources(study: Study) -> Iterator[Section]:
    _, told = leading(study)
    if not told:
        return
    blocks: list[Block] = [_worth_chart(told)]
    for measure, worth in study.worth.items():
        name = {
            METRIC: study.outcome.metric,
            PREDICTIONS: "the predictions",
            WEIGHTS: "the weights",
        }
        rows = tuple(
            (
                w.source,
                "dead" if w.dead else bounds(w.total, percent),
                bounds(w.main, percent),
                str(w.total.n),
                w.total.note,
            )
            for w in worth
        )
        title = f"By {name.get(measure, measure)}, with 95 % intervals"
        columns = ("Source", "Redrawn alone", "Saved by fixing it", "Blocks", "Note")
        blocks.append(
            Fold(
                f"All numbers by {name.get(measure, measure)}",
                (Table(columns, rows, title, frozenset({"Blocks"})),),
            )
        )
    lead = "How much of the variability a source gives by itself; everything redrawn is 100 %."
    if len(alive(told)) > 1:
        lead = f"{lead} {reading(study)}"
    yield Section("sources", "What it comes from", tuple(blocks), lead)


def _worth_chart(told: tuple[Worth, ...]) -> Chart:
    rows = []
    for worth in told:
        if worth.dead or not math.isfinite(worth.total.value):
            continue
        rows.append(Bar(worth.source, REDRAWN, worth.total.value, *_ends(worth.total)))
        if math.isfinite(worth.main.value):
            # Negative shares are noise around nothing; the table keeps their sign.
            low, high = _ends(worth.main)
            shown = max(0.0, worth.main.value)
            rows.append(
                Bar(worth.source, FIXED, shown, None if low is None else max(0.0, low), high)
            )
    n = told[0].total.n
    dead = [w.source for w in told if w.dead]
    words = "; ".join(
        f"{w.source} {bounds(w.total, percent)}, fixing it saves {bounds(w.main, percent)}"
        for w in told
        if not w.dead
    )
    return Chart(
        "Variability by source",
        lambda: bars(rows, (REDRAWN, FIXED), "part of the variability when everything is redrawn"),
        f"Bars with 95 % intervals: {words}." + (f" Dead: {', '.join(dead)}." if dead else ""),
        Table(
            ("Source", "Redrawn alone", "Saved by fixing it"),
            tuple(
                (w.source, "dead" if w.dead else bounds(w.total, percent), bounds(w.main, percent))
                for w in told
            ),
        ),
        f"Total and main effect with 95 % intervals, n = {count(n, 'block')}. The parts need not "
        "add up to 100 %: where a training amplifies any change, every source gives nearly all.",
    )


def _ends(estimate: Estimate) -> tuple[float | None, float | None]:
    if not estimate.known:
        return None, None
    return estimate.low, estimate.high


def _levels(study: Study) -> Iterator[Section]:
    if not study.levels:
        return
    rows = [
        Point(f"{level.factor} {level.value}", level.shift.value, *_ends(level.shift))
        for level in study.levels
        if math.isfinite(level.shift.value)
    ]
    columns = ("Set to", "Against", "Shift", "p", "Ratio of sd", "Excess churn", "n")
    table = Table(
        columns,
        tuple(
            (
                f"{level.factor} {level.value}",
                level.against,
                signed(level.shift),
                number(level.p),
                bounds(level.ratio, number),
                "-" if level.excess is None else bounds(level.excess, percent),
                str(level.shift.n),
            )
            for level in study.levels
        ),
        numbers=frozenset({"p", "n"}),
    )
    metric = study.outcome.metric
    against = study.levels[0].against
    words = "; ".join(
        f"{level.factor} {level.value} {signed(level.shift)}" for level in study.levels
    )
    blocks: list[Block] = []
    if rows:
        blocks.append(
            Chart(
                f"Shift of {metric}",
                lambda: points(rows, f"shift of {metric} vs. {against}"),
                f"Dots with 95 % intervals: {words}.",
                table,
                "Over the same seeds. Excess churn: examples that change class beyond those that "
                "change with the seed.",
            )
        )
    blocks.append(table)
    yield Section("levels", "What the settings change", tuple(blocks))


def _flips(study: Study) -> Iterator[Section]:
    flips = study.flips
    if flips is None or not flips.most:
        return
    rates = dict(flips.most)
    chart = Chart(
        "The least stable examples",
        lambda: flip_bars(flips.most),
        f"Bars of the {len(flips.most)} examples that flip most: "
        + ", ".join(f"example {i} {percent(r)}" for i, r in flips.most)
        + ".",
        Table(
            ("Example", "Two trainings disagree"),
            tuple((str(i), percent(r)) for i, r in flips.most),
            numbers=frozenset({"Example", "Two trainings disagree"}),
        ),
        f"Positions in the {flips.where}, from 0. n = {count(study.outcome.mean.n, 'training')}.",
    )
    blocks: list[Block] = [chart]
    if flips.pictures:
        pictures = tuple(
            Picture(
                base64.b64decode(data),
                f"example {i}: {percent(rates.get(i))}",
                f"Example {i} of the {flips.where}",
            )
            for i, data in flips.pictures
        )
        blocks.append(Gallery("What they look like", pictures))
    lead = (
        f"{flips.ever} of {flips.examples} examples of the {flips.where} are predicted "
        "differently by some of the trainings."
    )
    yield Section("flips", "Examples that flip", tuple(blocks), lead)


def _trust(study: Study) -> Iterator[Section]:
    words = {True: "yes", False: "NO", None: "not checked"}
    rows = tuple((g.name, words[g.passed], g.evidence) for g in study.gates)
    blocks: list[Block] = [Table(("Before any number", "Holds", "Evidence"), rows)] if rows else []
    facts = [
        ("Could not be trained", between(study.failed, percent)),
        ("Diverged", between(study.diverged, percent)),
    ]
    agreement = study.agreement
    if agreement is not None:
        how = (
            f"run by run, to {agreement.furthest:.1g} of the distance between two runs"
            if agreement.rounding
            else f"in distribution (p = {number(agreement.p)})"
        )
        told = f"agrees {how}" if agreement.agrees else "does not agree"
        facts.append((f"{agreement.engine} against plain fit", f"{told}; n = {agreement.n}"))
    if study.noise is not None:
        noise = study.noise
        facts.append(
            ("Error rate", f"{between(noise.error, percent)} on {count(noise.examples, 'example')}")
        )
        facts.append(("Variance left with an infinite test set", between(noise.training)))
    facts += [(f"Not redrawn: {name}", why) for name, why in study.refused.items()]
    blocks.append(Facts(tuple(facts)))
    blocks += [b for b in open_questions(study) if isinstance(b, Text)]
    blocks += [Text(note, "note") for note in study.notes]
    yield Section("trust", "Can these numbers be believed?", tuple(blocks))


def _replicas(study: Study) -> Iterator[Section]:
    if not study.table:
        return
    hidden = {"digest", "failure", "engine", "seconds", "diverged"}
    columns = [c for c in dict.fromkeys(k for row in study.table for k in row) if c not in hidden]
    rows = tuple(tuple(plain(row.get(c)) for c in columns) for row in study.table)
    numeric = frozenset(c for c in columns if c not in ("kind", "redrawn"))
    table = Table(tuple(columns), rows, "Every replica with its seeds", numeric)
    fold = Fold(f"All {count(len(rows), 'replica')}", (table,))
    yield Section("replicas", "Every replica", (fold,))
