"""What a fit logs against calls that evaluate its samples or its validation data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from whydiff.core.calls import BEHIND_STEPS, WITHIN, CallRecipe, Inputs, Leaf, MeasuringCall
from whydiff.core.digests import unordered_digest
from whydiff.core.recording import STEP, VALIDATION_STEPS, Epoch, Execution, Fit
from whydiff.diagnosis.calls.pairs.alike import follows_fit, weights_of
from whydiff.diagnosis.calls.pairs.disagreement import (
    FIT_ROWS,
    HELD_OUT,
    LARGE,
    LARGE_OF_LOG,
    LOGGED,
    MEASURED_AGAIN,
    STEP_ROWS,
    VALIDATED,
    VALIDATION_ROWS,
    Disagreement,
)
from whydiff.diagnosis.calls.results import number, ordered, values_of


def of_fits(
    execution: Execution, calls: Sequence[MeasuringCall], metric: str | None
) -> Iterator[Disagreement]:
    """The last epoch of a fit whose log somebody sees against evaluate of the same model, before
    it was trained on, and against its own validation on the samples that it trained on."""
    for fit in (fit for fit in execution.fits if fit.log_seen):
        own = _own_validation(fit)
        if own is not None:
            yield from (replace(d, check="") for d in fit_pairs(fit, own, metric))
        for call in calls:
            follows = call.kind == "evaluate" and follows_fit(execution, call, fit)
            if follows and fit.final and _as_it_ended(call, fit):
                yield from fit_pairs(fit, call, metric)
            yield from _of_steps(fit, call, metric)


def _of_steps(fit: Fit, call: MeasuringCall, metric: str | None) -> Iterator[Disagreement]:
    """What steps of a loop gave that may have trained on the samples of a call; of those that were
    fed the same the latest."""
    behind = call.notes.get(BEHIND_STEPS) or {}
    cut, order = fit.recipe.batch_size.epochs, fit.recipe.data_order.epochs
    if behind.get("fit") != fit.index or not cut or not order:
        return
    rows = len(call.recipe.inputs.rows("x"))
    batches = np.split(order[0], np.cumsum(cut[0])[:-1])
    fed: set[bytes] = set()
    for step, logs in reversed(behind["steps"]):
        batch = np.sort(batches[step]) if step < len(batches) else np.empty(0)
        if len(batch) == rows and batch.tobytes() not in fed:
            fed.add(batch.tobytes())
            notes = {**fit.notes, STEP: step}
            one = replace(fit, epochs=(Epoch(0, 1, logs),), notes=notes)
            found = [d for d in fit_pairs(one, call, metric, rows) if d.check == FIT_ROWS]
            yield from (replace(d, check=STEP_ROWS) for d in found)


def _own_validation(fit: Fit) -> MeasuringCall | None:
    """The validation of the last epoch as a call, where it was given the samples that the epoch
    trained on, and the script looks at both of a metric's numbers."""
    samples = fit.recipe.data_content.validation_samples
    if samples is None or not _validates_what_it_trains_on(fit):
        return None
    seen = fit.names_seen
    values = {
        name: value
        for name, value in validated(fit).items()
        if not seen or {f"val_{name}", name} <= {*seen}
    }
    given = Inputs((Leaf("x", "", "", (), samples),))
    return validation_of(fit, CallRecipe(inputs=given, weights=fit.final), values)


def _validates_what_it_trains_on(fit: Fit) -> bool | None:
    """Whether the validation was given the samples of the last epoch, None where it has none, or
    they are not known one by one."""
    content, epochs = fit.recipe.data_content, fit.recipe.data_order.epochs
    if content.validation_samples is None or content.unit != "sample" or not epochs:
        return None
    trained = unordered_digest(content.samples[epochs[-1]])
    return trained == unordered_digest(content.validation_samples)


