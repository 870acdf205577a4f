"""Two calls of a script explained: chosen, compared, run as hybrids, put into an answer."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from whydiff.core.call_hybrids import Measurement
from whydiff.core.calls import MeasuringCall
from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import OutOfTime, TransferError
from whydiff.core.findings import CONFIRMED, DIFFERS, Explanation
from whydiff.core.progress import Progress
from whydiff.core.recording import BATCH_LOG_READ, STEP, Execution, Fit
from whydiff.diagnosis.calls.answer import Scene, all_agree, answer_calls, two_agree
from whydiff.diagnosis.calls.cuts import named_by_cut
from whydiff.diagnosis.calls.fields import Compared, compare, with_programs
from whydiff.diagnosis.calls.fields.mode import trained_without_flag
from whydiff.diagnosis.calls.heads import head_of
from whydiff.diagnosis.calls.logged import emptied_by, judge_parts, judge_step, logged_divergence
from whydiff.diagnosis.calls.loops import fed_in_another_order, of_a_loop
from whydiff.diagnosis.calls.numbers import judge_mean, judge_position, judge_taken
from whydiff.diagnosis.calls.origins import ASSIGNED, weights_story
from whydiff.diagnosis.calls.own_loops import last_steps, with_steps
from whydiff.diagnosis.calls.pairs.beside import printed_pair
from whydiff.diagnosis.calls.pairs.choosing import (
    alike,
    asked_for,
    call_at,
    chosen,
    disagreements,
    first_difference,
    independent,
    wanted_calls,
)
from whydiff.diagnosis.calls.pairs.disagreement import (
    FIT_ROWS,
    LABELS_MOVE,
    MEASURED_AGAIN,
    ROWS_CORRESPOND,
    STEP_ROWS,
    VALIDATION_ROWS,
    Disagreement,
)
from whydiff.diagnosis.calls.pairs.fits import validated
from whydiff.diagnosis.calls.pairs.metric_names import (
    loss_as_metric,
    names_of_outputs,
    threshold_of,
)
from whydiff.diagnosis.calls.pairs.scores import power_of_score, read_by, reshuffled, source_read
from whydiff.diagnosis.calls.printed import with_runtimes
from whydiff.diagnosis.calls.related import scaled_within
from whydiff.diagnosis.calls.results import (
    Call,
    kind_of,
    number_of,
    said,
    said_both,
    same_result,
    scope,
    values_of,
)
from whydiff.diagnosis.calls.scored import Against, judge_score
from whydiff.diagnosis.calls.trials import CallTrials, run_trials
from whydiff.diagnosis.calls.two_metrics import judge_logged_metrics, judge_two_metrics
from whydiff.diagnosis.calls.validated import judge_validation
from whydiff.diagnosis.calls.verdict import (
    Verdict,
    first_divergence,
    fits_behind,
    judge,
    named_more,
)
from whydiff.diagnosis.mechanisms import mechanism
from whydiff.diagnosis.sources.seeds import seeded_apart
from whydiff.experiments.explain.call_inputs import (
    Fed,
    same_samples,
    with_inputs_related,
    with_layers,
)
from whydiff.experiments.explain.call_places import Pair, with_places
from whydiff.experiments.explain.sides import run_alike
from whydiff.experiments.explain.texts import text_of
from whydiff.runner.client import Run
from whydiff.runner.hybrid_trainer import ProcessCallRunner
from whydiff.runner.messages import (
    AdoptCall,
    JoinCalls,
    LossParts,
    MeasureByPosition,
    OwnFit,
    PackCall,
    RelateRows,
    RelateWeights,
    Requestable,
    Rescore,
    RestrictCall,
    SameRows,
    TwoMetrics,
    ValidationParts,
)  # fmt: skip
from whydiff.runner.running import Ran, check_run_watched
from whydiff.script_text.runtimes import other_runtimes

BETWEEN_STEPS = (
    "What a callback reads of the log between two steps is the mean over the batches of the epoch "
    "so far, not the number of one batch; the log compared here is that of the whole epoch."
)
#: Pairs that are checked on their values before none is taken.
MOST_CHECKED = 12


@dataclass(frozen=True, eq=False)
class Site:
    """A process that ran a script, what it recorded, and what the script is called."""

    process: Requestable
    execution: Execution
    script: str
    folder: Path
    recording: Path
    run: Run | None = None  # how the script was run; None where that is not known


def site_of(ran: Ran, folder: Path) -> Site:
    """A script's process; WhydiffError where no use of a model was observed."""
    execution, child = ran.recorded("compared", check=False), ran.child
    check_run_watched(execution, child.run)
    return Site(child, execution, str(child.run.script), folder, child.recording, child.run)


