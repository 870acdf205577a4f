"""The document of a study: how much the results vary from run to run, and because of what."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping
from typing import Any

from whydiff.core.study import METRIC, PREDICTIONS, WEIGHTS, Study, Worth
from whydiff.core.words import count, number, percent
from whydiff.report.charts.bars import Bar, Point, bars, flip_bars, points
from whydiff.report.charts.replicas import distribution
from whydiff.report.document import (
    DIFFERENT,
    MORE,
    OPEN,
    SAME,
    SCREEN,
    VERBOSE,
    Block,
    Chart,
    Code,
    Document,
    Facts,
    Fold,
    Gallery,
    Picture,
    Section,
    Table,
    Text,
)
from whydiff.report.documents.reproduce import reproduce, study_command
from whydiff.report.documents.sides import plain
from whydiff.report.documents.study_verdict import alive, facts, leading, reading, verdict, warnings
from whydiff.report.estimates import believed, between, bounds, ends, signed

#: bars of a source: how much varies when it alone is redrawn, how much less when it alone is fixed
REDRAWN, FIXED = "redrawn alone", "saved by fixing it alone"
#: characters of a terminal's bar that stand for redrawing everything
BAR = 20
#: characters of the longest bar of a terminal's histogram
LONGEST = 40


def document(study: Study, name: str = "") -> Document:
    """Verdict, distribution, sources, factors, unstable examples, doubts, every replica."""
    sections = [
        _spread(study),
        *_sources(study),
        *_levels(study),
        *_flips(study),
        _trust(study),
        _open_questions(study),
        *_replicas(study),
        reproduce([study_command(study)], {"settings": _backend(study)}, name),
    ]
    known = study.outcome.mean.n > 1
    same = known and study.outcome.low == study.outcome.high
    return Document(
        question=f"How much do the results of {study.script} vary from run to run?",
        verdict=verdict(study),
        tone=SAME if same else DIFFERENT if known else OPEN,
        tiles=tuple(_tiles(study)),
        sections=tuple(sections),
        more=MORE,
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
    histogram = Code(_histogram(study)) if study.outcome.histogram.counts else None
    chart = distribution_chart(study, marked, histogram)
    blocks: list[Block] = [Text(text, "warning") for text in warnings(study)]
    blocks.append(Facts(tuple(facts(study))))
    if chart is not None:
        blocks.append(chart)
    elif histogram is not None:
        blocks.append(histogram)
    return Section("spread", "How much it varies", tuple(blocks), depth=SCREEN)


def _histogram(study: Study) -> str:
    bins, own = study.outcome.histogram, study.own
    pairs = list(zip(bins.edges, bins.edges[1:], strict=False))
    digits = _digits(bins.edges)
    lines, top = [], max(bins.counts)
    for i, ((low, high), times) in enumerate(zip(pairs, bins.counts, strict=True)):
        bar = "#" * math.ceil(LONGEST * times / top)
        last = i == len(pairs) - 1
        inside = own is not None and (low <= own.value < high or (last and own.value == high))
        mark = "  <- your run" if inside else ""
        span = f"{low:.{digits}f} to {high:.{digits}f}"
        lines.append(f"{span}  {bar:<{LONGEST}} {times:>4}{mark}")
    return "\n".join([study.outcome.metric, *lines])


def _digits(edges: tuple[float, ...]) -> int:
    step = edges[1] - edges[0] if len(edges) > 1 else 0.0
    return min(9, max(0, 1 - math.floor(math.log10(step)))) if step > 0 else 4


def _sources(study: Study) -> Iterator[Section]:
    _, told = leading(study)
    if not told:
        return
    names = {METRIC: study.outcome.metric, PREDICTIONS: "predictions", WEIGHTS: "weights"}
    blocks: list[Block] = [_worth_chart(study, told)]
    if len(told) > 1:
        blocks.append(Text(reading(study)))
    columns = ("Source", "Redrawn alone", "Saved by fixing it", "Blocks", "Note")
    for measure, worth in study.worth.items():
        rows = tuple((w.source, *_total_and_main(w), str(w.total.n), w.total.note) for w in worth)
        title = f"By {names.get(measure, measure)}, with 95 % intervals"
        table = Table(columns, rows, title, frozenset({"Blocks"}))
        blocks.append(Fold(f"All numbers by {names.get(measure, measure)}", (table,)))
    lead = "How much of the variability a source gives by itself; everything redrawn is 100 %."
    yield Section("sources", "What it comes from", tuple(blocks), lead, SCREEN)


def _total_and_main(worth: Worth) -> tuple[str, str]:
    return "dead" if worth.dead else bounds(worth.total, percent), bounds(worth.main, percent)


def _worth_chart(study: Study, told: tuple[Worth, ...]) -> Chart:
    rows = []
    for worth in alive(told):
        rows.append(Bar(worth.source, REDRAWN, worth.total.value, *ends(worth.total)))
        if math.isfinite(worth.main.value):
            # Negative shares are noise around nothing; the table keeps their sign.
            low, high = ends(worth.main)
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
            tuple((w.source, *_total_and_main(w)) for w in told),
        ),
        f"Total and main effect with 95 % intervals, n = {count(n, 'block')}. The parts need not "
        "add up to 100 %: where a training amplifies any change, every source gives nearly all.",
        _drawn(study, told),
    )


def _drawn(study: Study, told: tuple[Worth, ...]) -> Table:
    """The bars of a terminal, with the numbers of every measure beside them."""
    measures = [m for m in (PREDICTIONS, METRIC) if study.worth.get(m)] or [WEIGHTS]
    names = {PREDICTIONS: "Predictions", METRIC: study.outcome.metric, WEIGHTS: "Weights"}
    rows = []
    for position, worth in enumerate(told):
        totals = [study.worth[m][position].total for m in measures]
        cells = ["dead" if worth.dead else bounds(total, percent) for total in totals]
        rows.append((worth.source, _bar(worth), *cells))
    everything = ("everything", f"{'=' * BAR}|", *("100 %" for _ in measures))
    return Table(
        ("Redrawn alone", "", *(names[m] for m in measures)),
        (*rows, everything),
        f"Variability that a source gives by itself; #: gone when it is fixed "
        f"(95 % intervals, {count(told[0].total.n, 'block')})",
    )


def _bar(worth: Worth) -> str:
    """T as the length, S within it, against a mark where everything redrawn lies."""
    if worth.dead or not math.isfinite(worth.total.value):
        return f"{'':<{BAR}}|"
    total = min(BAR + 4, round(BAR * worth.total.value))
    main = min(total, max(0, round(BAR * worth.main.value) if worth.main.known else 0))
    bar = "#" * main + "=" * (total - main)
    return f"{bar[:BAR]:<{BAR}}|{bar[BAR:]}"


def _levels(study: Study) -> Iterator[Section]:
    if not study.levels:
        return
    metric, against = study.outcome.metric, study.levels[0].against
    rows = [
        Point(f"{level.factor} {level.value}", level.shift.value, *ends(level.shift))
        for level in study.levels
        if math.isfinite(level.shift.value)
    ]
    table = _levels_table(study)
    words = "; ".join(
        f"{level.factor} {level.value} {signed(level.shift)}" for level in study.levels
    )
    chart = Chart(
        f"Shift of {metric}",
        lambda: points(rows, f"shift of {metric} vs. {against}"),
        f"Dots with 95 % intervals: {words}.",
        table,
        "Over the same seeds.",
        table,
    )
    yield Section("levels", "What the settings change", (chart if rows else table,), depth=SCREEN)


def _levels_table(study: Study) -> Table:
    rows = tuple(
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
    )
    n = max(level.shift.n for level in study.levels)
    legend = "Excess churn: examples that change class beyond those that change with the seed."
    return Table(
        ("Set to", "vs.", f"Shift of {study.outcome.metric}", "p", "Ratio of sd",
         "Excess churn", "n"),
        rows,
        f"Fixed factors, over the same seeds ({count(n, 'pair')}, 95 % intervals)",
        numbers=frozenset({"p", "n"}),
        legend=legend if any(level.excess is not None for level in study.levels) else "",
    )  # fmt: skip


def _flips(study: Study) -> Iterator[Section]:
    flips = study.flips
    if flips is None or not flips.most:
        return
    rates = dict(flips.most)
    columns = ("Example", "Two trainings disagree")
    chart = Chart(
        "The least stable examples",
        lambda: flip_bars(flips.most),
        f"Bars of the {len(flips.most)} examples that flip most: "
        + ", ".join(f"example {i} {percent(r)}" for i, r in flips.most)
        + ".",
        Table(
            columns,
            tuple((str(i), percent(r)) for i, r in flips.most),
            numbers=frozenset(columns),
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
    yield Section("flips", "Examples that flip", tuple(blocks), lead, VERBOSE)


def _trust(study: Study) -> Section:
    rates = [
        ("Could not be trained", between(study.failed, percent)),
        ("Diverged", between(study.diverged, percent)),
    ]
    if study.noise is not None:
        noise = study.noise
        rates.append(
            ("Error rate", f"{between(noise.error, percent)} on {count(noise.examples, 'example')}")
        )
        rates.append(("Variance left with an infinite test set", between(noise.training)))
    blocks: list[Block] = [believed(study.gates, Facts(tuple(rates))), *_agreement(study)]
    if study.refused:
        why = "; ".join(f"{name}: {reason}" for name, reason in study.refused.items())
        blocks.append(Text(f"Not redrawn: {why}.", "note"))
    return Section("trust", "Can these numbers be believed?", tuple(blocks), depth=SCREEN)


def _agreement(study: Study) -> Iterator[Text]:
    """How far the engine agrees with plain training; that it does not is a warning."""
    a = study.agreement
    if a is None or not a.agrees:
        return
    how = (
        f"run by run, to {a.furthest:.1g} of the distance between two runs"
        if a.rounding
        else f"in distribution (p = {number(a.p)}), not run by run: {_parting(study)}"
    )
    yield Text(f"{a.n} replicas were trained by plain `fit`, too: {a.engine} agrees {how}.", "note")


def _parting(study: Study) -> str:
    """Why two engines that do the same give other runs."""
    if study.backend != "jax" and "noise" in study.plan.get("sources", ()):
        return "every backend draws noise of its own"
    return "rounding is amplified"


def _open_questions(study: Study) -> Section:
    blocks: list[Block] = []
    if study.open:
        parts = [
            o.question + ("" if o.blocks is None else f" (about {count(o.blocks, 'more block')})")
            for o in study.open
        ]
        blocks.append(Text(f"Still unknown: {'; '.join(parts)}."))
        wanted = [o.blocks for o in study.open if o.blocks]
        if wanted and study.path:
            total = int(study.plan.get("blocks", 0)) + max(wanted)
            command = f"whydiff study {study.script} --output {study.path}"
            blocks.append(Text(f"To go on: {command} --resume --blocks {total}", "note"))
    blocks += [Text(note, "note") for note in study.notes]
    return Section("open", "What is still unknown", tuple(blocks), depth=SCREEN)


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


def draws(study: Study) -> list[float]:
    """The metric of every finished draw that is independent of the others."""
    everything = ",".join(sorted(study.plan.get("attributed") or ()))
    return [
        float(row[study.outcome.metric])
        for row in study.table
        if row.get("kind") == "draw"
        and row.get("redrawn") in ("", everything)
        and not row.get("failure")
        and isinstance(row.get(study.outcome.metric), int | float)
    ]


def distribution_chart(
    study: Study, marked: Mapping[str, float], sketch: Code | None = None
) -> Chart | None:
    """The metric over all draws, with marked values; None where there are fewer than two."""
    values = [v for v in draws(study) if math.isfinite(v)]
    metric = study.outcome.metric
    if len(values) < 2:
        return None
    told = ", ".join(f"{k} {number(v)}" for k, v in marked.items())
    spread = sorted(values)
    quartiles = [spread[round(q * (len(spread) - 1))] for q in (0, 0.25, 0.5, 0.75, 1)]
    names = ("Least", "First quartile", "Median", "Third quartile", "Greatest")
    rows = [(n, number(v)) for n, v in zip(names, quartiles, strict=True)]
    rows += [(k, number(v)) for k, v in marked.items()]
    return Chart(
        f"{metric} of every draw",
        lambda: distribution(values, metric, marked),
        f"Histogram of {metric} over n = {len(values)} trainings, from {number(spread[0])} to "
        f"{number(spread[-1])}" + (f"; marked: {told}." if told else "."),
        Table((metric, "Value"), tuple(rows), numbers=frozenset({"Value"})),
        f"n = {len(values)} trainings that differ in their seeds only; a tick below the bars for "
        "each.",
        sketch,
    )
