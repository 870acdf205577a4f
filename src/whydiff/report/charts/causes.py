"""How far each source moves the predictions: alone, and what remains when only it is equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from whydiff.core.words import percent
from whydiff.report.charts.theme import ALONE, INK, QUIET, REMAINING, SURFACE, data, finished

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
    values = [
        {
            "source": row.source,
            "measure": row.measure,
            "value": row.value,
            "low": row.low,
            "high": row.high,
            "label": percent(row.value),
        }
        for row in rows
    ]
    top = max([1.0, *(row.value for row in rows), *(row.high or 0.0 for row in rows)])
    least = min([0.0, *(row.value for row in rows), *(row.low or 0.0 for row in rows)])
    y = alt.Y(
        "source:N",
        sort=order,
        title=None,
        axis=alt.Axis(labelColor=INK, labelFontSize=13, labelLimit=150, domain=False, ticks=False),
    )
    offset = alt.YOffset("measure:N", sort=list(measures))
    base = alt.Chart(data(values)).encode(y=y, yOffset=offset)
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
    chart = drawn
    with_interval = [v for v in values if v["low"] is not None and v["high"] is not None]
    if with_interval:
        drawn = alt.Chart(data(with_interval)).encode(y=y, yOffset=offset)
        chart += drawn.mark_rule(color=INK, strokeWidth=2).encode(x="low:Q", x2="high:Q")
    full = alt.Chart(data([{"x": 1.0}])).mark_rule(color=QUIET, strokeDash=[2, 2]).encode(x="x:Q")
    # Written twice: a broad stroke in the colour of the page keeps lines out of the digits.
    # A bar to the left of zero has its number on the other side, where it does not lie on the bar.
    end = "max(0, datum.high == null ? datum.value : datum.high)"
    ends = base.transform_calculate(end=end).encode(x=alt.X("end:Q"), text="label:N")
    halo = ends.mark_text(align="left", dx=5, stroke=SURFACE, strokeWidth=5, color=SURFACE)
    chart = chart + full + halo + ends.mark_text(align="left", dx=5, color=INK)
    return finished(chart, max(90, 52 * len(order)))
