"""What a reader should know about the proofs: what they lack, and what they cannot tell."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.findings import CONFIRMED, UNKNOWN, Cause
from whydiff.core.recording import RANDOM_MAP, STANDARDIZED, Epoch, Execution, Side
from whydiff.core.words import capital, listed, number, percent
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.offsets import amplifies, cancel
from whydiff.diagnosis.pair import trainings_of
from whydiff.diagnosis.rounding import hardly, measured
from whydiff.diagnosis.sources.arithmetic import UNRECORDED
from whydiff.diagnosis.sources.data_content import validation_differs
from whydiff.diagnosis.sources.facts import show
from whydiff.diagnosis.sources.samples import same_every_epoch
from whydiff.diagnosis.sources.stale import set_in_vain
from whydiff.diagnosis.trials import Trials
from whydiff.stats.standardized import EACH, TOGETHER, TRAINING


def on(compared: ComparedSides, trials: Trials, causes: Sequence[Cause]) -> tuple[str, ...]:
    """The notes, in the order in which they matter."""
    return (
        *_without_effect(compared, causes),
        *(() if causes else _unrecorded(compared)),
        *_counts_on(compared, causes),
        *loss_not_counted(compared.a, compared.b),
        *_set_in_vain(compared),
        *restarted(compared.a, compared.b),
        *standardized(compared.a, compared.b),
        *_not_reproduced(compared, trials, causes),
        *_on_one_scale(compared, trials),
        *_offsetting(trials, causes),
        *_amplified(trials, causes),
        *measured(compared, trials),
        *hardly(trials),
        *_how_trained(trials),
        *(_evaluated(name, parts) for name, parts in trials.measured.items() if _far(parts)),
    )


def _on_one_scale(compared: ComparedSides, trials: Trials) -> tuple[str, ...]:
    """A note where one model ends in logits and the other in probabilities."""
    behind = compared.activations
    if trials.a.predictions is None or len({behind.get("a"), behind.get("b")}) < 2:
        return ()
    side, activation = next(iter(behind.items()))
    return (
        f"The outputs of {side.upper()} are logits, those of the other are probabilities: they are "
        f"compared after a {activation}, as the loss of {side.upper()} reads them.",
    )


def on_other_samples(compared: ComparedSides, told: Mapping[str, Any]) -> tuple[str, ...]:
    """A note where the gap is told in a number that A and B measured on other samples."""
    name = str(told.get("metric"))
    if told.get("measured_by"):
        return (
            f"Every number that fit logged last is equal in A and B, while their weights differ: "
            f"{name} is what evaluate gave for the same samples afterwards (line "
            f"{told['measured_by']}).",
        )
    if not name.startswith("val_") or not validation_differs(compared.a, compared.b):
        return ()
    text = f"{name} was measured on other validation samples in A than in B"
    if told.get("predictions_differ") == 0:
        return (
            f"{text}; for equal samples both predict the same classes, so its gap comes from the "
            "samples, not from the weights.",
        )
    return (
        f"{text}, so its gap is not that of the weights alone; the contributions compare "
        "predictions for the same samples.",
    )


def other_arguments(a: Execution, b: Execution) -> tuple[str, ...]:
    """A note where one script was recorded with other arguments than it ran with now, or in
    another recording: nobody asked for that difference, and a default may hide it."""
    if a.arguments == b.arguments or Path(a.script).name != Path(b.script).name:
        return ()
    given = [shlex.join(e.arguments) or "no arguments" for e in (a, b)]
    return (f"The script ran with other arguments: {given[0]} in A, {given[1]} in B.",)


def on_other_weights(compared: ComparedSides, told: Mapping[str, Any]) -> tuple[str, ...]:
    """A note where the gap is told in a mean that A and B weight otherwise."""
    name = str(told.get("metric")).removeprefix("val_")
    facts = [side.recipe.objective for side in (compared.a, compared.b)]
    given = [bool(f.get("sample_weight")) or f.get("class_weight") is not None for f in facts]
    weights = [side.recipe.data_content.weights for side in (compared.a, compared.b)]
    validated = str(told.get("metric")).startswith("val_")
    weighted = [str(m) for m in (compared.a.recipe.measurement.get("weighted_metrics") or ())]
    if given[0] == given[1] or validated or not (name == "loss" or name in weighted):
        return ()
    side = "A" if given[0] else "B"
    seen = "sample_weight" if any(w is not None for w in weights) else "class_weight"
    return (
        f"In {side} the logged {name} is a mean with the weights of {seen}, in the other every "
        "sample counts alike: its gap is not that of the models' errors alone. evaluate(x, y) "
        "without weights measures both alike.",
    )


def on_kept_epochs(compared: ComparedSides, told: Mapping[str, Any]) -> tuple[str, ...]:
    """A note where a training ends with the weights of an earlier epoch than its last, whose
    logged number is the one that is told."""
    kept = [_kept_epoch(side) for side in (compared.a, compared.b)]
    if told.get("measured_by") or all(epoch is None for epoch in kept):
        return ()
    name = str(told.get("metric"))
    ends, values = [], []
    for letter, side, epoch in zip("AB", (compared.a, compared.b), kept, strict=True):
        last = side.fit.epochs[-1]
        one = last if epoch is None else epoch
        ends.append(f"{letter} with those of epoch {one.index + 1} of {last.index + 1}")
        values.append(number(one.logs.get(name)))
    then = f" In these epochs it was {' vs. '.join(values)}." if name.startswith("val_") else ""
    return (
        f"The weights of the best epoch were put back: {' and '.join(ends)}. The {name} above is "
        f"that of the last epoch, not of the weights that the two end with.{then}",
    )


def _kept_epoch(side: Side) -> Epoch | None:
    """The epoch whose weights a training ended with; None where it was the last, or none."""
    final = {t.path: t.digest for t in side.fit.final}
    ends = [e for e in side.fit.epochs if e.tensors and _digests(e) == final]
    return ends[-1] if ends and ends[-1] is not side.fit.epochs[-1] else None


def _digests(epoch: Epoch) -> dict[str, str]:
    return {t.path: t.digest for t in epoch.tensors}


def frozen_in_every_epoch(a: Side, b: Side) -> Iterator[str]:
    """Random changes of a pipeline that every epoch repeats."""
    names = [
        name
        for name, side in (("A", a), ("B", b))
        if side.fit.notes.get(RANDOM_MAP)
        and side.recipe.data_order.relative
        and same_every_epoch(side.recipe)
    ]
    if names:
        yield (
            f"In {listed(names)} a map of the tf.data pipeline draws random numbers or calls "
            "Python, and yet every epoch was fed the samples of the first. If it is to change them "
            "at random: a global seed (set_random_seed, tf.random.set_seed) starts each pass with "
            "the same draws, and cache() behind a map keeps them; tf.random.Generator, or "
            "tf.image.stateless_random_* with a counter as seed, draws anew in every epoch."
        )


def _without_effect(compared: ComparedSides, causes: Sequence[Cause]) -> Iterator[str]:
    if compared.ends_alike and not causes and compared.differing:
        one = len(compared.differing) == 1
        yield (
            f"{listed(compared.differing)} {'differs' if one else 'differ'} without effect: the "
            "final weights and every logged number are the same bits."
        )


def _counts_on(compared: ComparedSides, causes: Sequence[Cause]) -> Iterator[str]:
    """A metric that was not reset, beside causes of other weights: its numbers say less."""
    measured = next(f for f in compared.findings if f.source == "measurement")
    if measured.mechanism == "metric-not-reset" and "measurement" not in {c.source for c in causes}:
        yield (
            f"{capital(measured.evidence)}. So what it logs cannot be compared, whatever the "
            f"weights: {measured.remedy[0].lower()}{measured.remedy[1:]}"
        )


def loss_not_counted(a: Side, b: Side) -> Iterator[str]:
    """A loss of 0 that says nothing: a step of the model's own that leaves its metric alone."""
    sides = [name for name, side in (("A", a), ("B", b)) if _logs_zero(side)]
    if sides:
        yield (
            f"{listed(sides)} {'log' if len(sides) > 1 else 'logs'} a loss of 0 in every epoch, "
            "and yet the weights that are trained move. That is what fit shows where the model's "
            "train_step never updates Keras's own metric 'loss', whatever it returns under that "
            "name. Then, in train_step: "
            "for metric in self.metrics: if metric.name == 'loss': metric.update_state(loss)."
        )


