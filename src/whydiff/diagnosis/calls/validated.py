"""What fit logged of its validation against evaluate on the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Excluded
from whydiff.core.recording import VALIDATION_STEPS, Fit
from whydiff.core.words import number
from whydiff.diagnosis.calls.cuts import by_answers, by_metric, measured_otherwise
from whydiff.diagnosis.calls.logged import ROUNDING
from whydiff.diagnosis.calls.origins import replaced_by
from whydiff.diagnosis.calls.verdict import Verdict, one_number, part_of_gap
from whydiff.diagnosis.mechanisms import mechanism


def judge_validation(
    parts: Mapping[str, Any], fit: Fit, call: MeasuringCall, metric: str
) -> Verdict:
    """The verdict from what ``validation_parts`` measured on the validation batches of fit.

    ``parts``: ``evaluated`` with evaluate's weights, ``trained`` with those of the last epoch;
    with evaluate's weights in its own batches ``again``, and what of the way there is made by
    ``answers``, where these could be measured.
    """
    logged = float(fit.epochs[-1].logs[f"val_{metric}"])
    wanted, same_batches = float(call.values[metric]), float(parts["evaluated"])
    gap = logged - wanted
    again = float(parts.get("again", wanted))
    if abs(again - wanted) > ROUNDING * max(abs(wanted), abs(logged), 1e-12):
        return Verdict(unexplained=1.0, reproduced=False, notes=(
            f"No cause is confirmed: evaluated again with the same weights and batches, {metric} "
            f"is {number(again)} instead of {number(wanted)}.",
        ))  # fmt: skip
    causes: list[Cause] = []
    cut = 0.0
    excluded = [Excluded("architecture", "one and the same model")]
    known = fit.recipe.data_content.validation_samples
    seen, rows = 0 if known is None else len(known), len(call.recipe.inputs.rows("x"))
    in_part = 0 < seen < rows
    if not in_part:
        same = "evaluate was given the validation samples and labels of fit"
        excluded.append(Excluded("data-content", same))
    share = (same_batches - wanted) / gap
    if in_part:
        causes.append(
            part_of_gap(
                "data-content", "evaluated-in-part", share,
                f"fit validated on {seen} of the {rows} samples that evaluate was given "
                f"(validation_steps={fit.notes.get(VALIDATION_STEPS)})",
                f"evaluate's weights give {metric} {number(same_batches)} on fit's {seen} samples, "
                f"{number(wanted)} on all",
            )
        )  # fmt: skip
    elif one_number(same_batches, wanted):
        excluded.append(
            Excluded("measurement", f"evaluated in fit's batches {metric} is evaluate's")
        )
    else:
        given = f"evaluate's weights in fit's validation batches give {number(same_batches)}"
        weighted = float(parts.get("sample weights", 0.0))
        cut = same_batches - wanted - weighted
        averaged = by_metric(parts, cut)
        causes += by_answers(parts, cut, gap, metric, given)
        causes += measured_otherwise(
            {
                "sample-weights-in-one": weighted / gap,
                "metric-averaged-over-batches": averaged / gap,
            },
            {
                "sample-weights-in-one": (
                    "fit's validation and evaluate weight the same samples otherwise",
                    f"{given}; the weights move it by {number(abs(weighted))}",
                ),
                "metric-averaged-over-batches": (
                    f"{metric} is a mean over batches, and fit and evaluate cut the same samples "
                    "otherwise",
                    f"{given}; at equal answers other batches move it by {number(abs(averaged))}",
                ),
            },
        )
    left = 0.0
    if one_number(same_batches, logged):
        excluded.append(Excluded("weights", "evaluate's weights give what fit logged"))
    else:
        cause = _weights(parts, fit, call, metric, (logged - same_batches) / gap)
        causes.append(cause)
        left = 0.0 if cause.status == CONFIRMED else abs(logged - same_batches) / abs(gap)
    left += sum(abs(cut / gap) for c in causes if c.source == "batch-size" and c.share is None)
    causes.sort(key=lambda c: -abs(c.share or 0.0))
    return Verdict(tuple(causes), tuple(excluded), (), min(left, 1.0))


def _weights(
    parts: Mapping[str, float], fit: Fit, call: MeasuringCall, metric: str, share: float
) -> Cause:
    name, value = f"val_{metric}", float(parts["evaluated"])
    logged = float(fit.epochs[-1].logs[name])
    story, id = replaced_by(call.recipe.origins)
    epoch = next(
        (e for e in fit.epochs[:-1] if name in e.logs and one_number(float(e.logs[name]), value)),
        None,
    )
    head = f"evaluate used other weights than the last epoch ended with{story}"
    if epoch is not None:
        return part_of_gap(
            "weights", id, share, head if story else f"{head}: those of epoch {epoch.index + 1}",
            f"evaluate's weights give {number(value)}, which is what epoch {epoch.index + 1} "
            f"logged; the last epoch logged {number(logged)}",
        )  # fmt: skip
    if one_number(float(parts["trained"]), logged):
        return part_of_gap(
            "weights", id, share, head,
            f"with the weights of the last epoch {metric} is {number(logged)}, with evaluate's "
            f"{number(value)}",
        )  # fmt: skip
    return Cause(
        "weights", head, SUSPECTED,
        f"no epoch logged {number(value)}, which evaluate's weights give; those of the last epoch "
        f"give {number(float(parts['trained']))}, not {number(logged)}", mechanism(id).remedy,
        mechanism=id,
    )  # fmt: skip
