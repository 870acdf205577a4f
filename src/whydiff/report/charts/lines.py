"""Trainings step by step: losses, the distance of the weights, what was logged and fed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from whydiff.report.charts.theme import (
    MARK,
    QUIET,
    A,
    B,
    dashes,
    data,
    finished,
    lined_up,
    places,
    rule,
    sides,
)

#: losses that span more than this are drawn on a log scale
WIDE = 30.0
#: places of a log axis
MOST_TICKS = 6


def loss_rows(trace: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row per side and moment with a loss: x, loss, side, epoch."""
    epochs = trace.get("epoch") or [0] * len(trace["x"])
    return [
        {"x": x, "loss": loss, "side": name.upper(), "epoch": epoch}
        for name in ("a", "b")
        for x, epoch, loss in zip(trace["x"], epochs, trace[name], strict=True)
        if loss is not None
    ]


def epoch_rows(
    epochs: Mapping[str, Sequence[Mapping[str, Any]]], name: str
) -> list[dict[str, Any]]:
    """The same from logs at the ends of epochs, for one logged number."""
    lines = {
        side: {
            entry["epoch"] + 1: entry["logs"][name]
            for entry in epochs.get(side, ())
            if entry["logs"].get(name) is not None
        }
        for side in ("a", "b")
    }
    drawn = places(*lines.values())
    return [
        {"x": x, "loss": line[x], "side": side.upper(), "epoch": 0}
        for side, line in lines.items()
        for x in drawn
        if x in line
    ]


def losses(
    rows: Sequence[dict[str, Any]], unit: str, name: str = "loss", divergence: float | None = None
) -> dict[str, Any]:
    """Both losses over ``unit``, with the first divergence marked."""
    import altair as alt

    values = [row["loss"] for row in rows]
    wide = bool(values) and min(values) > 0 and max(values) > WIDE * min(values)
    base = alt.Chart(data(rows)).encode(
        x=_x(unit, [row["x"] for row in rows]),
        y=alt.Y(
            "loss:Q",
            title=name + (" (log scale)" if wide else ""),
            scale=alt.Scale(type="log") if wide else alt.Scale(zero=False),
            axis=lined_up(tickCount=5),
        ),
        color=sides(),
        tooltip=_tooltip(unit, "loss", name),
    )
    few = len({row["x"] for row in rows}) <= 30
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=dashes(), detail="epoch:N")
    points = base.mark_point(size=36 if few else 60, opacity=1 if few else 0, filled=True)
    chart = lines + points
    if divergence is not None:
        chart = rule(divergence, "first divergence") + chart
    return finished(chart, 240)


def distance_rows(trace: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row per moment at which the weights differ; equal weights have no place on a log scale."""
    return [
        {"x": x, "distance": d}
        for x, d in zip(trace["x"], trace["distance"], strict=True)
        if d is not None and d > 0
    ]


def distance(trace: Mapping[str, Any]) -> dict[str, Any]:
    """Relative distance of the weights on a log scale; the part that is equal is shaded."""
    import altair as alt

    rows, unit, parted = distance_rows(trace), trace["unit"], trace.get("divergence")
    values = [row["distance"] for row in rows]
    base = alt.Chart(data(rows)).encode(
        x=_x(unit, trace["x"]),
        y=alt.Y(
            "distance:Q",
            title="distance of the weights (log scale)",
            scale=alt.Scale(type="log", domain=list(_domain(values)), nice=False),
            axis=lined_up(format="~g", values=ticks(values)),
        ),
        tooltip=_tooltip(unit, "distance", "distance of the weights"),
    )
    chart = base.mark_line(strokeWidth=2, color="var(--ink)") + base.mark_point(
        size=60, opacity=0, filled=True
    )
    if parted is not None:
        chart = rule(parted, "first divergence") + chart
    equal = _equal_until(trace)
    if equal > trace["x"][0]:
        band = alt.Chart(
            data([{"from": trace["x"][0], "to": equal, "label": "equal, bit for bit"}])
        )
        shade = band.mark_rect(color=MARK, opacity=0.12).encode(x="from:Q", x2="to:Q")
        label = band.mark_text(color=QUIET, align="left", dx=6, baseline="bottom", dy=-6).encode(
            x="from:Q", y=alt.value("height"), text="label:N"
        )
        chart = shade + label + chart
    return finished(chart, 240)


def _equal_until(trace: Mapping[str, Any]) -> float:
    """The last x until which the weights agree from the beginning on."""
    last = trace["x"][0]
    for x, d in zip(trace["x"], trace["distance"], strict=True):
        if d is not None and d > 0:
            break
        if d is not None:
            last = x
    return float(last)


def _domain(values: Sequence[float]) -> tuple[float, float]:
    """At least one decade, so that a small change looks small."""
    low, high = min(values, default=1.0), max(values, default=1.0)
    if high < 10 * low:
        middle = math.sqrt(low) * math.sqrt(high)
        low, high = min(low, middle / 3.2), max(high, middle * 3.2)
    return low, high


def ticks(values: Sequence[float]) -> list[float]:
    """Places of a log axis: powers of ten, with 2 and 5 between them where there is room."""
    low, high = _domain(values)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = max(1, -(-len(powers) // MOST_TICKS))
    steps = (1, 2, 5) if high <= 100 * low else (1,)
    found = [float(f"{s}e{p}") for p in powers if p % every == 0 for s in steps]
    return [t for t in found if low <= t <= high]


def _x(unit: str, values: Sequence[float]) -> Any:
    import altair as alt

    return alt.X(
        "x:Q",
        title=f"{unit} trained",
        scale=alt.Scale(domain=[min(values, default=0), max(values, default=1)], nice=False),
        axis=alt.Axis(
            grid=False, tickCount=6, tickMinStep=1, format="~s" if unit == "steps" else "d"
        ),
    )


def _tooltip(unit: str, field: str, name: str) -> list[Any]:
    import altair as alt

    told = [alt.Tooltip("x:Q", title=unit), alt.Tooltip(f"{field}:Q", title=name, format=".4g")]
    return [alt.Tooltip("side:N", title="training"), *told] if field == "loss" else told


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
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=lined_up(tickCount=5)),
            color=alt.Color(
                "name:N",
                scale=alt.Scale(domain=domain, range=[A, B][: len(domain)]),
                legend=alt.Legend(title=None, orient="top", symbolType="stroke"),
            ),
            strokeDash=dashes("name", domain),
            tooltip=[
                alt.Tooltip("name:N", title="logged"),
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("value:Q", format=".4g"),
            ],
        )
    )
    return finished(chart, 200)


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
            y=alt.Y("sample:Q", title="sample fed", axis=lined_up()),
            color=sides(symbolSize=90),
            shape=alt.Shape(
                "side:N", scale=alt.Scale(domain=["A", "B"], range=["circle", "diamond"])
            ),
            tooltip=["side:N", "position:Q", "sample:Q"],
        )
    )
    return finished(chart, 260)
