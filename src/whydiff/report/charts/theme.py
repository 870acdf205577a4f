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


def sides(field: str = "side", legend: bool = True) -> Any:
    """The colour of A and B, with a legend above the chart."""
    import altair as alt

    return alt.Color(
        f"{field}:N",
        scale=alt.Scale(domain=["A", "B"], range=[A, B]),
        legend=alt.Legend(title=None, orient="top", symbolType="stroke") if legend else None,
    )


def dashes(field: str = "side") -> Any:
    """The dash of A and B, in the same legend."""
    import altair as alt

    return alt.StrokeDash(
        f"{field}:N", scale=alt.Scale(domain=["A", "B"], range=[DASH["A"], DASH["B"]])
    )


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
