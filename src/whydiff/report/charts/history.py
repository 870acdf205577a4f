"""What one training logged, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from whydiff.report.charts.theme import AXIS_WIDTH, A, B, data, finished, places


def history_rows(
    epochs: Sequence[tuple[int, Mapping[str, float]]], names: Sequence[str]
) -> list[dict[str, Any]]:
    """A row per epoch and name: epoch (from 1), name, value."""
    lines = {
        name: {
            index + 1: logs[name]
            for index, logs in epochs
            if logs.get(name) is not None and math.isfinite(logs[name])
        }
        for name in names
    }
    drawn = places(*lines.values())
    return [
        {"epoch": epoch, "name": name, "value": line[epoch]}
        for name, line in lines.items()
        for epoch in drawn
        if epoch in line
    ]


def history(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """A line per name."""
    import altair as alt

    domain = list(names)
    chart = (
        alt.Chart(data([dict(row) for row in rows]))
        .mark_line(point=alt.OverlayMarkDef(size=36), strokeWidth=2)
        .encode(
            x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(grid=False, tickMinStep=1, format="d")),
            y=alt.Y(
                "value:Q",
                title=None,
                scale=alt.Scale(zero=False),
                axis=alt.Axis(minExtent=AXIS_WIDTH, maxExtent=AXIS_WIDTH, tickCount=5),
            ),
            color=alt.Color(
                "name:N",
                scale=alt.Scale(domain=domain, range=[A, B][: len(domain)]),
                legend=alt.Legend(title=None, orient="top", symbolType="stroke"),
            ),
            strokeDash=alt.StrokeDash(
                "name:N", scale=alt.Scale(domain=domain, range=[[1, 0], [6, 3]][: len(domain)])
            ),
            tooltip=[
                alt.Tooltip("name:N", title="logged"),
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("value:Q", format=".4g"),
            ],
        )
    )
    return finished(chart, 200)