def independent_models(site: Site, progress: Progress, metric: str | None) -> Explanation | None:
    """Two models of a script that trains nothing, built apart: explained, if there are two."""
    found = choose(site, metric, only_independent=True)
    return explain_pair(site, found, progress) if found else None


def inside_one_run(
    site: Site, progress: Progress, metric: str | None, only_clear: bool = False
) -> Explanation | None:
    """The worst disagreement of one run explained, else two models that loops of the script's own
    trained apart; None where there is none.

    ``only_clear``: only if it is more than rounding or a fit's log that is off.
    """
    found = choose(site, metric, only_independent=False)
    if not found and not only_clear:
        steps = last_steps(site.execution)
        found = [] if steps is None else [chosen(*steps, metric)]
    if not found or (only_clear and not found[0].clear):
        return None
    explained = explain_pair(site, found, progress)
    text = "" if site.run is None else text_of(site.run.script)
    return with_runtimes(explained, other_runtimes(text))


def calls_at(site: Site, lines: tuple[int, int]) -> tuple[int, int]:
    """Numbers of the last calls that the script makes at two lines."""
    first, second = (number_of(call_at(site.execution, line)) for line in lines)
    return first, second


def explain_chosen(
    site: Site,
    wanted: tuple[int, int],
    progress: Progress,
    metric: str | None,
    lines: tuple[int, int] | None = None,
) -> Explanation:
    """Two calls that a person chose by number, or by the ``lines`` that made them."""
    a, b = wanted_calls(site.execution, wanted)
    if isinstance(b, Fit) and isinstance(a, MeasuringCall):
        a, b = b, a
    if isinstance(b, Fit):
        raise WhydiffError(
            f"calls {wanted[0]} and {wanted[1]} are both trainings",
            "Compare trainings with --fits I,J.",
        )
    known = asked_for(site.execution, wanted, lines, metric)
    if known is None and {"score"} & {kind_of(a), kind_of(b)}:
        raise WhydiffError(
            f"{said(a)} and {said(b)} measured nothing that could be compared",
            "A score is compared with evaluate, or with fit's validation, of the same samples.",
        )
    pair = known or chosen(a, b, metric)
    try:
        alike = pair.check not in (FIT_ROWS, STEP_ROWS, VALIDATION_ROWS) or holds(site, pair)
    except OutOfTime:
        raise WhydiffError(
            f"no time was left to see whether {said(a)} and {said(b)} used the same rows",
            "Give --budget more.",
        ) from None
    if not alike and kind_of(a) == "loop":
        raise WhydiffError(
            f"what {said(a)} logged was measured in its steps, between which the weights moved; it "
            f"is not held against {said(b)}",
            "Call model.evaluate on the training data behind the loop and compare that, or two "
            "loops with --fits I,J.",
        )
    if not alike:
        raise WhydiffError(
            f"{said(a)} and {said(b)} did not use the same rows, so their numbers need not agree",
            "Evaluate on the training data to compare with fit's log.",
        )
    if pair.distance.relative == 0:
        return two_agree(site.execution, site.script, pair)
    others = [d for d in disagreements(site.execution) if {d.a, d.b} != {pair.a, pair.b}]
    return explain_pair(site, [pair, *others], progress)


def two_runs_of_calls(site: Site, other: Site, progress: Progress) -> Explanation | None:
    """The first measuring call that ended otherwise in two runs of a script, of two scripts the
    last; None where none did."""
    scripts = site.script != other.script
    pair = (_last_difference if scripts else first_difference)(site.execution, other.execution)
    if pair is None:
        return None
    a, b = pair
    if isinstance(a, Fit) or isinstance(b, Fit) or "score" in (a.kind, b.kind):
        return None
    return explain_across(site, other, a, b, "scripts" if scripts else "runs", progress)


