"""The explanation of two calls, put together."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import CONFIRMED, Divergence, Explanation, Remedy
from whydiff.core.recording import MEASURED_WITHIN, TRACED, Execution, Fit
from whydiff.core.words import capital, count, number
from whydiff.diagnosis.calls.loops import TRAINED
from whydiff.diagnosis.calls.pairs.choosing import disagreements, in_comparison
from whydiff.diagnosis.calls.pairs.disagreement import Disagreement
from whydiff.diagnosis.calls.results import (
    OUTPUTS,
    WEIGHTS,
    Call,
    described,
    kind_of,
    line_of,
    lines_of,
    number_of,
    said,
    said_both,
    same_result,
    scope,
    values_of,
)
from whydiff.diagnosis.calls.rows import differing_rows
from whydiff.diagnosis.calls.trials import CallTrials
from whydiff.diagnosis.calls.unwatched import loops_apart
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.diagnosis.files import MECHANISM as CARRIED, carried_between, told_between
from whydiff.diagnosis.mechanisms import mechanism
from whydiff.diagnosis.sources.layers import last_activation
from whydiff.stats.distances import churn

#: Further disagreements that are listed.
MOST_OTHERS = 5
#: Calls that are shown of a script.
MOST_SHOWN = 40
#: A cause with a smaller share has no advice of its own on the first screen.
WORTH_ADVICE = 0.1


@dataclass(frozen=True, eq=False)
class Scene:
    """Where two calls stand: in one run of one script ("calls"), or each in a run of its own."""

    execution: Execution
    script: str
    script_b: str = ""  # where it is another
    between: str = "calls"
    others: Sequence[Disagreement] = ()
    execution_b: Execution | None = None  # where it is another script's


def answer_calls(
    pair: Disagreement,
    verdict: Verdict,
    point: Divergence,
    scene: Scene,
    trials: CallTrials | None = None,
) -> Explanation:
    """The explanation of one disagreement."""
    a, b, between = pair.a, pair.b, scene.between
    lines = lines_of(a, b)
    scripts = (scene.script, scene.script_b or scene.script)
    return Explanation(
        question=_question(a, b, scripts, between),
        between=between,
        a={"script": scripts[0], **described(a, lines[0])},
        b={"script": scripts[1], **described(b, lines[1])},
        chosen=_chosen(a, b, scripts, between),
        identical=False,
        first_divergence=point,
        causes=verdict.causes,
        excluded=verdict.excluded,
        unknown=verdict.unknown,
        unexplained=verdict.unexplained,
        gap=_gap(pair, trials),
        remedy=_remedy(verdict),
        notes=(*verdict.notes, *positions(a, b), _seen(scene)),
        evidence={**_evidence(trials), **_rows(a, b), "calls": _strips(scene, a, b)},
        reproduced=verdict.reproduced,
        others=others_listed(scripts[0], scene.others, pair),
    )


def _question(a: Call, b: Call, scripts: tuple[str, str], between: str) -> str:
    script, other_script = scripts
    if other_script != script:
        return f"Why do {said(a)} of {script} and {said(b)} of {other_script} differ?"
    if between == "runs":
        return f"Why does {said(a)} of {script} differ between two runs?"
    one, other = said_both(a, b)
    return f"Why do {one} and {other} of {script} differ?"


def _chosen(a: Call, b: Call, scripts: tuple[str, str], between: str) -> str:
    script, other_script = scripts
    if other_script != script:
        return f"{said(a)} of {script} and {said(b)} of {other_script}"
    if between == "runs":
        return f"{said(a)} in two runs of {script}; --calls I,J compares two calls of one"
    one, other = said_both(a, b)
    numbers = number_of(a), number_of(b)
    one_call = numbers[0] == numbers[1]
    numbered = f"call {numbers[0]}" if one_call else "calls {} and {}".format(*numbers)
    return (
        f"{one} and {other} ({numbered}) of {script}; "
        "--calls I,J picks others, --runs compares two runs"
    )


def positions(*calls: Call) -> list[str]:
    """What stands where in the lists that calls of evaluate returned: a position is easily taken
    for another metric."""
    found = []
    for call in calls:
        names = call.notes.get("listed") if isinstance(call, MeasuringCall) else None
        if isinstance(names, list) and len(names) > 2:
            text = ", ".join(f"[{i}] {name}" for i, name in enumerate(names))
            found.append(f"{capital(said(call))} returns a list: {text}.")
    return list(dict.fromkeys(found))


def _gap(pair: Disagreement, trials: CallTrials | None) -> dict[str, Any]:
    d = pair.distance
    told: dict[str, Any] = {"metric": d.metric, "a": d.a, "b": d.b, "relative": d.relative}
    if isinstance(pair.b, MeasuringCall) and "here" in pair.b.notes:
        told["metric_b"] = pair.b.notes["here"]
    if trials is not None and not trials.failure:
        a, b = (list(m.outputs) for m in (trials.a, trials.b))
        if a and b:
            # With no activation in the last layer outputs are no probabilities, even where all of
            # them happen to be between 0 and 1.
            linear = any(
                last_activation(call.recipe.architecture) == "linear" for call in (pair.a, pair.b)
            )
            if not linear and all(map(_are_probabilities, (*a, *b))):
                told["predictions_differ"] = churn(a, b)
            told["distance"] = trials.whole
        if d.metric in (OUTPUTS, WEIGHTS):
            told["relative"] = trials.apart(trials.a, trials.b)[0]
    return told


def _are_probabilities(output: np.ndarray) -> bool:
    """Whether an output is that of a sigmoid, or a softmax over its last axis."""
    values = np.asarray(output, np.float64)
    if not values.ndim or not values.size or values.min() < 0 or values.max() > 1:
        return False
    single = values.ndim == 1 or values.shape[-1] == 1
    return single or bool(np.allclose(values.sum(-1), 1.0, atol=0.02))


def _remedy(verdict: Verdict) -> Remedy:
    advice = [
        c.remedy
        for c in verdict.causes
        if c.remedy and c.status == CONFIRMED and (c.share is None or abs(c.share) >= WORTH_ADVICE)
    ]
    advice = advice or [c.remedy for c in verdict.causes if c.remedy]
    meant = [
        f"The difference of {c.source} is intentional: the script asks for it."
        for c in verdict.causes
        if c.intended and c.status == CONFIRMED
    ]
    return Remedy("", False, " ".join(dict.fromkeys([*advice[:2], *meant[:1]])))


def _evidence(trials: CallTrials | None) -> dict[str, Any]:
    if trials is None:
        return {}
    whole = trials.whole if not trials.failure else 0.0
    rows = [
        {
            "from B": sorted(coalition),
            "distance": trials.value(measured) / whole if whole else 0.0,
            "values": dict(measured.values),
        }
        for coalition, measured in sorted(trials.hybrids.items(), key=lambda i: sorted(i[0]))
    ]
    return {"hybrids": rows, "refused": dict(trials.refused)} if rows else {}


def _strips(scene: Scene, a: Call, b: Call) -> list[dict[str, Any]]:
    """The calls of the script; of two scripts those of A, then those of B."""
    if scene.execution_b is None or scene.script_b in ("", scene.script):
        return strip(scene.execution, {number_of(b): "B", number_of(a): "A"})
    sides = ("A", scene.execution, a), ("B", scene.execution_b, b)
    return [
        {"of": side, **told}
        for side, execution, call in sides
        for told in strip(execution, {number_of(call): side})
    ]


def strip(execution: Execution, sides: Mapping[int, str]) -> list[dict[str, Any]]:
    """The calls of a script in their order with what they gave; ``sides`` marks the compared ones
    by their numbers.

    Of many calls from one line the first and those of the pair are listed.
    """
    seen: set[tuple[object, ...]] = set()
    found: list[dict[str, Any]] = []
    for call in execution.in_order():
        place = (kind_of(call), line_of(call))
        side = sides.get(number_of(call), "")
        if (place in seen and not side) or len(found) >= MOST_SHOWN:
            continue
        seen.add(place)
        outputs = call.outputs if isinstance(call, MeasuringCall) else ()
        values = next((o.values for o in outputs if o.values is not None and o.values.size), None)
        mean = None
        if values is not None and values.dtype.kind in "biuf":
            mean = float(np.mean(values, dtype=np.float64))
        found.append(
            {
                **_short(call, line_of(call)),
                "side": side,
                "values": dict(values_of(call)),
                "shape": list(outputs[0].shape) if outputs else None,
                "mean": mean,
            }
        )
    return found


def _rows(a: Call, b: Call) -> dict[str, Any]:
    if not isinstance(a, MeasuringCall) or not isinstance(b, MeasuringCall):
        return {}
    rows = differing_rows(a, b)
    return {"rows": rows} if rows else {}


def others_listed(
    script: str, found: Sequence[Disagreement], shown: Disagreement | None = None
) -> tuple[dict[str, Any], ...]:
    """Other disagreements, one for each pair of lines, with the command that explains each."""
    listed: list[dict[str, Any]] = []
    seen = {_lines(shown)} if shown is not None else set()
    for d in found:
        if _lines(d) in seen or d.check or d.distance.rounding:
            continue
        seen.add(_lines(d))
        pair = f"{number_of(d.a)},{number_of(d.b)}"
        listed.append(
            {
                "a": _short(d.a, lines_of(d.a, d.b)[0]),
                "b": _short(d.b, lines_of(d.a, d.b)[1]),
                "metric": d.distance.metric,
                "a_value": d.distance.a,
                "b_value": d.distance.b,
                "relative": d.distance.relative,
                "command": shlex.join(["whydiff", "explain", script, "--calls", pair]),
            }
        )
    return tuple(listed[:MOST_OTHERS])


def _lines(d: Disagreement | None) -> tuple[object, ...]:
    if d is None:
        return ()
    return tuple(
        (kind_of(c), tuple((f.file, f.line) for f in c.stack), c.model) for c in (d.a, d.b)
    )


def _short(call: Call, line: int | None) -> dict[str, Any]:
    told = described(call, line)
    return {k: told[k] for k in ("call", "line", "place", "number", "model", "name") if k in told}


def _seen(scene: Scene) -> str:
    """What was watched in the script, or in each of the two."""
    if scene.execution_b is None or scene.script_b in ("", scene.script):
        return agreement(scene.execution)
    one, other = (
        scope(execution.in_order()) + _beyond(execution)
        for execution in (scene.execution, scene.execution_b)
    )
    return f"Watched in each: {one}." if one == other else f"Watched in A: {one}; in B: {other}."


def agreement(execution: Execution) -> str:
    """What was watched in the execution, and what was seen not to be."""
    return f"Watched in this script: {scope(execution.in_order())}{_beyond(execution)}."


def _beyond(execution: Execution) -> str:
    """What a callback measured while a fit ran, and what the script compiled for itself."""
    lines = execution.environment.get(TRACED)
    trains = any(kind_of(fit) == "loop" for fit in execution.fits)  # it may be the step of that
    told = []
    if lines and not trains:
        told = [f"the compiled function that calls the model by stateless_call (line {lines})"]
    told += [
        f"{what}, called {count(int(n), 'time')} within fit {fit.index}"
        for fit in execution.fits
        for what, n in dict(fit.notes.get(MEASURED_WITHIN) or {}).items()
    ]
    more = f" and {len(told) - MOST_OTHERS} more" if len(told) > MOST_OTHERS else ""
    return f"; not watched: {'; '.join(told[:MOST_OTHERS])}{more}" if told else ""


def all_agree(
    execution: Execution, script: str, executions: int, compared: Sequence[Call] | None = None
) -> Explanation:
    """The answer where nothing disagrees: it names what was watched, and claims no more.

    ``executions`` is the number of runs whose calls were compared, one by one; ``compared`` are
    those of them that had a counterpart (None: all).
    """
    calls = execution.in_order()
    text = _agreeing(execution, executions, calls if compared is None else compared)
    last = {"script": script, **(described(calls[-1]) if calls else {})}
    return Explanation(
        question=f"Do the results of {script} differ?",
        between="runs" if executions > 1 else "calls",
        a=last,
        b=last,
        chosen=text,
        identical=True,
        first_divergence=None,
        causes=(),
        excluded=(),
        unknown=(),
        unexplained=0.0,
        gap={"metric": "", "a": None, "b": None},
        remedy=Remedy("", False, f"{text}. What was not watched is not known."),
        notes=tuple(positions(*calls)),
    )


def two_agree(execution: Execution, script: str, pair: Disagreement) -> Explanation:
    """The answer where two calls that a person chose are equal in what they are compared by."""
    one, other = said_both(pair.a, pair.b)
    metric, value = pair.distance.metric, pair.distance.a
    what = metric if value is None else f"{metric}: {number(value)}"
    text = f"{one} and {other} give the same {what}"
    if same_result(pair.a, pair.b):
        text += ", and are equal bit for bit"
    lines = lines_of(pair.a, pair.b)
    return replace(
        all_agree(execution, script, 1),
        a={"script": script, **described(pair.a, lines[0])},
        b={"script": script, **described(pair.b, lines[1])},
        chosen=text,
        gap={"metric": metric, "a": value, "b": value},
        remedy=Remedy("", False, f"{text}."),
    )


def _agreeing(execution: Execution, executions: int, calls: Sequence[Call]) -> str:
    """What was compared with what, and what differs as it should."""
    if executions > 1:
        head = f"{scope(calls)} {_agree(len(calls))} bit for bit in {executions} runs"
    elif len(calls) < 2:
        head = f"{scope(calls)}, and nothing in this run to compare it with"
    else:
        head = f"no two of {scope(calls)} that ought to agree differ"
    return "; ".join((head, *_within(execution)))


def _within(execution: Execution) -> list[str]:
    """How many calls of one run were seen to agree, and which differ as they should."""
    equal, meant = in_comparison(execution)
    found = []
    if equal:
        found = [f"{count(equal, 'pair')} of calls on the same samples {_agree(equal)} in one run"]
    elif len(execution.calls) > 1:
        found = ["within one run no two of these calls gave results that could be compared"]
    return [*found, *meant[:MOST_OTHERS]]


def _agree(n: int) -> str:
    return "agrees" if n == 1 else "agree"


def with_unwatched_loop(explanation: Explanation, execution: Execution) -> Explanation:
    """The answer with what it lacks where a loop of the script's own trains the model."""
    origins = (origin for call in execution.calls for origin in call.recipe.origins)
    trained = next((o for o in origins if o.kind in ("unwatched", "given")), None)
    if trained is None or any("not watched" in note for note in explanation.notes):
        return explanation
    apart = loops_apart(execution.events)
    note = (
        f"The model's weights were {trained.text}, so of the training itself "
        f"{'only the optimizer is known. In ' + apart + '. ' if apart else 'nothing is known. '}"
        "`with whydiff.watch(model, optimizer=optimizer) as loop:` around it lets two trainings be "
        "compared step by step."
    )
    return replace(explanation, notes=(*explanation.notes, note))


