"""One number over many trainings, and where the person's own trainings lie among them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from whydiff.core.estimate import Estimate
from whydiff.report.charts.bars import Point
from whydiff.report.charts.theme import (
    INK,
    MARK,
    A,
    B,
    around_zero,
    by_name,
    data,
    finished,
    intervals,
    lined_up,
)

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


def look_rows(looks: Sequence[Estimate]) -> list[dict[str, Any]]:
    """A row per look whose interval is bounded: pairs, value, low, high."""
    return [
        {"pairs": look.n + look.left_out, "value": look.value, "low": look.low, "high": look.high}
        for look in looks
        if look.known and math.isfinite(look.low) and math.isfinite(look.high)
    ]


def looking(looks: Sequence[Estimate], title: str, margin: float = 0.0) -> dict[str, Any]:
    """The estimate as a line within its interval; zero is marked, and a ``margin`` shaded.

    The first intervals are so wide that nothing else could be seen: what they reach beyond the
    picture, which the second half of the looks sets, is cut off.
    """
    import altair as alt

    rows = look_rows(looks)
    late = rows[len(rows) // 2 :]
    ends = [row[key] for row in late for key in ("low", "high")] + [-margin, margin, 0.0]
    space = 0.25 * (max(ends) - min(ends)) or 1.0
    y = alt.Scale(domain=[min(ends) - space, max(ends) + space], nice=False, zero=False)
    axis = lined_up(tickCount=5, format="~g")
    x = alt.X("pairs:Q", title="pairs", axis=alt.Axis(grid=False, tickMinStep=1, format="d"),
              scale=alt.Scale(zero=False, nice=False))  # fmt: skip
    base = alt.Chart(data(rows)).encode(x=x)
    chart = (
        around_zero(margin, "y")
        + base.mark_area(color=A, opacity=0.2, clip=True).encode(
            y=alt.Y("low:Q", title=title, scale=y, axis=axis), y2="high:Q"
        )
        + base.mark_line(color=INK, strokeWidth=2, clip=True).encode(
            y=alt.Y("value:Q", scale=y),
            tooltip=[
                alt.Tooltip("pairs:Q"),
                *(alt.Tooltip(f"{key}:Q", format=".4g") for key in ("value", "low", "high")),
            ],
        )
    )
    return finished(chart, 200)


def strips(runs: Sequence[tuple[str, float]], means: Sequence[Point], name: str) -> dict[str, Any]:
    """``runs`` are (side, value); ``means`` are named after the sides."""
    import altair as alt

    rows = [{"side": side, "value": value} for side, value in runs if math.isfinite(value)]
    color = alt.Color("side:N", scale=alt.Scale(domain=["A", "B"], range=[A, B]), legend=None)
    y = by_name("side", ("A", "B"), size=14)
    x = alt.X(
        "value:Q", title=name, scale=alt.Scale(zero=False, padding=8), axis=alt.Axis(tickCount=6)
    )
    ticks = (
        alt.Chart(data(rows))
        .mark_tick(thickness=2, size=26, opacity=0.8)
        .encode(x=x, y=y, color=color, tooltip=["side:N", alt.Tooltip("value:Q", format=".5g")])
    )
    told = [{"side": m.name, "value": m.value, "low": m.low, "high": m.high} for m in means]
    base = alt.Chart(data(told)).encode(y=y)
    middle = base.mark_point(size=110, filled=True, color=INK, opacity=1, shape="diamond")
    chart = ticks + intervals(base) + middle.encode(x="value:Q")
    return finished(chart, 120)
