"""The distribution of a study's draws, with whatever is to be marked on it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from whydiff.core.study import Study
from whydiff.core.words import number
from whydiff.report.blocks import Chart, Code, Table
from whydiff.report.charts.replicas import distribution


def draws(study: Study) -> list[float]:
    """The metric of every finished draw that is independent of the others."""
    everything = ",".join(sorted(study.plan.get("attributed") or ()))
    return [
        float(row[study.outcome.metric])
        for row in study.table
        if row.get("kind") == "draw"
        and row.get("redrawn") in ("", everything)
        and not row.get("failure")
        and isinstance(row.get(study.outcome.metric), int | float)
    ]


def distribution_chart(
    study: Study, marked: Mapping[str, float], sketch: Code | None = None
) -> Chart | None:
    """The metric over all draws, with marked values; None where there are fewer than two."""
    values = [v for v in draws(study) if math.isfinite(v)]
    metric = study.outcome.metric
    if len(values) < 2:
        return None
    told = ", ".join(f"{k} {number(v)}" for k, v in marked.items())
    spread = sorted(values)
    quartiles = [spread[round(q * (len(spread) - 1))] for q in (0, 0.25, 0.5, 0.75, 1)]
    names = ("Least", "First quartile", "Median", "Third quartile", "Greatest")
    rows = [(n, number(v)) for n, v in zip(names, quartiles, strict=True)]
    rows += [(k, number(v)) for k, v in marked.items()]
    return Chart(
        f"{metric} of every draw",
        lambda: distribution(values, metric, marked),
        f"Histogram of {metric} over n = {len(values)} trainings, from {number(spread[0])} to "
        f"{number(spread[-1])}" + (f"; marked: {told}." if told else "."),
        Table((metric, "Value"), tuple(rows), numbers=frozenset({"Value"})),
        f"n = {len(values)} trainings that differ in their seeds only; a tick below the bars for "
        "each.",
        sketch,
    )