def _logs_zero(side: Side) -> bool:
    fit = side.fit
    started = {t.path: t.digest for t in side.recipe.initialization if t.role == "trainable"}
    return (
        "code:train_step" in side.recipe.mode
        and bool(fit.epochs)
        and all(epoch.logs.get("loss") == 0 for epoch in fit.epochs)
        and any(started.get(t.path, t.digest) != t.digest for t in fit.final)
    )


def _set_in_vain(compared: ComparedSides) -> Iterator[str]:
    """What a script sets although the compiled step does not read it any more."""
    if any(f.mechanism == "stale-trace" for f in compared.findings):
        return
    for name, side in (("A", compared.a), ("B", compared.b)):
        for text in set_in_vain(side):
            yield f"In {name}, {text}: call compile() after setting it."


_STANDARDIZED = {
    TOGETHER: (
        "the inputs are standardized over training and validation samples together, before they "
        "were cut: the training samples alone are not, so they hold statistics of the validation "
        "samples (a leak). Fit the scaler on the training samples, and transform both with it"
    ),
    EACH: (
        "training and validation samples are standardized each by their own mean and spread, so "
        "that one and the same input becomes two values. Fit the scaler on the training samples, "
        "and transform both with it"
    ),
    TRAINING: "the inputs are standardized over the training samples alone, as they ought to be",
}


