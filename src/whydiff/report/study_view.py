"""A study as blocks: the verdict first, then what supports it, on one screen."""

from __future__ import annotations

import math
from collections.abc import Iterator

from whydiff.core.study import METRIC, PREDICTIONS, WEIGHTS, Study, Worth
from whydiff.report.blocks import Block, Code, Facts, Table, Text
from whydiff.report.study_words import between, bounds, ordinal, signed
from whydiff.report.words import count, duration, listed, number, percent, source

#: characters of a bar that stand for redrawing everything
BAR = 20
#: characters of the longest bar of a histogram
LONGEST = 40
#: a source whose total effect is at least this gives nearly all the variability by itself
NEARLY_ALL = 0.8
LITTLE = 0.1


def study_blocks(study: Study, verbose: bool = False) -> list[Block]:
    """What is told about a study; ``verbose`` adds intervals of everything and the gates."""
    blocks: list[Block] = [Text(verdict(study), "verdict")]
    blocks += [Text(text, "warning") for text in _warnings(study)]
    blocks.append(Facts(tuple(_facts(study))))
    if study.outcome.histogram.counts:
        blocks.append(Code(_histogram(study)))
    blocks += _worth(study, verbose)
    blocks += _levels(study)
    blocks += _checks(study, verbose)
    if verbose:
        blocks += _details(study)
    blocks += _open(study)
    blocks += [Text(note, "note") for note in study.notes]
    if not verbose:
        blocks.append(Text("More: --verbose shows all evidence, --json FILE all numbers.", "note"))
    return blocks


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
        return f"{outcome.metric} is {number(outcome.low)} in all of {draws}: {_predictions_too(study)}"
    told = (
        f"{outcome.metric} varies from {number(outcome.low)} to {number(outcome.high)} over "
        f"{draws} with other seeds (standard deviation {number(outcome.sd.value)})"
    )
    return f"{told}{_because(study)}."


def _predictions_too(study: Study) -> str:
    churn = study.outcome.churn
    if churn is not None and churn.value > 0:
        return f"yet two runs disagree on {percent(churn.value)} of the predictions."
    moved = study.outcome.distance.value > 0
    return "the predictions differ all the same." if moved else "other seeds change nothing."


def _because(study: Study) -> str:
    worth = [w for w in _leading(study) if math.isfinite(w.total.value) and not w.dead]
    if len(worth) < 2:
        return f", by {source(worth[0].source)}" if worth else ""
    alone = [source(w.source) for w in worth if w.total.value >= NEARLY_ALL]
    if len(alone) == len(worth):
        return ": redrawing any one of its random sources alone gives nearly all of that"
    if alone:
        return f": {listed(alone)} alone {'give' if len(alone) > 1 else 'gives'} nearly all of that"
    most = max(worth, key=lambda w: w.total.value)
    return f": most by {source(most.source)} ({percent(most.total.value)} when redrawn alone)"


def _leading(study: Study) -> tuple[Worth, ...]:
    """The steadiest measure that was told: predictions before the metric before the weights."""
    for measure in (PREDICTIONS, METRIC, WEIGHTS):
        worth = study.worth.get(measure, ())
        if any(math.isfinite(w.total.value) for w in worth):
            return worth
    return ()


def _warnings(study: Study) -> Iterator[str]:
    for gate in study.gates:
        if gate.passed is False and not gate.name.startswith("every source"):
            yield f"Not so: {gate.name}. {gate.evidence[:1].upper()}{gate.evidence[1:]}."
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


def _facts(study: Study) -> Iterator[tuple[str, str]]:
    outcome = study.outcome
    yield "Studied", study.chosen or study.script
    took = f" in {duration(study.seconds)}" if study.seconds else ""
    blocks = count(int(study.plan.get("blocks", 0)), "block")
    yield "Trained", f"{count(study.trained, 'replica')} in {blocks}{took} ({study.engine})"
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


def _predictions(study: Study) -> Iterator[str]:
    churn = study.outcome.churn
    if churn is not None and churn.n > 1:
        of = f" of {study.flips.examples} examples of {study.flips.where}" if study.flips else ""
        yield f"two runs disagree on {between(churn, percent)}{of}"
        if study.flips is not None:
            yield f"{study.flips.ever} examples flip at all"
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
    interval = f"{percent(own.percentile.low)} to {percent(own.percentile.high)}"
    kind = {
        True: "an ordinary draw",
        False: "an unusual draw",
        None: "too few draws to call it unusual or not",
    }[own.ordinary]
    return f"{number(own.value)}, {kind}: {place} (between {interval}) of {own.percentile.n} draws"


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
        return f"{told}; on endless test data runs would still vary by {number(left)}"
    return f"{told}; that the runs differ on endless test data, too, cannot be shown"


def _histogram(study: Study) -> str:
    histogram, own = study.outcome.histogram, study.own
    pairs = list(zip(histogram.edges, histogram.edges[1:], strict=False))
    digits = _digits(histogram.edges)
    lines, top = [], max(histogram.counts)
    for i, ((low, high), times) in enumerate(zip(pairs, histogram.counts, strict=True)):
        bar = "#" * math.ceil(LONGEST * times / top)
        last = i == len(pairs) - 1
        inside = own is not None and (low <= own.value < high or (last and own.value == high))
        mark = "  <- your run" if inside else ""
        span = f"{low:.{digits}f} to {high:.{digits}f}"
        lines.append(f"{span}  {bar:<{LONGEST}} {times:>4}{mark}")
    return "\n".join([study.outcome.metric, *lines])