def _last_difference(a: Execution, b: Execution) -> tuple[Call, Call] | None:
    pairs = alike(a, b)
    if not pairs and not (a.fits and b.fits):
        raise WhydiffError(
            f"no use of a model in {a.script} is of the same kind as one in {b.script}: "
            f"{scope(a.in_order())} vs. {scope(b.in_order())}",
            "Let both do the same with their model: evaluate, predict, or call it on arrays.",
        )
    return next(((x, y) for x, y in pairs if not same_result(x, y)), None)


def choose(site: Site, metric: str | None, only_independent: bool) -> list[Disagreement]:
    """The disagreement to explain, then the others; [] where there is none.

    ``only_independent``: only two models built apart, which come before two runs.
    """
    found = disagreements(site.execution, metric)
    if only_independent:
        first = independent(site.execution, metric)
        return [] if first is None else [first, *found]
    checked = 0
    for i, pair in enumerate(found):
        if pair.check and checked >= MOST_CHECKED:
            continue
        checked += bool(pair.check)
        if holds(site, pair):
            return [pair, *found[:i], *found[i + 1 :]]
    return []


def holds(site: Site, pair: Disagreement) -> bool:
    """Whether the two measured the same, where only the values can tell."""
    a, b = pair.a, pair.b
    if pair.check in (FIT_ROWS, STEP_ROWS, VALIDATION_ROWS) and isinstance(b, MeasuringCall):
        assert isinstance(a, Fit)
        validation = pair.check == VALIDATION_ROWS
        return site.process.request(SameRows(a.index, b.number, validation, a.notes.get(STEP)))
    if pair.check == LABELS_MOVE:
        return _position(site, pair).reproduced
    if pair.check == MEASURED_AGAIN:
        with contextlib.suppress(TransferError, WhydiffError):
            verdict = _of_numbers(site, pair)
            return verdict is not None and verdict.reproduced
        return False
    if pair.check == ROWS_CORRESPOND:
        fed = _fed(site, pair)
        return fed is not None and same_samples(fed)
    return True


def served(site: Site, call: MeasuringCall) -> int:
    """The number under which the process runs a call again; that of a loop's calls, or of some
    rows of one, is made."""
    joined, part = call.notes.get("joined"), call.notes.get("part")
    number = site.process.request(JoinCalls(tuple(joined))) if joined else call.number
    return site.process.request(RestrictCall(number, tuple(part))) if part else number


def _fed(site: Site, pair: Disagreement) -> Fed | None:
    """What two measuring calls of one run were given; None of a fit."""
    a, b, events = pair.a, pair.b, site.execution.events
    if not isinstance(a, MeasuringCall) or not isinstance(b, MeasuringCall):
        return None
    return Fed(site.process, a, b, (served(site, a), served(site, b)), (events, events))


def explain_pair(
    site: Site,
    found: Sequence[Disagreement],
    progress: Progress,
) -> Explanation:
    """The first of these disagreements explained; the others are listed."""
    pair, others = found[0], found[1:]
    progress.step("comparing {} with {}".format(*said_both(pair.a, pair.b)))
    try:
        verdict = _of_numbers(site, pair)
    except (TransferError, WhydiffError) as why:
        reason = str(why).rstrip(".")
        verdict = Verdict(
            unexplained=1.0, reproduced=False, notes=(f"No cause is confirmed: {reason}.",)
        )
    if verdict is not None:
        verdict = _with_places(site, pair.a, pair.b, verdict)
        point = logged_divergence(pair.distance.metric)
        return answer_calls(pair, verdict, point, Scene(site.execution, site.script, others=others))
    assert isinstance(pair.a, MeasuringCall) and isinstance(pair.b, MeasuringCall)
    return _measured(site, pair, pair.a, pair.b, others, progress)


