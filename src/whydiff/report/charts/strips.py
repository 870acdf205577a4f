"""Runs of A and of B on one axis, each a tick, with their means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from whydiff.report.charts.levels import Point
from whydiff.report.charts.theme import INK, A, B, data, finished


def strips(runs: Sequence[tuple[str, float]], means: Sequence[Point], name: str) -> dict[str, Any]:
    """``runs`` are (side, value); ``means`` are named after the sides."""
    import altair as alt

    rows = [{"side": side, "value": value} for side, value in runs if math.isfinite(value)]
    color = alt.Color("side:N", scale=alt.Scale(domain=["A", "B"], range=[A, B]), legend=None)
    y = alt.Y(
        "side:N",
        sort=["A", "B"],
        title=None,
        axis=alt.Axis(labelColor=INK, labelFontSize=14, domain=False, ticks=False),
    )
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
    chart = (
        ticks
        + base.transform_filter("isValid(datum.low) && isValid(datum.high)")
        .mark_rule(color=INK, strokeWidth=2)
        .encode(x="low:Q", x2="high:Q")
        + base.mark_point(size=110, filled=True, color=INK, opacity=1, shape="diamond").encode(
            x="value:Q"
        )
    )
    return finished(chart, 120)