def _digits(edges: tuple[float, ...]) -> int:
    step = edges[1] - edges[0] if len(edges) > 1 else 0.0
    return min(9, max(0, 1 - math.floor(math.log10(step)))) if step > 0 else 4


def _worth(study: Study, verbose: bool) -> Iterator[Block]:
    leading = _leading(study)
    if not leading:
        return
    measures = [m for m in (PREDICTIONS, METRIC, WEIGHTS) if study.worth.get(m)]
    names = {PREDICTIONS: "Predictions", METRIC: study.outcome.metric, WEIGHTS: "Weights"}
    rows = []
    for position, worth in enumerate(leading):
        totals = [study.worth[m][position].total for m in measures]
        cells = ["dead" if worth.dead else bounds(total, percent) for total in totals]
        rows.append((worth.source, _bar(worth), *cells))
    everything = ("everything", f"{'=' * BAR}|", *("100 %" for _ in measures))
    yield Table(
        ("Redrawn alone", "", *(names[m] for m in measures)),
        (*rows, everything),
        f"How much of the variability a source gives by itself "
        f"(95 % intervals, {count(leading[0].total.n, 'block')})",
    )
    if len(leading) > 1:
        yield Text(_reading(leading), "")


def _reading(leading: tuple[Worth, ...]) -> str:
    alive = [w for w in leading if not w.dead and math.isfinite(w.total.value)]
    if alive and all(w.total.value >= NEARLY_ALL for w in alive) and len(alive) > 1:
        return (
            "Each source alone moves the predictions about as far as all together: seeding one of "
            "them and leaving the others free gains next to nothing. Seed all of them, or report "
            "a mean over runs."
        )
    held = [f"{w.source} {percent(w.main.value)}" for w in alive if w.main.value > LITTLE]
    if held:
        return f"Fixing just one takes away: {', '.join(held)} (the # of the bars)."
    return "Fixing just one of them takes away next to nothing."


def _bar(worth: Worth) -> str:
    """T as the length, S within it, against a mark where everything redrawn lies."""
    if worth.dead or not math.isfinite(worth.total.value):
        return f"{'':<{BAR}}|"
    total = min(BAR + 4, round(BAR * worth.total.value))
    main = min(total, max(0, round(BAR * worth.main.value) if worth.main.known else 0))
    bar = "#" * main + "=" * (total - main)
    return f"{bar[:BAR]:<{BAR}}|{bar[BAR:]}"


def _levels(study: Study) -> Iterator[Block]:
    if not study.levels:
        return
    rows = tuple(
        (
            f"{level.factor} {level.value}",
            level.against,
            signed(level.shift),
            number(level.p),
            bounds(level.ratio, number),
            "-" if level.excess is None else bounds(level.excess, percent),
        )
        for level in study.levels
    )
    n = max(level.shift.n for level in study.levels)
    yield Table(
        ("Set to", "against", f"Shift of {study.outcome.metric}", "p", "Ratio of sd",
         "Excess churn"),
        rows,
        f"Fixed factors, over the same seeds ({count(n, 'pair')}, 95 % intervals)",
    )  # fmt: skip
    if any(level.excess is not None for level in study.levels):
        yield Text(
            "Excess churn: examples that change class beyond those that change with the seed.",
            "note",
        )


def _checks(study: Study, verbose: bool) -> Iterator[Block]:
    if verbose:
        words = {True: "yes", False: "NO", None: "not checked"}
        rows = tuple((g.name, words[g.passed], g.evidence) for g in study.gates)
        yield Table(("Before any number", "", "Evidence"), rows)
    else:
        good = [g.name for g in study.gates if g.passed]
        if good:
            yield Text(f"Checked: {'; '.join(good)}.", "note")
    a = study.agreement
    if a is not None and a.agrees:
        how = (
            f"run by run, to {a.furthest:.1g} of the distance between two runs"
            if a.rounding
            else f"in distribution (p = {number(a.p)}), not run by run: rounding is amplified"
        )
        yield Text(f"{a.n} replicas were trained by plain `fit`, too: {a.engine} agrees {how}.",
                   "note")  # fmt: skip
    if study.refused:
        why = "; ".join(f"{name}: {reason}" for name, reason in study.refused.items())
        yield Text(f"Not redrawn: {why}.", "note")


def _details(study: Study) -> Iterator[Block]:
    for measure, worth in study.worth.items():
        rows = tuple(
            (
                w.source,
                bounds(w.total, number),
                bounds(w.main, number),
                str(w.total.n),
                w.total.note,
            )
            for w in worth
        )
        title = f"By {study.outcome.metric if measure == METRIC else measure}"
        yield Table(("Source", "Total effect", "Main effect", "Blocks", ""), rows, title)
    if study.flips is not None and study.flips.most:
        rows = tuple((str(i), percent(rate)) for i, rate in study.flips.most)
        title = f"Examples of the {study.flips.where} that flip most (positions from 0)"
        yield Table(("Example", "Two runs disagree"), rows, title, frozenset({"Example"}))


def _open(study: Study) -> Iterator[Block]:
    if study.open:
        parts = [
            o.question + ("" if o.blocks is None else f" (about {count(o.blocks, 'more block')})")
            for o in study.open
        ]
        yield Text(f"Still unknown: {'; '.join(parts)}.")
        wanted = [o.blocks for o in study.open if o.blocks]
        if wanted and study.path:
            total = int(study.plan.get("blocks", 0)) + max(wanted)
            yield Text(f"To go on: --resume --blocks {total}", "note")