def _of_numbers(site: Site, pair: Disagreement) -> Verdict | None:
    """The verdict where numbers are compared that were measured by two rules; else None."""
    a, b, metric = pair.a, pair.b, pair.distance.metric
    assert isinstance(b, MeasuringCall)
    if b.score and b.score.beside:
        first, second = printed_pair(pair)
        number = OwnFit(a.index) if isinstance(a, Fit) else a.number
        trained = isinstance(a, Fit) and not metric.startswith("val_")
        both = (first.metric, second.metric)
        measured = site.process.request(TwoMetrics(number, both, trained))
        if trained:
            return judge_logged_metrics(measured, first, second, values_of(a))
        given = {**(validated(a) if isinstance(a, Fit) else a.values), **b.values}
        return judge_two_metrics(measured, first, second, given)
    if b.score:
        reads = read_by(site.execution, b)
        assert reads is not None
        if b.score.key is not None and isinstance(a, MeasuringCall):
            return judge_taken(a, b, reads, metric)
        if b.score.is_mean and isinstance(a, MeasuringCall):
            numbers = b.notes.get("means") or b.notes["reads"]
            calls = [call for call in site.execution.calls if call.number in numbers]
            return judge_mean(a, b, calls, metric)
        evaluate = OwnFit(a.index) if isinstance(a, Fit) else a.number
        read = served(site, reads)
        power = power_of_score(a, b, metric)
        values = site.process.request(Rescore(evaluate, b.number, read, metric, power))
        against = Against(
            metric,
            float(pair.distance.a or 0.0),
            validation=isinstance(a, Fit),
            source=source_read(a, reads),
            reshuffled=reshuffled(a, reads),
            training=reads.recipe.mode.get("training"),
            weights=None if isinstance(a, Fit) else weights_story(site.execution, a, reads),
            threshold=threshold_of(a, metric),
            without_flag=trained_without_flag(reads),
            outputs=names_of_outputs(a),
            power=power,
            plain_loss=loss_as_metric(a),
            head=head_of(a, reads),
        )
        verdict = judge_score(values, b, against)
        if not isinstance(a, Fit) and "input-in-another-form" in {
            c.mechanism for c in verdict.causes
        }:
            related = site.process.request(RelateRows(a.number, read))
            texts = [text for text in related.texts if text]
            verdict = named_more(verdict, "data-content", texts[0]) if texts else verdict
            verdict = scaled_within(verdict, a, related.factors)
            events = site.execution.events
            fed = Fed(site.process, a, reads, (a.number, read), (events, events))
            verdict = with_layers(verdict, fed)
        return verdict
    if isinstance(a, Fit):
        if pair.check == VALIDATION_ROWS:
            parts = site.process.request(ValidationParts(a.index, b.number, metric))
            return judge_validation(parts, a, b, metric)
        own = "validation of" in b.notes
        other = OwnFit(a.index) if own else b.number
        emptied = emptied_by(a, site.execution.calls)
        step = a.notes.get(STEP)
        parts = site.process.request(LossParts(a.index, other, metric, bool(emptied), step))
        if step is not None:
            return judge_step(parts, metric)
        by = "validation" if own else "evaluate"
        verdict = judge_parts(parts, metric, b.recipe.origins, by, emptied)
        between = (BETWEEN_STEPS,) if a.notes.get(BATCH_LOG_READ) else ()
        return replace(verdict, notes=(*verdict.notes, *between))
    return _position(site, pair) if pair.check == LABELS_MOVE else None


def _with_places(site: Site, a: Call, b: Call, verdict: Verdict) -> Verdict:
    """The verdict with the lines of the script that its causes come from, where that is known."""
    assert isinstance(b, MeasuringCall)
    read = (read_by(site.execution, b) if b.score else None) or b
    return with_places(verdict, Pair(a, b, read, site.execution.events), site.run)


def _position(site: Site, pair: Disagreement) -> Verdict:
    """The verdict on rows of evaluate and predict that stand at other positions."""
    a, b, metric = pair.a, pair.b, pair.distance.metric
    assert isinstance(a, MeasuringCall) and isinstance(b, MeasuringCall)
    try:
        values = site.process.request(MeasureByPosition(a.number, b.number, metric))
    except (TransferError, WhydiffError):
        values = {}
    return judge_position(values, metric, float(a.values[metric]))


