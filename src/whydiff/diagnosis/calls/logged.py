"""fit's log against evaluate on the same rows: the parts of the gap as causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from whydiff.core.calls import AFTER_STEPS, WITHIN, MeasuringCall, Origin
from whydiff.core.findings import SUSPECTED, Cause, Divergence, Excluded
from whydiff.core.recording import Fit
from whydiff.core.words import listed, number, percent
from whydiff.diagnosis.calls.cuts import TOLD, by_answers, by_metric, measured_otherwise
from whydiff.diagnosis.calls.origins import replaced_by
from whydiff.diagnosis.calls.verdict import HELD_BY_NOTHING, Verdict, offset_note, part_of_gap
from whydiff.diagnosis.mechanisms import mechanism

#: Beyond this relative difference evaluate was not reproduced: summing in another order moves less.
ROUNDING = 1e-4


@dataclass(frozen=True)
class _Log:
    """What gave the number that evaluate is compared with, in words."""

    steps: str  # where layers behave as in training
    samples: str  # what was trained on
    mechanism: str  # by which weights that a step changes make numbers differ
    detail: str
    evidence: str


_EPOCH = _Log(
    "in fit's steps",
    "the fit's epoch",
    "mean-over-moving-weights",
    "fit's {metric} is a mean over an epoch in which the weights moved",
    "with the final weights in training mode {metric} is {final}, logged was {logged}",
)
_STEP = _Log(
    "in train_on_batch",
    "the step",
    "measured-before-the-step",
    "train_on_batch gives {metric} of the weights before its step, evaluate of those behind it",
    "with the weights that evaluate used {metric} in training mode is {final}, train_on_batch gave "
    "{logged}",
)


def judge_parts(
    parts: Mapping[str, Any],
    metric: str,
    origins: Sequence[Origin] = (),
    measured_by: str = "evaluate",
    emptied: str = "",
    log: _Log = _EPOCH,
) -> Verdict:
    """The verdict from the parts that ``take_apart`` measured; they add up to the gap.

    ``origins`` are those of the weights that evaluate used; ``measured_by`` is "validation" where
    the number is not evaluate's, but the fit's own; ``emptied`` says what was evaluated in the
    middle of the last epoch, which empties the metrics that fit logs: ``parts`` then hold what it
    logs otherwise ("uninterrupted", None where that could not be measured).
    """
    gap = float(parts["logged"]) - float(parts["evaluated"])
    if parts.get("never updated"):
        given = number(float(parts["evaluated"]))
        cause = part_of_gap(
            "measurement", "metric-never-updated", 1.0,
            f"the model's train_step updates {metric}, evaluate's test_step does not",
            f"a test step leaves {metric} as reset_state() does, so {measured_by} gives {given} of "
            "whatever data",
        )  # fmt: skip
        return Verdict((cause,), (Excluded("architecture", "one and the same model"),))
    rest = float(parts["weights"])
    size = max(abs(float(parts["logged"])), abs(float(parts["evaluated"])), 1e-12)
    same = bool(parts["same weights"])
    again = parts.get("evaluated again")
    missed = rest if same else 0.0 if again is None else again - float(parts["evaluated"])
    reproduced = abs(missed) <= ROUNDING * size
    if not gap:
        return Verdict()
    if not reproduced:
        return Verdict(
            (_suspect(log),), (), (), 1.0, False,
            (f"No cause is confirmed: evaluated again with the same weights, "
             f"{metric} is {number(float(parts['evaluated']) + missed)} instead of "
             f"{number(parts['evaluated'])}.",),
        )  # fmt: skip
    causes = list(_causes(log, parts, metric, gap, origins, measured_by))
    if emptied:
        causes = [_with_emptied(c, parts, metric, emptied) for c in causes]
    left = 1.0 - sum(c.share or 0.0 for c in causes)
    small = abs(left) <= TOLD * 4 + ROUNDING * size / abs(gap)
    notes = () if small else (f"{percent(left)} of the gap is {HELD_BY_NOTHING}.",)
    return Verdict(
        tuple(sorted(causes, key=lambda c: -abs(c.share or 0.0))),
        tuple(_excluded(log, parts, causes, same, measured_by)),
        (),
        0.0 if small else abs(left),
        True,
        (*notes, *offset_note(causes), *_sampled(parts)),
    )


def judge_step(parts: Mapping[str, Any], metric: str) -> Verdict:
    """The verdict on what a step of ``train_on_batch`` gave against evaluate on its samples."""
    return judge_parts(parts, metric, log=_STEP)


def _causes(
    log: _Log,
    parts: Mapping[str, Any],
    metric: str,
    gap: float,
    origins: Sequence[Origin],
    measured_by: str,
) -> Sequence[Cause]:
    found: list[Cause] = []
    moving = float(parts["moving weights"]) / gap
    between = float(parts.get("other batches", 0.0)) / gap
    held_out = bool(parts.get("other samples"))
    if held_out and abs(between) >= TOLD:
        found.append(_of_other_samples(parts, metric, between, measured_by))
    weighted = float(parts.get("sample weights", 0.0)) / gap
    cut = 0.0 if held_out else float(parts.get("other batches", 0.0))
    averaged = by_metric(parts, cut)
    shares = {
        log.mechanism: moving,
        "metric-averaged-over-batches": averaged / gap,
        "sample-weights-in-one": weighted,
    }
    moves = f"fit's batches move {metric} by {number(cut)}"
    found += by_answers(parts, cut, gap, metric, moves)
    final = number(float(parts["logged"]) - float(parts["moving weights"]))
    texts = {
        log.mechanism: (
            log.detail.format(metric=metric),
            log.evidence.format(metric=metric, final=final, logged=number(parts["logged"])),
        ),
        "metric-averaged-over-batches": (
            f"{metric} is a mean over batches, and fit cut the samples otherwise",
            moves if averaged == cut else f"{moves}, {number(averaged)} of it at equal answers",
        ),
        "sample-weights-in-one": (
            "one of the two weights the samples (class_weight or sample_weight), the other "
            "counts each once",
            f"the weights move {metric} by {number(parts.get('sample weights', 0.0))}",
        ),
    }
    found += measured_otherwise(shares, texts)
    random, batch = float(parts["random layers"]) / gap, float(parts["batch normalization"]) / gap
    if abs(random) >= TOLD or abs(batch) >= TOLD:
        told, evidence = [], []
        if abs(batch) >= TOLD:
            names = listed([str(n) for n in parts["normalizing"]][:3])
            told.append(
                f"BatchNormalization ({names}) uses the statistics of each batch {log.steps} "
                f"and its moving averages in {measured_by}, which have not converged"
            )
            evidence.append(
                f"batch statistics move {metric} by {number(parts['batch normalization'])}"
            )
        if abs(random) >= TOLD:
            names = listed([str(n) for n in parts["random"]][:3])
            told.append(f"random layers ({names}) act {log.steps} and not in {measured_by}")
            evidence.append(f"random layers move {metric} by {number(parts['random layers'])}")
        id = "batch-statistics-in-fit" if abs(batch) >= abs(random) else "random-layers-in-fit"
        found.append(part_of_gap("mode", id, random + batch, "; ".join(told), "; ".join(evidence)))
    rest = float(parts["weights"]) / gap
    if not parts["same weights"] and abs(rest) >= TOLD:
        story, id = replaced_by(origins)
        found.append(
            part_of_gap(
                "weights", id, rest,
                f"evaluate used other weights than the last epoch ended with{story}",
                f"the weights of the last epoch give {metric} "
                f"{number(float(parts['evaluated']) + float(parts['weights']))}, evaluate's "
                f"{number(parts['evaluated'])}",
            )
        )  # fmt: skip
    return found


def _of_other_samples(
    parts: Mapping[str, Any], metric: str, share: float, measured_by: str
) -> Cause:
    """The cause where a fit validates on other samples than it trains on."""
    theirs = float(parts["evaluated"]) + float(parts["weights"])
    ours = theirs + float(parts["other batches"])
    return part_of_gap(
        "data-content", "validated-on-other-samples", share,
        f"{measured_by} measures {metric} of other samples than those that were trained on",
        f"one and the same weights, in inference, give {metric} {number(ours)} on the samples "
        f"trained on and {number(theirs)} on those of {measured_by}",
    )  # fmt: skip


def _with_emptied(cause: Cause, parts: Mapping[str, Any], metric: str, emptied: str) -> Cause:
    """The cause in the steps that a log is a mean of, where its metrics were emptied in its epoch.

    Weights of samples and the cut into batches are parts that are measured by themselves.
    """
    if cause.mechanism != _EPOCH.mechanism:
        return cause
    known = mechanism("metrics-emptied-in-an-epoch")
    alone = parts.get("uninterrupted")
    moved = None if alone is None else float(parts["logged"]) - alone
    if moved is not None and abs(moved) < TOLD * abs(float(parts["moving weights"])):
        return cause
    proof = (
        "how much of this the moving weights are is not told apart"
        if alone is None
        else f"the same training without these evaluations logs {metric} {number(alone)} (with "
        f"them {number(parts['logged'])})"
    )
    rest = f"; {cause.detail}" if alone is None or _moves(parts, alone) else ""
    return replace(
        cause, detail=f"{emptied}{rest}", evidence=f"{proof}; {cause.evidence}",
        remedy=known.remedy, mechanism=known.id,
    )  # fmt: skip


def _moves(parts: Mapping[str, Any], alone: float) -> bool:
    """Whether the log of an epoch that nothing interrupts is off as well."""
    moving = float(parts["moving weights"])
    return abs(alone - float(parts["logged"]) + moving) >= TOLD * abs(moving)


def emptied_by(fit: Fit, calls: Sequence[MeasuringCall]) -> str:
    """What a callback evaluated in the middle of a fit's last epoch, in words, "" if nothing."""
    steps = len(fit.steps)
    begins = int(np.searchsorted(fit.step_epochs, fit.step_epochs[-1])) if steps else 0
    within = [
        call
        for call in calls
        if call.kind == "evaluate"
        and call.notes.get(WITHIN) == fit.index
        and begins < int(call.notes.get(AFTER_STEPS, 0)) < steps
    ]
    if not within:
        return ""
    last = max(within, key=lambda call: int(call.notes[AFTER_STEPS]))
    left, rows = steps - int(last.notes[AFTER_STEPS]), len(last.recipe.inputs.rows("x"))
    return (
        f"evaluate in a callback (line {last.line}) begins fit's metrics anew in the middle of the "
        f"epoch: its log is of the {rows} samples evaluated last and of the {left} of "
        f"{steps - begins} batches behind them"
    )