def standardized(a: Side, b: Side) -> Iterator[str]:
    """Over which samples the inputs of each side were standardized, where statistics leak."""
    over = [str(side.fit.notes.get(STANDARDIZED) or "") for side in (a, b)]
    if not {TOGETHER, EACH} & {*over}:
        return
    names = [("A and B", over[0])] if over[0] == over[1] else [("A", over[0]), ("B", over[1])]
    for name, which in names:
        if which:
            yield f"In {name} {_STANDARDIZED[which]}."


def scaler_to_mend(a: Side, b: Side) -> str:
    """What to do first where the inputs of one side, or of both, hold statistics of others."""
    over = {name: side.fit.notes.get(STANDARDIZED) for name, side in (("A", a), ("B", b))}
    together = " and ".join(name for name, which in over.items() if which == TOGETHER)
    each = " and ".join(name for name, which in over.items() if which == EACH)
    leak = f"in {together} statistics of the validation samples leak into the training"
    apart = f"in {each} one and the same input becomes two values"
    why = "; ".join(text for text in (leak * bool(together), apart * bool(each)) if text)
    if not why:
        return ""
    return (
        "First of all fit the scaler on the training samples alone, and transform training and "
        f"validation samples with it: {why}."
    )


def restarted(a: Side, b: Side) -> Iterator[str]:
    """A training in several fits whose later ones count epochs from 0 again, beside a schedule.

    Callbacks that set the learning rate by the epoch begin again with each such fit.
    """
    for name, side in (("A", a), ("B", b)):
        trainings = trainings_of(side.execution.fits)
        chain = [f for f in side.execution.fits if trainings[f.index] == trainings[side.fit.index]]
        for earlier, later in itertools.pairwise(chain):
            scheduled = later.recipe.optimizer.get("callbacks")
            if later.recipe.duration.get("initial_epoch") or not scheduled or not earlier.epochs:
                continue
            done = sum(len(fit.epochs) for fit in chain[: chain.index(later)])
            whole = done + len(later.epochs)
            yield (
                f"{name}'s training goes on in fit {later.index}, which counts epochs from 0 "
                f"again: {show(scheduled)} begins again there. fit(..., initial_epoch={done}, "
                f"epochs={whole}) goes on where fit {earlier.index} stopped."
            )
            return  # said once, also where two runs of one script do so alike


def _never_alike(compared: ComparedSides) -> str:
    calls = compared.a.fit.notes.get("never alike")
    if not isinstance(calls, list) or not calls:
        return ""
    return (
        f" The code of a step, or of a callback, calls {listed([f'{call}()' for call in calls])}, "
        "which gives another value every time: take it out, or pass the value in as an input."
    )


def _unrecorded(compared: ComparedSides) -> Iterator[str]:
    arithmetic = next(f for f in compared.findings if f.source == "arithmetic")
    if arithmetic.status == UNKNOWN and arithmetic.evidence.startswith(UNRECORDED):
        yield (
            f"{capital(arithmetic.evidence)}. Looked for and not found: "
            "draws from NumPy's, Python's or torch's global generator in a step, hidden state of "
            "layers, values that layers read from globals. Still possible: operations such as "
            "tf.random.normal in a layer or loss, draws of a callback, files that a step reads, "
            "objects of the script that change while it trains."
        )


