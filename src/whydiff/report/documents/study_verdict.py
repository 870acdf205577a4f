"""What a study says in sentences: the verdict, warnings, and facts with their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator

from whydiff.core.study import METRIC, PREDICTIONS, WEIGHTS, Study, Worth
from whydiff.core.words import count, duration, listed, number, percent, source
from whydiff.report.estimates import between, bounds, ordinal


def verdict(study: Study) -> str:
    """One sentence: how much the results vary, and because of what."""
    outcome = study.outcome
    if not outcome.mean.n:
        if study.trained:
            return f"No training ended with a finite {outcome.metric}: there is nothing to compare."
        return "No replica was trained: there is nothing to say yet."
    if outcome.mean.n == 1:
        value = number(outcome.mean.value)
        return f"{outcome.metric} was {value} in the only run: one run tells nothing about spread."
    draws = count(outcome.mean.n, "run")
    if outcome.low == outcome.high:
        same = f"{outcome.metric} is {number(outcome.low)} in all of {draws}"
        return f"{same}: {_predictions_too(study)}"
    told = (
        f"{outcome.metric} varies from {number(outcome.low)} to {number(outcome.high)} over "
        f"{draws} with other seeds (standard deviation {number(outcome.sd.value)})"
    )
    return f"{told}{because(study)}."


def _predictions_too(study: Study) -> str:
    churn = study.outcome.churn
    if churn is not None and churn.value > 0:
        return f"yet two runs disagree on {percent(churn.value)} of the predictions."
    moved = study.outcome.distance.value > 0
    return "the predictions differ all the same." if moved else "other seeds change nothing."


def warnings(study: Study) -> Iterator[str]:
    """What puts the numbers in doubt, a sentence each."""
    for gate in study.gates:
        if gate.passed is False and not gate.name.startswith("every source"):
            yield f"Check failed: {gate.name}. {gate.evidence[:1].upper()}{gate.evidence[1:]}."
    if study.dead:
        yield (
            f"Dead seed: redrawing {listed([source(s) for s in study.dead])} changed not a single "
            "bit; seeding it has no effect on this training."
        )
    if study.agreement is not None and not study.agreement.agrees:
        yield (
            f"The engine {study.agreement.engine} does not agree with plain training on "
            f"{study.agreement.n} replicas; --engine solo trains them all plainly."
        )
    if study.diverged.n and study.diverged.value > 0:
        of = round(study.diverged.value * study.diverged.n)
        yield (
            f"{of} of {study.diverged.n} trainings diverged ({bounds(study.diverged, percent)}): "
            "their loss or predictions are not finite. Spread and churn are those of the others."
        )
    for reason, times in study.failures.items():
        yield f"{count(times, 'replica')} could not be trained: {reason}"


def facts(study: Study) -> Iterator[tuple[str, str]]:
    """What was trained, how far the runs are apart, where the script's own run lies."""
    outcome = study.outcome
    yield "Studied", study.chosen or study.script
    took = f" in {duration(study.seconds)}" if study.seconds else ""
    blocks = count(int(study.plan.get("blocks", 0)), "block")
    missing = study.planned - study.trained - sum(study.failures.values())
    cut = f"; {count(missing, 'replica')} not yet, --resume goes on" if missing > 0 else ""
    yield "Trained", f"{count(study.trained, 'replica')} in {blocks}{took} ({study.engine}){cut}"
    if outcome.mean.n:
        yield (
            outcome.metric,
            f"mean {between(outcome.mean)}, standard deviation {between(outcome.sd)}, "
            f"n = {outcome.mean.n}",
        )
    predictions = ", ".join(_predictions(study))
    if predictions:
        yield "Predictions", predictions
    if outcome.weights.n:
        yield "Weights", f"two runs end {between(outcome.weights)} apart, relative to their norm"
    if study.own is not None:
        yield "Your run", _own(study)
    if study.noise is not None:
        yield "Test set", _noise(study)
    elif study.flips is not None and study.flips.where == "training data":
        yield "Test set", "its part is not known: this fit has no validation data"


def _predictions(study: Study) -> Iterator[str]:
    churn = study.outcome.churn
    if churn is not None and churn.n > 1:
        of = f" of {study.flips.examples} examples of {study.flips.where}" if study.flips else ""
        yield f"two runs disagree on {between(churn, percent)}{of}"
        if study.flips is not None:
            yield f"{study.flips.ever} examples change class at least once"
    elif churn is None and study.outcome.distance.n:
        yield f"two runs differ by {between(study.outcome.distance)} (root mean square)"