def _suspect(log: _Log) -> Cause:
    known = mechanism(log.mechanism)
    return Cause("measurement", known.says, SUSPECTED, "not measured", known.remedy,
                 mechanism=known.id)  # fmt: skip


def _excluded(
    log: _Log, parts: Mapping[str, Any], causes: Sequence[Cause], same: bool, measured_by: str
) -> Sequence[Excluded]:
    named = {c.source for c in causes}
    same_data = f"{measured_by} was given the samples and labels of {log.samples}"
    if parts.get("other samples"):
        same_data = f"other samples change less than {percent(TOLD)} of the gap"
    found = [Excluded("architecture", "one and the same model")]
    if "data-content" not in named:
        found.insert(0, Excluded("data-content", same_data))
    if "weights" not in named and log is not _STEP:  # with a step between them, others
        found.append(
            Excluded(
                "weights", f"{measured_by} used the very weights that the last epoch ended with"
            )
            if same
            else Excluded("weights", "other weights than fit ended with, without effect")
        )
    if "mode" not in named:
        layers = [*parts["random"], *parts["normalizing"]]
        text = (
            "no layer behaves otherwise in training"
            if not layers
            else f"{listed([str(n) for n in layers][:3])}: less than {percent(TOLD)} of the gap"
        )
        found.append(Excluded("mode", text))
    if "measurement" not in named:
        found.append(
            Excluded("measurement", f"moving weights change less than {percent(TOLD)} of the gap")
        )
    return found


def _sampled(parts: Mapping[str, Any]) -> tuple[str, ...]:
    if parts["batches"] == parts["of batches"]:
        return ()
    return (f"Measured on {parts['batches']} of the {parts['of batches']} batches of the epoch.",)


def logged_divergence(metric: str) -> Divergence:
    """Where a log and evaluate part: at the number itself."""
    return Divergence(0, 0, "metric", metric)
