"""Estimates with their intervals, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from whydiff.report.charts.theme import INK, QUIET, data, finished


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
    y = alt.Y(
        "name:N",
        sort=order,
        title=None,
        axis=alt.Axis(labelColor=INK, labelFontSize=13, labelLimit=150, domain=False, ticks=False),
    )
    x = alt.X(
        "value:Q",
        title=title,
        scale=alt.Scale(domain=[low - space, high + space], nice=False, zero=False),
        axis=alt.Axis(tickCount=5, format="~g"),
    )
    base = alt.Chart(data(values)).encode(y=y)
    around = alt.Chart(data([{"from": -margin, "to": margin}] if margin else []))
    chart = (
        around.mark_rect(color=QUIET, opacity=0.18).encode(x="from:Q", x2="to:Q")
        + alt.Chart(data([{"x": 0.0}])).mark_rule(color=QUIET, strokeDash=[2, 2]).encode(x="x:Q")
        + base.transform_filter("isValid(datum.low) && isValid(datum.high)")
        .mark_rule(color=INK, strokeWidth=2)
        .encode(x="low:Q", x2="high:Q")
        + base.mark_point(size=90, filled=True, color="var(--a)", opacity=1).encode(
            x=x, tooltip=["name:N", alt.Tooltip("value:Q", format=".4g")]
        )
    )
    return finished(chart, max(70, 34 * len(order)))
