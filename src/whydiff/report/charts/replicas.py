"""One number over many trainings, and where the person's own trainings lie among them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from whydiff.report.charts.theme import INK, MARK, A, B, data, finished

#: bars of a histogram at most
MOST_BINS = 30


def bins(values: Sequence[float]) -> list[dict[str, Any]]:
    """Rows of a histogram: from, to, count; about as many bars as the root of the number.

    Values that take few levels (an accuracy on few examples) are not cut between levels.
    """
    finite = sorted(v for v in values if math.isfinite(v))
    if not finite:
        return []
    low, high = finite[0], finite[-1]
    if low == high:
        return [{"from": low - 0.5, "to": high + 0.5, "count": len(finite)}]
    wanted = max(4, min(MOST_BINS, round(math.sqrt(len(finite)) * 1.5)))
    gap = min(b - a for a, b in itertools.pairwise(finite) if b > a)
    width = (high - low) / wanted
    if gap > width / 4:  # levels: a whole number of them in each bar, edges between two
        width = gap * max(1, math.ceil(width / gap))
        low -= gap / 2
    count = max(1, math.ceil((high - low) / width + 1e-9))
    found = [
        {"from": low + i * width, "to": low + (i + 1) * width, "count": 0} for i in range(count)
    ]
    for value in finite:
        found[min(count - 1, int((value - low) / width))]["count"] += 1
    return found


def distribution(
    values: Sequence[float],
    name: str,
    marked: Mapping[str, float] | None = None,
    unit: str = "trainings",
) -> dict[str, Any]:
    """A histogram with a tick per training below it, and ``marked`` values by their labels."""
    import altair as alt

    rows = bins(values)
    marks: list[dict[str, Any]] = [
        {"value": v, "label": k} for k, v in (marked or {}).items() if math.isfinite(v)
    ]
    ends = [r["from"] for r in rows] + [r["to"] for r in rows] + [m["value"] for m in marks]
    low, high = min(ends), max(ends)
    space = 0.03 * (high - low)
    scale = alt.Scale(domain=[low - space, high + space], nice=False, zero=False)
    x = alt.X("from:Q", title=name, scale=scale, axis=alt.Axis(grid=False, tickCount=6))
    top = max(r["count"] for r in rows)
    y = alt.Scale(domain=[-0.09 * top, top * 1.16], nice=False)
    bars = (
        alt.Chart(data(rows))
        .mark_bar(color="var(--bar)", binSpacing=1)
        .encode(
            x=x,
            x2="to:Q",
            y=alt.Y(
                "count:Q",
                title=unit,
                scale=y,
                axis=alt.Axis(tickMinStep=1, values=_counts(top), format="d"),
            ),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip("from:Q", format=".4g"),
                alt.Tooltip("to:Q", format=".4g"),
                alt.Tooltip("count:Q", title=unit),
            ],
        )
    )
    each = [{"value": v} for v in values if math.isfinite(v)]
    rug = (
        alt.Chart(data(each))
        .mark_tick(color=INK, opacity=0.45, thickness=1, size=9)
        .encode(x=alt.X("value:Q", scale=scale), y=alt.datum(-0.045 * top))
    )
    chart = bars + rug
    for number, mark in enumerate(marks):
        color = {"A": A, "B": B}.get(mark["label"], MARK)
        place = alt.Chart(data([mark])).encode(x=alt.X("value:Q", scale=scale))
        chart += place.mark_rule(color=color, strokeWidth=2.5)
        left = mark["value"] <= (low + high) / 2
        chart += place.mark_text(
            color=color if color != MARK else INK,
            align="left" if left else "right",
            dx=5 if left else -5,
            baseline="top",
            fontWeight="bold",
            fontSize=13,
        ).encode(y=alt.value(2 + 17 * number), text="label:N")
    return finished(chart, 230)


def _counts(top: int) -> list[int]:
    """Whole numbers up to ``top`` at equal distances of 1, 2 or 5 times a power of ten."""
    steps = (base * 10**power for power in itertools.count() for base in (1, 2, 5))
    step = next(step for step in steps if top <= 6 * step)
    return list(range(0, top + 1, step))