def with_file_state(explanation: Explanation, a: Execution, b: Execution) -> Explanation:
    """The answer on calls of two runs, where the later one was given the weights that a call of the
    earlier had used, and has read a file which that wrote: what the file holds is the cause."""
    paths = carried_between(a, b)
    later, side = (b, explanation.b) if a.started <= b.started else (a, explanation.a)
    earlier = a if later is b else b
    call = next((c for c in later.calls if c.number == side.get("number")), None)
    if not paths or call is None or not call.recipe.weights:
        return explanation
    mine = [t.digest for t in call.recipe.weights]
    trained = (c for c in earlier.calls if {o.kind for o in c.recipe.origins} & TRAINED)
    if not any([t.digest for t in c.recipe.weights] == mine for c in trained):
        return explanation
    found = mechanism(CARRIED)
    first = "A" if earlier is a else "B"
    detail = f"{told_between(a, b, paths)}, and uses weights that {first} had trained"
    causes = tuple(
        replace(c, source="state", detail=detail, evidence=f"{detail}; {c.evidence}",
                remedy=found.remedy, mechanism=CARRIED)
        if c.source == "weights" and c.status == CONFIRMED
        else c
        for c in explanation.causes
    )  # fmt: skip
    if causes == explanation.causes:
        return explanation
    kept = tuple(e for e in explanation.excluded if e.source != "state")
    return replace(
        explanation, causes=causes, excluded=kept, remedy=Remedy("", False, found.remedy)
    )