def _measured(
    site: Site,
    pair: Disagreement,
    a: MeasuringCall,
    b: MeasuringCall,
    others: Sequence[Disagreement],
    progress: Progress,
) -> Explanation:
    compared = compare(a, b, site.execution.events)
    progress.step("running hybrids of {} and {}".format(*said_both(a, b)))

    runner = ProcessCallRunner(site.process, lambda: (served(site, a), served(site, b)), compared)
    trials = run_trials(runner, compared.movable, (a, b), pair.distance.metric)
    verdict = judge(compared, trials)
    with contextlib.suppress(OutOfTime):
        verdict = _described(site, pair, verdict, runner)
    verdict = _with_places(site, a, b, verdict)
    verdict = with_steps(verdict, (site.execution, site.execution), a, b)
    point = first_divergence(a, b, compared, trials)
    scene = Scene(site.execution, site.script, others=others)
    found = answer_calls(pair, verdict, point, scene, trials)
    fits = fits_behind(a, b, verdict)
    return replace(found, evidence={**found.evidence, "fits": fits}) if fits else found


def explain_across(
    site: Site, other: Site, a: MeasuringCall, b: MeasuringCall, between: str, progress: Progress
) -> Explanation:
    """Two calls of two runs: values travel to the other's process as arrays, models stay."""
    pair = chosen(a, b)
    events = site.execution.events, other.execution.events
    compared = with_programs(compare(a, b, *events), pair.distance.metric)
    progress.step(f"running hybrids of {said(a)} in two runs")

    numbers = served(site, a), served(other, b)

    def prepare() -> tuple[int, int]:
        (own, number), (its, counterpart) = zip((a, b), numbers, strict=True)
        _lend(other, its, counterpart, site, number)
        _lend(site, own, number, other, counterpart)
        return number, 0

    runner = ProcessCallRunner(site.process, prepare, compared, (other.process, 0, numbers[1]))
    trials = run_trials(runner, compared.movable, (a, b), pair.distance.metric)
    executions = site.execution, other.execution
    once_more = site.run is not None and other.run is not None and run_alike(site.run, other.run)
    apart = seeded_apart(*executions) if once_more else []
    verdict = _between_runs(judge(compared, trials), compared, apart)
    if any(c.source in compared.structure and c.status == CONFIRMED for c in verdict.causes):
        verdict = _layer(verdict, runner, compared.structure[0], str(site.folder / "layers"))
    if "data-content" in {c.source for c in verdict.causes} and not trials.failure:
        with contextlib.suppress(OutOfTime):
            fed = Fed(site.process, a, b, (numbers[0], 0), events, one_run=False)
            verdict = with_inputs_related(verdict, fed)
    verdict = fed_in_another_order(verdict, a, b, executions)
    verdict = _with_places(other, a, b, verdict)
    point = first_divergence(a, b, compared, trials)
    others = disagreements(site.execution)
    scene = Scene(site.execution, site.script, other.script, between, others, other.execution)
    verdict = of_a_loop(verdict)
    if not once_more:  # there chance decides, and a seed is tried
        verdict = with_steps(verdict, executions, a, b)
    return answer_calls(pair, verdict, point, scene, trials)


def _lend(there: Site, call: MeasuringCall, number: int, here: Site, like: int) -> None:
    """Give a call of one process, ``number`` there, to another, beside its call ``like``."""
    file = str(here.folder / f"call-{number}-for-{like}")
    there.process.request(PackCall(number, file))
    parts = tuple(call.notes.get("joined") or [call.number])
    here.process.request(AdoptCall(file, str(there.recording), parts, like))


#: Why no hybrid of measuring calls is run where one of them is in a recording.
RECORDED = (
    "of what evaluate and predict were given a recording holds digests, not the inputs and weights "
    "that a hybrid is run with"
)


def of_two_records(a: Execution, b: Execution) -> Explanation | None:
    """The first measuring call that ended otherwise in two runs, from what was recorded of both.

    No hybrid is run. None where no two such calls were recorded, or none
    differs beside fits that are compared.
    """
    scripts = [Path(run.script).name for run in (a, b)]
    again = scripts[0] == scripts[1]
    if not a.calls or not b.calls:
        return None
    pair = (first_difference if again else _last_difference)(a, b)
    if pair is None:
        return None if a.fits or b.fits else all_agree(b, scripts[1], 2)
    one, other = pair
    if not isinstance(one, MeasuringCall) or not isinstance(other, MeasuringCall):
        return None
    compared = compare(one, other, a.events, b.events)
    found = chosen(one, other)
    nothing = Measurement()
    trials = CallTrials(found.distance.metric, nothing, nothing, failure=RECORDED)
    point = first_divergence(one, other, compared, None)
    between = "runs" if again else "scripts"
    scene = Scene(a, scripts[0], scripts[1], between, execution_b=b)
    return answer_calls(found, judge(compared, trials), point, scene, trials)


