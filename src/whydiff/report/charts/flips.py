"""Examples whose predicted class depends on the draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whydiff.report.charts.theme import INK, QUIET, data, finished


def flip_bars(most: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """A bar per example: the chance that two trainings disagree on it."""
    import altair as alt

    rows = [
        {"example": f"example {i}", "rate": rate, "label": f"{100 * rate:.0f} %"}
        for i, rate in most
    ]
    base = alt.Chart(data(rows)).encode(
        y=alt.Y(
            "example:N",
            sort=[str(row["example"]) for row in rows],
            title=None,
            axis=alt.Axis(labelColor=INK, domain=False, ticks=False, labelLimit=150),
        )
    )
    bars = base.mark_bar(color="var(--remaining)", cornerRadiusEnd=3).encode(
        x=alt.X(
            "rate:Q",
            title="chance that two trainings disagree",
            scale=alt.Scale(domain=[0, 1], nice=False),
            axis=alt.Axis(format="%", tickCount=5),
        ),
        tooltip=["example:N", alt.Tooltip("label:N", title="two disagree")],
    )
    labels = base.mark_text(align="left", dx=5).encode(x="rate:Q", text="label:N")
    half = alt.Chart(data([{"x": 0.5}])).mark_rule(color=QUIET, strokeDash=[2, 2]).encode(x="x:Q")
    return finished(bars + half + labels, max(90, 24 * len(rows)))