def with_others(explanation: Explanation, execution: Execution) -> Explanation:
    """The answer with what disagrees inside A's execution, which is not what was explained."""
    found = [d for d in disagreements(execution) if not _trained_apart(execution, d)]
    return replace(explanation, others=others_listed(Path(execution.script).name, found))


def _trained_apart(execution: Execution, found: Disagreement) -> bool:
    """Whether two models answer otherwise that two fits left with other weights: why these fits
    differ says why."""
    a, b = found.a, found.b
    if isinstance(a, Fit) or isinstance(b, Fit) or a.model_number == b.model_number:
        return False
    ends = [
        [[t.digest for t in fit.final] for fit in execution.fits if fit.trained(call)]
        for call in (a, b)
    ]
    return all(ends) and all(one != other for one, other in product(*ends))


def watched(explanation: Explanation, execution: Execution, ran_again: bool = False) -> Explanation:
    """The answer that two trainings agree, with the scope of what was watched and no more.

    ``ran_again``: they are of one run, and what a second run watched was equal to all of it.
    """
    seen = f"{scope(execution.in_order())}{_beyond(execution)}"
    more = ", and a second run gives the same" if ran_again else ""
    text = f"The compared trainings agree bit for bit{more}; watched: {seen}"
    text = "; ".join((text, *_within(execution)))
    remedy = Remedy("", False, f"{text}. What was not watched is not known.")
    return replace(explanation, remedy=remedy, notes=(*explanation.notes, f"{text}."))
