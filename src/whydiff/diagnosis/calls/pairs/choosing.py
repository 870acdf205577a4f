"""Which two calls are explained: the worst disagreement, or those that a person asks for."""

from __future__ import annotations

from itertools import combinations, permutations, product

from whydiff.core.calls import MeasuringCall
from whydiff.core.errors import WhydiffError
from whydiff.core.recording import Execution, Fit
from whydiff.diagnosis.calls.loops import asked_in_training
from whydiff.diagnosis.calls.origins import FRESH
from whydiff.diagnosis.calls.pairs.alike import (
    alike_fed,
    as_trained_later,
    follows_fit,
    looked_at,
    same_samples,
    trained_between,
    weights_of,
)
from whydiff.diagnosis.calls.pairs.beside import beside_each_other, beside_in_log
from whydiff.diagnosis.calls.pairs.disagreement import (
    FIT_ROWS,
    LOGGED,
    ROWS_CORRESPOND,
    RUN,
    SCORED,
    Disagreement,
)
from whydiff.diagnosis.calls.pairs.fits import fit_pairs, held_out, of_fits, validated_alike
from whydiff.diagnosis.calls.pairs.measured import of_calls
from whydiff.diagnosis.calls.pairs.pieces import in_pieces, of_loops, of_parts, rows_alone
from whydiff.diagnosis.calls.pairs.scores import by_position, of_scores, score_pairs
from whydiff.diagnosis.calls.results import (
    Call,
    Distance,
    distance,
    kind_of,
    line_of,
    number,
    number_of,
    ordered,
    said,
    same_result,
    values_of,
)


def disagreements(execution: Execution, metric: str | None = None) -> list[Disagreement]:
    """All of them, the one to explain first."""
    calls = looked_at(execution.calls)
    found = list(of_fits(execution, calls, metric))
    found += of_scores(execution, calls)
    if not any(d.why == SCORED for d in found):
        scored = {s.score.reads for _, s, _ in score_pairs(execution, calls) if s.score}
        found += by_position([call for call in calls if call.number not in scored])
    own = [c for c in calls if c.kind != "score" and "thrown away" not in c.notes]
    in_training = asked_in_training(execution.calls)
    for a, b in combinations(own, 2):
        if not same_result(a, b) and not as_trained_later(execution, own, a, b):
            found += of_calls(execution, a, b, metric, in_training)
    found += beside_each_other(own, metric)
    for fit in execution.fits:
        found += [*beside_in_log(fit, metric), *held_out(fit, metric)]
    found += of_loops(execution, own, metric)
    found += of_parts(execution, own, metric)
    return sorted(found, key=lambda d: d.order)


def in_comparison(execution: Execution) -> tuple[int, list[str]]:
    """(pairs of calls that measured the same with the same result, those whose results differ as
    they should, in words). For executions without disagreements."""
    calls, meant = looked_at(execution.calls), []
    equal = sum(any(d.rounding for d in found) for _, _, found in score_pairs(execution, calls))
    equal += sum(
        call.kind == "evaluate" and follows_fit(execution, call, fit) and validated_alike(fit, call)
        for fit, call in product(execution.fits, calls)
    )
    own = [c for c in calls if c.kind not in ("score", "built")]
    for loop, whole in product(in_pieces(execution.calls), own):
        single = whole.number not in loop.notes["joined"]
        if single and loop.model_number == whole.model_number and same_samples(loop, whole):
            apart = distance(loop, whole)
            equal += apart is not None and apart.rounding
    for part, few in rows_alone(execution, own):
        apart = distance(part, few)
        equal += apart is not None and apart.rounding
    for a, b in combinations(own, 2):
        ran = {a.kind, b.kind}
        if (len(ran) > 1 and ran != {"predict", "call"}) or not same_samples(a, b):
            continue
        if same_result(a, b):
            equal += 1
        elif (
            a.model_number == b.model_number
            and weights_of(a) != weights_of(b)
            and trained_between(execution, a, b)
        ):
            meant.append(f"{said(a)} and {said(b)} differ, since the model was trained in between")
    return equal, list(dict.fromkeys(meant))


def independent(execution: Execution, metric: str | None = None) -> Disagreement | None:
    """The first two models built apart whose calls differ, in an execution that trains nothing."""
    if execution.fits:
        return None
    for found in sorted(
        disagreements(execution, metric), key=lambda d: (number_of(d.a), number_of(d.b))
    ):
        a, b = found.a, found.b
        if isinstance(a, Fit) or isinstance(b, Fit) or a.model_number == b.model_number:
            continue
        if found.check or found.distance.rounding:
            continue
        origins = [{o.kind for o in call.recipe.origins} for call in (a, b)]
        shapes = [[t.shape for t in call.recipe.weights] for call in (a, b)]
        apart = bool(a.recipe.weights) and weights_of(a) != weights_of(b)
        if apart and all(kinds <= FRESH for kinds in origins) and shapes[0] == shapes[1]:
            return found
    return None


def first_difference(a: Execution, b: Execution) -> tuple[Call, Call] | None:
    """The first call, fit or not, that ended otherwise in two runs of one script."""
    for one, other in zip(a.in_order(), b.in_order(), strict=False):
        if kind_of(one) != kind_of(other):
            return None
        if not same_result(one, other):
            return one, other
    return None


