"""The tables and the histogram of a study."""

from __future__ import annotations

import math
from collections.abc import Iterator

from whydiff.core.study import METRIC, PREDICTIONS, WEIGHTS, Study, Worth
from whydiff.core.words import count, number, percent
from whydiff.report.blocks import Block, Table, Text
from whydiff.report.study_reading import leading, reading
from whydiff.report.study_words import bounds, signed

#: characters of a bar that stand for redrawing everything
BAR = 20
#: characters of the longest bar of a histogram
LONGEST = 40


def histogram(study: Study) -> str:
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


def worth_tables(study: Study) -> Iterator[Block]:
    _, told = leading(study)
    if not told:
        return
    measures = [m for m in (PREDICTIONS, METRIC) if study.worth.get(m)] or [WEIGHTS]
    names = {PREDICTIONS: "Predictions", METRIC: study.outcome.metric, WEIGHTS: "Weights"}
    rows = []
    for position, worth in enumerate(told):
        totals = [study.worth[m][position].total for m in measures]
        cells = ["dead" if worth.dead else bounds(total, percent) for total in totals]
        rows.append((worth.source, _bar(worth), *cells))
    everything = ("everything", f"{'=' * BAR}|", *("100 %" for _ in measures))
    yield Table(
        ("Redrawn alone", "", *(names[m] for m in measures)),
        (*rows, everything),
        f"Variability that a source gives by itself; #: gone when it is fixed "
        f"(95 % intervals, {count(told[0].total.n, 'block')})",
    )
    if len(told) > 1:
        yield Text(reading(study))


def _bar(worth: Worth) -> str:
    """T as the length, S within it, against a mark where everything redrawn lies."""
    if worth.dead or not math.isfinite(worth.total.value):
        return f"{'':<{BAR}}|"
    total = min(BAR + 4, round(BAR * worth.total.value))
    main = min(total, max(0, round(BAR * worth.main.value) if worth.main.known else 0))
    bar = "#" * main + "=" * (total - main)
    return f"{bar[:BAR]:<{BAR}}|{bar[BAR:]}"


def level_table(study: Study) -> Iterator[Block]:
    if not study.levels:
        return
    rows = tuple(
        (
            f"{level.factor} {level.value}",
            level.against,
            signed(level.shift),
            number(level.p),
            bounds(level.ratio, number),
            "-" if level.excess is None else bounds(level.excess, percent),
        )
        for level in study.levels
    )
    n = max(level.shift.n for level in study.levels)
    yield Table(
        ("Set to", "against", f"Shift of {study.outcome.metric}", "p", "Ratio of sd",
         "Excess churn"),
        rows,
        f"Fixed factors, over the same seeds ({count(n, 'pair')}, 95 % intervals)",
    )  # fmt: skip
    if any(level.excess is not None for level in study.levels):
        yield Text(
            "Excess churn: examples that change class beyond those that change with the seed.",
            "note",
        )


def details(study: Study) -> Iterator[Block]:
    for measure, worth in study.worth.items():
        rows = tuple(
            (
                w.source,
                bounds(w.total, number),
                bounds(w.main, number),
                str(w.total.n),
                w.total.note,
            )
            for w in worth
        )
        title = f"By {study.outcome.metric if measure == METRIC else measure}"
        yield Table(("Source", "Total effect", "Main effect", "Blocks", ""), tuple(rows), title)
    if study.flips is not None and study.flips.most:
        most = tuple((str(i), percent(rate)) for i, rate in study.flips.most)
        title = f"Examples of the {study.flips.where} that flip most (positions from 0)"
        yield Table(("Example", "Two runs disagree"), most, title, frozenset({"Example"}))
