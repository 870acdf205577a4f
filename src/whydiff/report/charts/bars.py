"""Bars and dots by name: sources, examples that flip, estimates with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from whydiff.core.words import percent
from whydiff.report.charts.theme import (
    ALONE,
    INK,
    REMAINING,
    SURFACE,
    A,
    around_zero,
    by_name,
    dashed,
    data,
    finished,
    intervals,
)

#: the two measures of a source, as the legend names them
MEASURES = ("alone", "remaining")


@dataclass(frozen=True)
class Bar:
    """One bar: a part of the whole distance, with the ends of its interval where it has one."""

    source: str
    measure: str
    value: float
    low: float | None = None
    high: float | None = None


def bars(
    rows: Sequence[Bar], measures: Sequence[str] = MEASURES, whole: str = ""
) -> dict[str, Any]:
    """A pair of bars for each source, in the order given; 100 % is the whole distance."""
    import altair as alt

    order = list(dict.fromkeys(row.source for row in rows))
    values = [{**vars(row), "label": percent(row.value)} for row in rows]
    top = max([1.0, *(row.value for row in rows), *(row.high or 0.0 for row in rows)])
    least = min([0.0, *(row.value for row in rows), *(row.low or 0.0 for row in rows)])
    offset = alt.YOffset("measure:N", sort=list(measures))
    base = alt.Chart(data(values)).encode(y=by_name("source", order), yOffset=offset)
    drawn = base.mark_bar(cornerRadiusEnd=3).encode(
        x=alt.X(
            "value:Q",
            title=whole or "part of the distance",
            scale=alt.Scale(domain=[least, top * 1.14], nice=False),
            axis=alt.Axis(format="%", tickCount=5, grid=True),
        ),
        color=alt.Color(
            "measure:N",
            sort=list(measures),
            scale=alt.Scale(domain=list(measures), range=[ALONE, REMAINING]),
            legend=alt.Legend(title=None, orient="top", symbolType="square"),
        ),
        tooltip=[
            alt.Tooltip("source:N", title="source"),
            alt.Tooltip("measure:N", title="measure"),
            alt.Tooltip("label:N", title="part"),
        ],
    )
    # Written twice: a broad stroke in the colour of the page keeps lines out of the digits.
    # A bar to the left of zero has its number on the other side, where it does not lie on the bar.
    end = "max(0, datum.high == null ? datum.value : datum.high)"
    ends = base.transform_calculate(end=end).encode(x=alt.X("end:Q"), text="label:N")
    halo = ends.mark_text(align="left", dx=5, stroke=SURFACE, strokeWidth=5, color=SURFACE)
    numbers = halo + ends.mark_text(align="left", dx=5, color=INK)
    chart = drawn + intervals(base) + dashed(1.0) + numbers
    return finished(chart, max(90, 52 * len(order)))


def flip_bars(most: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """A bar per example: the chance that two trainings disagree on it."""
    import altair as alt

    rows = [
        {"example": f"example {i}", "rate": rate, "label": f"{100 * rate:.0f} %"}
        for i, rate in most
    ]
    names = [str(row["example"]) for row in rows]
    base = alt.Chart(data(rows)).encode(y=by_name("example", names, size=12))
    bars = base.mark_bar(color=REMAINING, cornerRadiusEnd=3).encode(
        x=alt.X(
            "rate:Q",
            title="chance that two trainings disagree",
            scale=alt.Scale(domain=[0, 1], nice=False),
            axis=alt.Axis(format="%", tickCount=5),
        ),
        tooltip=["example:N", alt.Tooltip("label:N", title="two disagree")],
    )
    labels = base.mark_text(align="left", dx=5).encode(x="rate:Q", text="label:N")
    return finished(bars + dashed(0.5) + labels, max(90, 24 * len(rows)))


@dataclass(frozen=True)
class Point:
    """An estimate with the ends of its interval, None where it has none."""

    name: str
    value: float
    low: float | None
    high: float | None


def points(rows: Sequence[Point], title: str, margin: float = 0.0) -> dict[str, Any]:
    """A dot and a line for each; zero is marked, and a ``margin`` around it shaded."""
    import altair as alt

    order = [row.name for row in rows]
    values = [vars(row) for row in rows]
    ends = [v for r in rows for v in (r.value, r.low, r.high) if v is not None]
    ends += [-margin, margin, 0.0]
    low, high = min(ends), max(ends)
    space = 0.06 * (high - low) or 1.0
    x = alt.X(
        "value:Q",
        title=title,
        scale=alt.Scale(domain=[low - space, high + space], nice=False, zero=False),
        axis=alt.Axis(tickCount=5, format="~g"),
    )
    base = alt.Chart(data(values)).encode(y=by_name("name", order))
    dots = base.mark_point(size=90, filled=True, color=A, opacity=1).encode(
        x=x, tooltip=["name:N", alt.Tooltip("value:Q", format=".4g")]
    )
    return finished(around_zero(margin) + intervals(base) + dots, max(70, 34 * len(order)))