def alike(a: Execution, b: Execution) -> list[tuple[MeasuringCall, MeasuringCall]]:
    """Measuring calls of two scripts that did the same, the last of A's first.

    A loop that asks a model piece by piece is one call. Calls that answered the same samples belong
    together, however the model was run; then those of one kind, from the last; then a prediction
    and the model called on other arrays.
    """
    ones, left = _wholes(a), [*reversed(_wholes(b))]
    partners: dict[int, MeasuringCall] = {}
    for belongs in (_answers_the_same, _of_one_kind, _both_answer):
        for one in reversed(ones):
            other = next((c for c in left if belongs(one, c)), None)
            if one.number not in partners and other is not None:
                partners[one.number] = other
                left = [call for call in left if call is not other]
    found = [(one, partners[one.number]) for one in reversed(ones) if one.number in partners]
    return [_first_pieces(a, b, *pair) for pair in found]


def _wholes(execution: Execution) -> list[MeasuringCall]:
    """The measuring calls, those of a loop as one that stands where its last piece stood."""
    loops = list(in_pieces(execution.calls))
    ends = {loop.notes["joined"][-1]: loop for loop in loops}
    pieces = {number for loop in loops for number in loop.notes["joined"]}
    return [
        ends.get(call.number, call)
        for call in execution.calls
        if call.number in ends or call.number not in pieces
    ]


def _of_one_kind(a: MeasuringCall, b: MeasuringCall) -> bool:
    return a.kind == b.kind


def _both_answer(a: MeasuringCall, b: MeasuringCall) -> bool:
    return {a.kind, b.kind} <= {"predict", "call"} and alike_fed(a, b)


def _answers_the_same(a: MeasuringCall, b: MeasuringCall) -> bool:
    return (a.kind == b.kind or _both_answer(a, b)) and same_samples(a, b)


def _first_pieces(
    a: Execution, b: Execution, one: MeasuringCall, other: MeasuringCall
) -> tuple[MeasuringCall, MeasuringCall]:
    """Of two loops that asked for other samples in pieces of one size the first two pieces that
    ended otherwise: what a loop asks next may follow from what it was answered."""
    numbers = [call.notes.get("joined", ()) for call in (one, other)]
    if not all(numbers) or same_samples(one, other):
        return one, other
    calls = [{call.number: call for call in execution.calls} for execution in (a, b)]
    pieces = [(calls[0][m], calls[1][n]) for m, n in zip(*numbers, strict=False)]
    sizes = {len(call.recipe.inputs.rows("x")) for call in pieces[0]}
    apart = (pair for pair in pieces if not same_result(*pair))
    return next(apart, (one, other)) if len(sizes) == 1 else (one, other)


def wanted_calls(execution: Execution, wanted: tuple[int, int]) -> tuple[Call, Call]:
    """The calls of these numbers; WhydiffError where there is none."""
    by_number = {number_of(call): call for call in execution.in_order()}
    for n in wanted:
        if n not in by_number:
            raise WhydiffError(
                f"--calls names call {n}, but {execution.script} made {len(by_number)} calls "
                "that were watched",
                "`whydiff record` and `whydiff show` list them with their numbers.",
            )
    return by_number[wanted[0]], by_number[wanted[1]]


def call_at(execution: Execution, line: int) -> Call:
    """The last call from that line of the script; WhydiffError where there is none."""
    at_line = [c for c in execution.in_order() if line in [f.line for f in c.stack]]
    if not at_line:
        lines = sorted({n for c in execution.in_order() if (n := line_of(c)) is not None})
        raise WhydiffError(
            f"no call was watched at line {line} of {execution.script}",
            f"There are calls at lines {', '.join(map(str, lines)) or 'none'}.",
        )
    return at_line[-1]


def asked_for(
    execution: Execution,
    numbers: tuple[int, int],
    lines: tuple[int, int] | None = None,
    metric: str | None = None,
) -> Disagreement | None:
    """What is known of two calls that a person chose by their numbers or by the lines that made
    them: that they disagree, or that a score agrees; None where nothing is."""
    found = disagreements(execution, metric)
    agreeing = [
        Disagreement(call, score, best._replace(relative=0.0), SCORED)
        for call, score, distances in score_pairs(execution, execution.calls)
        for best in [min(distances, key=lambda d: d.relative)]
        if best.rounding
    ]
    for d in (*found, *agreeing):
        if {number_of(d.a), number_of(d.b)} == {*numbers}:
            return d
    for d in found if lines else ():
        places = [{frame.line for frame in call.stack} for call in (d.a, d.b)]
        if any(a in places[0] and b in places[1] for a, b in permutations(lines or (), 2)):
            return d
    return None


def chosen(a: Call, b: Call, metric: str | None = None) -> Disagreement:
    """Two calls that a person chose, whatever they measured."""
    if isinstance(a, MeasuringCall) and isinstance(b, MeasuringCall):
        apart = distance(a, b, metric)
        if apart is None:
            apart = Distance(0.0 if same_result(a, b) else 1.0, False, "outputs")
        same = same_samples(a, b) or a.kind == "built" == b.kind
        return Disagreement(a, b, apart, RUN, "" if same else ROWS_CORRESPOND)
    if isinstance(a, Fit) and isinstance(b, MeasuringCall):
        found = next(fit_pairs(a, b, metric), None)
        if found is not None:
            return found
    logs = [values_of(call) for call in (a, b)]
    common = [n for n in ordered(list(logs[0])) if n in logs[1] and metric in (None, n)]
    apart_all = [number(n, float(logs[0][n]), float(logs[1][n])) for n in common]
    told = next((d for d in apart_all if not d.rounding), None)
    return Disagreement(a, b, told or Distance(1.0, False, "loss"), LOGGED, FIT_ROWS)