def held_out(fit: Fit, metric: str | None) -> Iterator[Disagreement]:
    """The last epoch of a fit against its validation on other samples, where the script reads both
    of a metric's numbers from its history."""
    logs, held = values_of(fit), validated(fit)
    both = [n for n in held if {n, f"val_{n}"} <= {*fit.names_seen} and n in logs]
    if not both or _validates_what_it_trains_on(fit) is not False:
        return
    apart = [number(n, float(logs[n]), held[n]) for n in ordered(both) if metric in (None, n)]
    told = next((d for d in apart if not d.rounding), None)
    if told is not None:
        call = validation_of(fit, CallRecipe(weights=fit.final), {n: held[n] for n in both})
        yield Disagreement(fit, call, told, HELD_OUT, MEASURED_AGAIN)


def validated(fit: Fit) -> dict[str, float]:
    """What the last validation of a fit gave, metric by metric."""
    logs = values_of(fit).items()
    return {name[4:]: float(value) for name, value in logs if name.startswith("val_")}


def validation_of(fit: Fit, recipe: CallRecipe, values: Mapping[str, float]) -> MeasuringCall:
    """The last validation of a fit as a call."""
    return MeasuringCall(
        fit.call, "evaluate", fit.model, next(iter(fit.models), 0), fit.stack, recipe,
        values=values, notes={"validation of": fit.index},
    )  # fmt: skip


def _as_it_ended(call: MeasuringCall, fit: Fit) -> bool:
    """Whether a call used the weights that a fit ended with, where it was made while that ran."""
    return WITHIN not in call.notes or {*weights_of(call)} <= {t.digest for t in fit.final}


def fit_pairs(
    fit: Fit, call: MeasuringCall, metric: str | None, trained_on: int | None = None
) -> Iterator[Disagreement]:
    """What a fit logged last, on the samples that it trained or validated on, and evaluate on
    equally many. ``trained_on``: how many these were, where not an epoch."""
    logs, rows = values_of(fit), len(call.recipe.inputs.rows("x"))
    for prefix, why, check, count in (
        ("val_", VALIDATED, VALIDATION_ROWS, rows_of_validation(fit)),
        ("", LOGGED, FIT_ROWS, _rows_of_epoch(fit) if trained_on is None else trained_on),
    ):
        common = [n for n in ordered(list(call.values)) if f"{prefix}{n}" in logs]
        if fit.names_seen:
            common = [n for n in common if f"{prefix}{n}" in fit.names_seen]
        apart = [
            number(n, float(logs[f"{prefix}{n}"]), float(call.values[n]))
            for n in common
            if metric in (None, n)
        ]
        cut = why == VALIDATED and fit.notes.get(VALIDATION_STEPS) and 0 < count < rows
        if not apart or not (rows == count or cut) or all(d.relative == 0 for d in apart):
            continue
        large = LARGE_OF_LOG if why == LOGGED else LARGE
        told = next((d for d in apart if d.relative >= large), None)
        told = told or next((d for d in apart if not d.rounding), None)
        if told is not None:
            yield Disagreement(fit, call, told, why, check)
        elif why == LOGGED:
            yield Disagreement(fit, call, apart[0], why, check)


def validated_alike(fit: Fit, call: MeasuringCall) -> bool:
    """Whether evaluate gave what fit logged of as many validation samples, metric by metric."""
    logs, count = values_of(fit), rows_of_validation(fit)
    pairs = [(float(logs[f"val_{n}"]), float(v)) for n, v in call.values.items()
             if f"val_{n}" in logs]  # fmt: skip
    alike = all(number("", *pair).relative == 0 for pair in pairs)
    return bool(pairs) and alike and count == len(call.recipe.inputs.rows("x"))


def rows_of_validation(fit: Fit) -> int:
    rows = fit.recipe.data_content.validation_samples
    return 0 if rows is None else len(rows)


def _rows_of_epoch(fit: Fit) -> int:
    epochs = fit.recipe.data_order.epochs
    return len(epochs[-1]) if epochs else 0