def _own(study: Study) -> str:
    own = study.own
    assert own is not None
    if not math.isfinite(own.value):
        return f"its {study.outcome.metric} is not a finite number"
    if not own.percentile.n:
        return f"{number(own.value)}; no draws to compare with"
    place = f"{ordinal(round(100 * own.percentile.value))} percentile"
    interval = f"{percent(own.percentile.low)} and {percent(own.percentile.high)}"
    kind = {
        True: "an ordinary draw",
        False: "an unusual draw",
        None: "too few draws to call it unusual or not",
    }[own.ordinary]
    n = own.percentile.n
    if own.percentile.value in (0.0, 1.0):
        side = "above" if own.percentile.value else "below"
        return f"{number(own.value)}, {kind}: {side} all of {count(n, 'draw')}"
    return f"{number(own.value)}, {kind}: {place} (between {interval}) of {count(n, 'draw')}"


def _noise(study: Study) -> str:
    noise = study.noise
    assert noise is not None
    if noise.share is None:
        return f"all runs make the same number of errors on {noise.examples} examples"
    sd = math.sqrt(max(noise.test_set, 0.0))
    told = (
        f"{noise.examples} examples alone would make the error rate vary by {number(sd)} "
        f"(observed: {number(math.sqrt(noise.observed))})"
    )
    if noise.training.known and noise.training.low > 0:
        left = math.sqrt(noise.training.value)
        return f"{told}; with an infinite test set runs would still vary by {number(left)}"
    return f"{told}; that the runs differ with an infinite test set, too, cannot be shown"


#: a source whose total effect is at least this gives nearly all the variability by itself
NEARLY_ALL = 0.8
LITTLE = 0.1
#: blocks from which on a source may be named in the verdict
FEWEST = 5


def leading(study: Study) -> tuple[str, tuple[Worth, ...]]:
    """The steadiest measure that was told: predictions before the metric before the weights."""
    for measure in (PREDICTIONS, METRIC, WEIGHTS):
        worth = study.worth.get(measure, ())
        if any(math.isfinite(w.total.value) for w in worth):
            return measure, worth
    return PREDICTIONS, ()


def alive(worths: tuple[Worth, ...]) -> list[Worth]:
    """Those that change something, and by how much."""
    return [w for w in worths if not w.dead and math.isfinite(w.total.value)]


def because(study: Study) -> str:
    """The end of the verdict: which source the variability comes from; empty where few know."""
    measure, told = leading(study)
    worths = alive(told)
    if worths and worths[0].total.n < FEWEST:
        return ""
    if len(worths) < 2:
        return f", by {source(worths[0].source)}" if worths else ""
    alone = [source(w.source) for w in worths if w.total.value >= NEARLY_ALL]
    if alone:
        which = "any one source" if len(alone) == len(worths) else " or ".join(alone)
        if measure == METRIC:
            return f": redrawing {which} alone gives nearly all of that"
        return (
            f"; redrawing {which} alone accounts for nearly all of the variation of the {measure}"
        )
    most = max(worths, key=lambda w: w.total.value)
    told_by = f"most by {source(most.source)} ({percent(most.total.value)} when redrawn alone)"
    return f": {told_by}" if measure == METRIC else f"; the {measure} move {told_by}"


def reading(study: Study) -> str:
    """What follows from that for a person who wants results that vary less."""
    measure, told = leading(study)
    moved = study.outcome.metric if measure == METRIC else f"the {measure}"
    worths = alive(told)
    strong = {w.source for w in worths if w.total.value >= NEARLY_ALL}
    if "arithmetic" in strong:
        return (
            f"One unit in the last place of one weight moves {moved} about as far as other seeds "
            "do: seeds make this training repeatable only where every operation rounds the same "
            "way again. Report a mean over runs."
        )
    if len(worths) > 1 and len(strong) == len(worths):
        return (
            f"Each source alone moves {moved} about as far as all together: seeding one of them "
            "and leaving the others free gains next to nothing. Seed all of them, or report a "
            "mean over runs."
        )
    held = [f"{w.source} {percent(w.main.value)}" for w in worths if w.main.value > LITTLE]
    if held:
        return f"Fixing just one takes away: {', '.join(held)}."
    return "Fixing just one of them takes away next to nothing."
