"""Two metrics of one call, or of one training log, that a person sees side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from whydiff.core.calls import BESIDE, PRINTED_OF, SUMMED, CallRecipe, MeasuringCall, Score
from whydiff.core.recording import Fit
from whydiff.diagnosis.calls.pairs.disagreement import BESIDE_IT, Disagreement
from whydiff.diagnosis.calls.pairs.fits import validated, validation_of
from whydiff.diagnosis.calls.pairs.metric_names import (
    classes_of,
    quantities_of,
    with_losses,
    without_outputs,
)
from whydiff.diagnosis.calls.quantities import power_to, same_quantity
from whydiff.diagnosis.calls.results import Distance, number, values_of
from whydiff.diagnosis.calls.two_metrics import Printed


def beside_each_other(calls: Sequence[MeasuringCall], metric: str | None) -> Iterator[Disagreement]:
    """Two metrics of one evaluate that measure one quantity, where the script prints both."""
    for call in calls:
        printed = call.notes.get(PRINTED_OF) or {}
        bare = without_outputs(call.values)
        measured = quantities_of(call, {name: bare[name] for name in printed if name in bare})
        classes = dict(classes_of(call.recipe.measurement))
        pairs = combinations(sorted(measured, key=lambda name: name != "loss"), 2)
        for one, other in pairs:
            a, b = (Printed(name, printed[name] == "root") for name in (one, other))
            apart = number(a.name, a.value(call.values[one]), b.value(call.values[other]))
            same_output = one.removesuffix(bare[one]) == other.removesuffix(bare[other])
            alike = classes.get(bare[one]) is not None is not classes.get(bare[other])
            meant = alike and classes[bare[one]] == classes[bare[other]]  # with other settings
            unasked = metric is not None and metric not in (one, other)
            if not same_output or meant or apart.rounding or unasked:
                continue
            if _measured_alike(measured[one], a.root, measured[other], b.root):
                yield _beside(call, other, call.values[other], apart)
        yield from _beside_sums(call, printed) if metric in (None, "loss") else ()


def _beside_sums(call: MeasuringCall, printed: Mapping[str, str]) -> Iterator[Disagreement]:
    """The loss of a call against the sum of the losses of all its outputs."""
    losses = {f"{output}_loss" for output in with_losses(call.values)}
    for name in printed if "loss" in printed else ():
        parts = name.split(SUMMED)
        summed = sum(call.values[part] for part in parts)
        apart = number("loss", call.values["loss"], summed)
        if len(parts) > 1 and {*parts} == losses and not apart.rounding:
            yield _beside(call, name, summed, apart)


def _beside(call: MeasuringCall, name: str, value: float, apart: Distance) -> Disagreement:
    """A metric of a call against another one of the same, or against a sum of others."""
    told = Score(f"{BESIDE}.{name}", call.number, "", "", np.empty((0, 2), np.uint64))
    score = replace(call, kind="score", values={name: value}, score=told, outputs=(), notes={})
    return Disagreement(call, score, apart, BESIDE_IT)


def beside_in_log(fit: Fit, metric: str | None) -> Iterator[Disagreement]:
    """Two metrics of the last epoch of a fit, or of its last validation, that measure one quantity,
    where the script reads both from its history."""
    known, logs = fit.recipe, values_of(fit)
    recipe = CallRecipe(measurement=known.measurement, objective=known.objective)
    trained = {name: float(v) for name, v in logs.items() if not name.startswith("val_")}
    for prefix, given in (("val_", validated(fit)), ("", trained)):
        values = {name: v for name, v in given.items() if f"{prefix}{name}" in fit.names_seen}
        call = validation_of(fit, recipe, values)
        call = replace(call, notes={**call.notes, PRINTED_OF: dict.fromkeys(values, "")})
        asked = metric.removeprefix(prefix) if metric else None
        for found in beside_each_other([call], asked):
            assert isinstance(found.b, MeasuringCall) and found.b.score
            name = f"{BESIDE}.{prefix}{found.b.score.beside}"
            told = replace(found.b.score, function=name, settings={"logged": True})
            score = replace(found.b, score=told)
            apart = found.distance._replace(metric=f"{prefix}{found.distance.metric}")
            yield replace(found, a=fit, b=score, distance=apart)


def printed_pair(pair: Disagreement) -> tuple[Printed, Printed]:
    """The two metrics of one evaluate, or of the validation of a fit, that a disagreement is
    about."""
    assert isinstance(pair.b, MeasuringCall) and pair.b.score
    if isinstance(pair.a, Fit):
        one, two = pair.distance.metric, pair.b.score.beside
        return Printed(one.removeprefix("val_")), Printed(two.removeprefix("val_"))
    printed, other = pair.a.notes.get(PRINTED_OF) or {}, pair.b.score.beside
    names = [n for n in printed if Printed(n, printed[n] == "root").name == pair.distance.metric]
    return Printed(names[0], printed[names[0]] == "root"), Printed(other, printed[other] == "root")


def _measured_alike(one: str, root: bool, other: str, other_root: bool) -> bool:
    """Whether two metrics, or the roots of them, measure one quantity."""
    if root == other_root:
        return same_quantity(one, other)
    square, plain = (one, other) if root else (other, one)
    return power_to(square, plain) == 0.5