def _not_reproduced(
    compared: ComparedSides, trials: Trials, causes: Sequence[Cause]
) -> Iterator[str]:
    if trials.reproduces_a():
        return
    differing = listed(compared.differing) or "nothing that was recorded"
    if not trials.hybrids:
        why = next(iter(trials.refused.values()), "")
        yield (
            "This training could not be trained again from what was recorded"
            f"{': ' + why if why else ''}. So no cause is confirmed by that, and no share is "
            f"given; the two differ in {differing}."
        )
        return
    again = f"A trained again from its own fields {_elsewhere(compared.a, trials)}"
    confirmed = [c.source for c in causes if c.status == CONFIRMED]
    if confirmed:
        yield (
            f"{again}, so no share can be measured: {listed(confirmed)} "
            f"{'is' if len(confirmed) == 1 else 'are'} confirmed by the fix, with which two runs "
            "agree."
        )
        return
    yield (
        f"This training cannot be reproduced from what was recorded: {again}. "
        "So no cause is confirmed and no share is given; "
        f"the two differ in {differing}.{_never_alike(compared)} Something in the training is not "
        "recorded or not deterministic. If the script should repeat its results, please send us "
        "the script, the output of `pip freeze` and the recording that `whydiff record` writes (it "
        "holds no training data), so that we can tell what is missing."
    )


def _elsewhere(a: Side, trials: Trials) -> str:
    """How A trained again differs from A: the first logged number, or the weights."""
    again = trials.hybrids[frozenset()]
    for epoch, made in zip(a.fit.epochs, again.logs, strict=False):
        for name, value in epoch.logs.items():
            if name in made and repr(float(made[name])) != repr(float(value)):
                return (
                    f"logs {name} {made[name]:.7g} vs. {value:.7g} in epoch {epoch.index + 1}, and "
                    "ends with other weights"
                )
    return "logs the same numbers and yet ends with other weights"


def _offsetting(trials: Trials, causes: Sequence[Cause]) -> Iterator[str]:
    group = [c.source for c in causes if c.offsets]
    if not group:
        return
    if cancel(causes):
        yield (
            f"{listed(group)} offset each other: each alone moves the {trials.measure} far more "
            f"than all of them together, which leave a distance of {number(trials.whole)}. Parts "
            "of so little say nothing, so no shares are given."
        )
    else:
        yield (
            f"{listed(group)} partly offset each other: alone one of them moves the "
            f"{trials.measure} further than all of them together, so shares may lie outside 0 to "
            "100 %."
        )


def _amplified(trials: Trials, causes: Sequence[Cause]) -> Iterator[str]:
    grown = trials.grown()
    if grown is None or trials.nudged is None or not amplifies(trials):
        return
    ranked = sum(c.share is not None for c in causes) > 1
    yield (
        f"This training amplifies differences: one initial weight moved by one unit in the last "
        f"place ({number(trials.nudged.moved)}) moves the {trials.measure} by {percent(grown[1])} "
        "of the distance from A to B."
        + (" So the shares do not rank the causes." if ranked else "")
    )


def _how_trained(trials: Trials) -> Iterator[str]:
    if "script" in trials.how and trials.hybrids:
        trained = len(trials.hybrids)  # A itself is one of them
        were = "1 hybrid was" if trained == 1 else f"{trained} hybrids were"
        yield f"{were} trained {trials.how}."
    if trials.bound:
        yield (
            f"{listed(trials.bound)} fit only together, so they were taken from B as one and share "
            "what they are worth."
        )
    if trials.together:
        names, why = trials.together[0]
        yield f"{', '.join(names)} could not be taken from B together: {why}."
    if trials.left_out:
        yield (
            f"{trials.left_out} hybrids were left out for lack of time; shares are estimated from "
            "each source alone and all but each (--budget gives more time)."
        )


def _far(parts: dict[str, float]) -> bool:
    """Whether evaluating in another mode changes the loss so much that it will be wondered at."""
    scale = max(abs(parts["logged"]), abs(parts["evaluated"]), 1e-9)
    return abs(parts["batch normalization"]) > 0.2 * scale


def _evaluated(name: str, parts: dict[str, float]) -> str:
    return (
        f"{name.upper()} logged a training loss of {parts['logged']:.4g}, yet evaluated with the "
        f"same weights it is {parts['evaluated']:.4g}: "
        + ", ".join(
            f"{parts[key]:+.3g} from {key}"
            for key in ("moving weights", "random layers", "batch normalization")
        )
        + ". BatchNormalization's moving averages have not converged (more steps, or a smaller "
        "momentum)."
    )
