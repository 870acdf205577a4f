"""Which sample was fed at which position, by A and by B."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whydiff.report.charts.theme import AXIS_WIDTH, A, B, data, finished


def order_rows(fed: Sequence[Mapping[str, Any]], epoch: int) -> list[dict[str, Any]]:
    """A row per position kept of one epoch: side, position, sample."""
    return [
        {"side": part["side"].upper(), "position": i * part["every"] + 1, "sample": sample}
        for part in fed
        if part["epoch"] == epoch
        for i, sample in enumerate(part["order"])
    ]


def order(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A dot per position: rows in their order are a diagonal, shuffled ones a cloud."""
    import altair as alt

    chart = (
        alt.Chart(data([dict(row) for row in rows]))
        .mark_point(size=34, filled=False, strokeWidth=1.6)
        .encode(
            x=alt.X("position:Q", title="position in the epoch", axis=alt.Axis(grid=False)),
            y=alt.Y(
                "sample:Q",
                title="sample fed",
                axis=alt.Axis(minExtent=AXIS_WIDTH, maxExtent=AXIS_WIDTH),
            ),
            color=alt.Color(
                "side:N",
                scale=alt.Scale(domain=["A", "B"], range=[A, B]),
                legend=alt.Legend(title=None, orient="top", symbolSize=90),
            ),
            shape=alt.Shape(
                "side:N", scale=alt.Scale(domain=["A", "B"], range=["circle", "diamond"])
            ),
            tooltip=["side:N", "position:Q", "sample:Q"],
        )
    )
    return finished(chart, 260)
