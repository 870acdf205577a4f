"""What all charts share: colours by name, quiet axes, widths that follow the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

A, B = "var(--a)", "var(--b)"
INK, QUIET, LINE = "var(--ink)", "var(--quiet)", "var(--line)"
ALONE, REMAINING = "var(--alone)", "var(--remaining)"
MARK = "var(--mark)"
SURFACE = "var(--surface)"
#: Okabe and Ito's palette: told apart with any kind of colour vision; dashes tell A and B, too.
DASH = {"A": [1, 0], "B": [6, 3]}

#: so that axes of charts below each other line up
AXIS_WIDTH = 52


def data(rows: Sequence[dict[str, Any]]) -> Any:
    """Rows for a chart."""
    import altair as alt

    return alt.InlineData(values=list(rows))


#: Places on x that a line of a page can show apart; more only make the page slow.
MOST_PLACES = 1000


def places(*lines: Mapping[int, float]) -> list[int]:
    """The places on x at which lines are drawn: all, or of a long line its ends and extremes.

    Where there are more than ``MOST_PLACES``, each stretch of them is drawn with the smallest and
    the largest value of every line in it, so that no peak is lost.
    """
    every = sorted(set().union(*lines))
    if len(every) <= MOST_PLACES:
        return every
    kept = {every[0], every[-1]}
    stretches = max(1, MOST_PLACES // (2 * len(lines)))
    for i in range(stretches):
        stretch = every[i * len(every) // stretches : (i + 1) * len(every) // stretches]
        for line in lines:
            there = [x for x in stretch if x in line]
            if there:
                kept |= {min(there, key=line.__getitem__), max(there, key=line.__getitem__)}
    return sorted(kept)


def sides(**legend: Any) -> Any:
    """The colour of A and B, with a legend above the chart."""
    import altair as alt

    return alt.Color(
        "side:N",
        scale=alt.Scale(domain=["A", "B"], range=[A, B]),
        legend=alt.Legend(title=None, orient="top", **legend or {"symbolType": "stroke"}),
    )


def dashes(field: str = "side", domain: Sequence[str] = ("A", "B")) -> Any:
    """The dash of A and B, in the same legend."""
    import altair as alt

    dash = [DASH["A"], DASH["B"]][: len(domain)]
    return alt.StrokeDash(f"{field}:N", scale=alt.Scale(domain=list(domain), range=dash))


def by_name(field: str, order: Sequence[str], size: int = 13) -> Any:
    """A line of its own for each name, in the order given."""
    import altair as alt

    axis = alt.Axis(labelColor=INK, labelFontSize=size, labelLimit=150, domain=False, ticks=False)
    return alt.Y(f"{field}:N", sort=list(order), title=None, axis=axis)


def lined_up(**axis: Any) -> Any:
    """An axis on y that lines up with those of the charts above and below."""
    import altair as alt

    return alt.Axis(minExtent=AXIS_WIDTH, maxExtent=AXIS_WIDTH, **axis)


def intervals(base: Any) -> Any:
    """Lines from ``low`` to ``high`` where a row has both."""
    known = base.transform_filter("isValid(datum.low) && isValid(datum.high)")
    return known.mark_rule(color=INK, strokeWidth=2).encode(x="low:Q", x2="high:Q")


def dashed(value: float, axis: str = "x") -> Any:
    """A quiet line at a value of an axis."""
    import altair as alt

    chart = alt.Chart(data([{axis: value}])).mark_rule(color=QUIET, strokeDash=[2, 2])
    return chart.encode(**{axis: f"{axis}:Q"})


def around_zero(margin: float, axis: str = "x") -> Any:
    """Zero, and a ``margin`` around it shaded."""
    import altair as alt

    rows: list[dict[str, Any]] = [{"from": -margin, "to": margin}] if margin else []
    shade = alt.Chart(data(rows)).mark_rect(color=QUIET, opacity=0.18)
    return shade.encode(**{axis: "from:Q", f"{axis}2": "to:Q"}) + dashed(0.0, axis)


def rule(x: float, label: str) -> Any:
    """A marked place on x."""
    import altair as alt

    base = alt.Chart(data([{"x": x, "label": label}]))
    line = base.mark_rule(color=MARK, strokeWidth=2, strokeDash=[2, 2]).encode(x="x:Q")
    text = base.mark_text(
        color=MARK, align="left", dx=5, dy=4, baseline="top", fontWeight="bold"
    ).encode(x="x:Q", y=alt.value(0), text="label:N")
    return line + text


def finished(chart: Any, height: int) -> dict[str, Any]:
    """The spec of a chart, as wide as the page lets it be."""
    import altair as alt

    chart = chart.properties(width="container", height=height, background="transparent")
    chart = (
        chart.configure(
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
            font="system-ui, sans-serif",
            aria=False,  # the page itself says what is to be seen
            padding=4,
        )
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=QUIET,
            titleColor=QUIET,
            gridColor=LINE,
            domainColor=LINE,
            tickColor=LINE,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=8,
            labelFlush=False,
        )
        .configure_legend(labelColor=INK, labelFontSize=13, symbolStrokeWidth=2.5, symbolSize=300)
        .configure_text(color=INK, fontSize=12)
    )
    with alt.data_transformers.enable("default", max_rows=None, consolidate_datasets=False):
        spec: dict[str, Any] = chart.to_dict()
    return spec
