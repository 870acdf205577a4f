"""Pairs of a comparison: how the interval closes while they come in, and each on one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from whydiff.core.estimate import Estimate
from whydiff.report.charts.levels import Point
from whydiff.report.charts.theme import AXIS_WIDTH, INK, QUIET, A, B, data, finished


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
    axis = alt.Axis(minExtent=AXIS_WIDTH, maxExtent=AXIS_WIDTH, tickCount=5, format="~g")
    x = alt.X("pairs:Q", title="pairs", axis=alt.Axis(grid=False, tickMinStep=1, format="d"),
              scale=alt.Scale(zero=False, nice=False))  # fmt: skip
    base = alt.Chart(data(rows)).encode(x=x)
    around = alt.Chart(data([{"from": -margin, "to": margin}] if margin else []))
    chart = (
        around.mark_rect(color=QUIET, opacity=0.18).encode(y="from:Q", y2="to:Q")
        + alt.Chart(data([{"y": 0.0}])).mark_rule(color=QUIET, strokeDash=[2, 2]).encode(y="y:Q")
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