def _between_runs(verdict: Verdict, compared: Compared, apart: Sequence[str]) -> Verdict:
    """What two runs say of weights that were drawn apart: no seed, or one that draws otherwise.

    ``apart`` are seedings of one program, run twice in one way, that were others in each run: that
    is nobody's wish.
    """
    surroundings = [compared.finding(s) for s in ("backend", "version")]
    other = next((f for f in surroundings if f is not None and f.status == DIFFERS), None)
    causes = []
    for cause in verdict.causes:
        if cause.mechanism == "drawn-apart":
            advice = "Call keras.utils.set_random_seed(seed) before the model is built."
            if apart:
                advice = mechanism("clock-seed").remedy
                detail = f"{cause.detail}; {apart[0]}, although the script was run in the same way"
                cause = replace(cause, detail=detail, mechanism="clock-seed", intended=False)
            if other is not None:
                detail = f"{cause.detail}; a seed draws other numbers there ({other.evidence})"
                advice = "Save the weights once (model.save_weights) and load them in both."
                cause = replace(cause, detail=detail)
            cause = replace(cause, remedy=advice)
        causes.append(cause)
    return replace(verdict, causes=tuple(causes))


def _described(
    site: Site,
    pair: Disagreement,
    verdict: Verdict,
    runner: ProcessCallRunner,
) -> Verdict:
    """What the values say beyond the digests: how inputs are related, which setting it is."""
    named = {c.source: c.mechanism for c in verdict.causes}
    fed = _fed(site, pair) if "data-content" in named else None
    verdict = verdict if fed is None else with_inputs_related(verdict, fed)
    if named.get("weights") in ASSIGNED:
        assert isinstance(pair.a, MeasuringCall) and isinstance(pair.b, MeasuringCall)
        to = site.process.request(RelateWeights(served(site, pair.a), served(site, pair.b)))
        text = f"the values of one side are the other's, rounded to {to}"
        verdict = named_more(verdict, "weights", text, "weights-rounded") if to else verdict
    if any(c.source == "batch-size" and not c.mechanism for c in verdict.causes):
        with contextlib.suppress(TransferError, WhydiffError):
            metric = pair.distance.metric
            verdict = named_by_cut(verdict, runner.cuts(metric), metric)
    elif named.get("batch-size") == "rows-depend-on-their-batch":
        with contextlib.suppress(TransferError, WhydiffError):
            seen = runner.mixing()
            text = f"{seen.layer} ({seen.kind}) is the first layer to do so"
            verdict = named_more(verdict, "batch-size", text) if seen.layer else verdict
    if "architecture" in named or verdict.unexplained > 0.05:
        verdict = _layer(verdict, runner)
    return verdict


def _layer(
    verdict: Verdict, runner: ProcessCallRunner, source: str = "architecture", file: str = ""
) -> Verdict:
    try:
        seen = runner.otherwise(file)
    except (TransferError, WhydiffError):
        return verdict
    if not seen.layer:
        return verdict
    text = f"{seen.layer} ({seen.kind}) is the first layer to answer otherwise on equal input"
    settings = [
        f"{s.name} {s.a} vs. {s.b}"
        + (": swapped in alone, it gives the other's answer" if s.proven else "")
        for s in seen.settings[:3]
    ]
    if settings:
        text += f"; {'; '.join(settings)}"
    if any(c.source == source for c in verdict.causes):
        return named_more(verdict, source, text)
    return Verdict(
        verdict.causes, verdict.excluded, verdict.unknown, verdict.unexplained,
        verdict.reproduced, (*verdict.notes, f"{text[:1].upper()}{text[1:]}."),
    )  # fmt: skip
