"""What to try when two fits of one run differ by chance: the same seed before each.

Models that are meant to differ (folds of a cross-validation, members of an ensemble, trials) are
never seeded alike, which would take away what they are for; nor is a seed set inside a loop over
epochs, which would repeat one epoch's order for ever. Shuffles inside a tf.data pipeline draw their
seed where they are called, so a seed set before ``fit`` comes too late for them.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from whydiff.core.recording import Side
from whydiff.fixes.proposal import Step
from whydiff.fixes.purposes import meant_to_differ, trials
from whydiff.fixes.runs import SEEDABLE, Plan, Targets, generator_step
from whydiff.fixes.spots import (
    Spot,
    build_spots,
    covers,
    fit_spots,
    makes_model,
    own_draws,
    pair,
    script_files,
)
from whydiff.script_text.edits import (
    Edit,
    Place,
    Script,
    block_of,
    place_before,
)
from whydiff.script_text.generators import Change, Seeds, changes
from whydiff.script_text.imports import Names
from whydiff.script_text.own_seed import own_seed
from whydiff.script_text.seeding import import_edit, written_seed
from whydiff.script_text.splits import seeded_splits

#: how many calls further out a place is sought from where one seed reaches build and fit
DEPTH = 6

_BUILD = "Sets the same seed before each build, so that both models draw the same numbers."
_FIT = "Sets the same seed before each fit, so that both shuffle alike."
_BEFORE = "Sets one seed before the loop."
_WHOLE = "Sets the same seed where each training begins, before anything is drawn for it."


def plans(script: Script, path: Path, a: Side, b: Side, causes: Sequence[str]) -> list[Plan]:
    """Places for one seed, smallest change first, with what it should make agree."""
    names = Names(script)
    files = script_files(path, a.execution.script)
    levels = [build_spots(script, files, draws) for draws in own_draws(a, b)]
    builds = pair(script, *levels)
    fits = pair(script, *(fit_spots(script, files, s.fit) for s in (a, b)))
    if meant_to_differ(script, files, [*builds, *fits]):
        return []
    fits = [] if _every_epoch(script, fits) else fits
    wanted = tuple(c for c in causes if c in SEEDABLE)
    built = tuple(c for c in wanted if c != "data-order")
    ordered = "data-order" in wanted
    found: list[tuple[tuple[Step | None, ...], tuple[str, ...]]] = []
    streams = a.recipe.data_order.relative and b.recipe.data_order.relative
    shuffles = shuffle_steps(script, names) if ordered and streams else Shuffles()
    if built and builds:
        instead = swap(script, names, builds, a, b)
        each_build = [instead, _seed(script, names, builds, _BUILD)]
        reach = wanted
        if ordered and not covers(script, builds, a.fit, b.fit):
            reach = built
            further = (pair(script, *(level[n:] for level in levels)) for n in range(1, DEPTH))
            around = next((p for p in further if covers(script, p, a.fit, b.fit)), None)
            apart = [f for f in fits if not _same(f, builds)]
            both = _seed(script, names, [*builds, *apart], f"{_BUILD} {_FIT}")
            if around:
                found.append(((_seed(script, names, around, _WHOLE),), wanted))
            elif apart:
                found += [((instead, _seed(script, names, apart, _FIT)), wanted), ((both,), wanted)]
            else:
                found.append(((both,), wanted))
        found += [((step,), reach) for step in each_build]
        if reach != built:
            found += [((step,), built) for step in each_build]
    if ordered:
        before = _seed(script, names, fits, _FIT) if fits else None
        if streams:  # a generator that each of them makes anew, without a seed
            drawn = generator_step(changes(script, names, once=False))
            found.append(((drawn,), ("data-order",)))
        least = (shuffles.seed, before, shuffles.one_order)
        # No seed before a fit reaches a pipeline that both fits share.
        steps = (shuffles.one_order, before) if shuffles.shared else least
        found += [((step,), ("data-order",)) for step in steps]
    done: list[Plan] = [
        (tuple(s for s in steps if s), targets) for steps, targets in found if all(steps)
    ]
    seed = _seed(script, names, builds, _BUILD) if built and builds else None
    if seed and shuffles.one_order:
        whole: Plan = ((seed, shuffles.seed or shuffles.one_order), wanted)
        done = [whole, *done] if shuffles.shared else [*done, whole]
    if "data-content" in causes:
        done = [*_content(script, names, fits, done, tuple(causes)), *done]
    return done


def ensemble_or_folds(script: Script, path: Path, a: Side, b: Side) -> str:
    """A sentence where the two fits are folds or members of an ensemble, or trials, else ""."""
    files = script_files(path, a.execution.script)
    return meant_to_differ(script, files, _spots(script, files, a, b))


def before_trials(
    script: Script, path: Path, a: Side, b: Side, causes: Targets
) -> tuple[str, list[Plan]]:
    """What is said of two fits that are trials, or one training again and again, and a seed before
    the loop that makes them; ("", []) where they are none."""
    files = script_files(path, a.execution.script)
    found = trials(script, files, _spots(script, files, a, b))
    if found is None:
        return "", []
    said, loop = found
    place = place_before(script, loop)
    seed = _seed(script, Names(script), [Spot(place, ())], _BEFORE) if place is not None else None
    return said, [((seed,), causes)] if seed else []


def _spots(script: Script, files: frozenset[str], a: Side, b: Side) -> list[Spot]:
    levels = [build_spots(script, files, draws) for draws in own_draws(a, b)]
    fits = pair(script, *(fit_spots(script, files, s.fit) for s in (a, b)))
    return [*pair(script, *levels), *fits]


def _every_epoch(script: Script, spots: Sequence[Spot]) -> bool:
    """Whether a place repeats in a loop that goes on training one model."""
    return any(
        loops and not any(makes_model(script, loop) or _begins_anew(loop) for loop in loops)
        for loops in (script.loops(spot.place.statement) for spot in spots)
    )


def _begins_anew(loop: ast.stmt) -> bool:
    methods = {n.attr for n in ast.walk(loop) if isinstance(n, ast.Attribute)}
    return bool(methods & {"set_weights", "load_weights", "compile"})


def _content(
    script: Script, names: Names, fits: Sequence[Spot], seeded: Sequence[Plan], causes: Targets
) -> list[Plan]:
    """Make the data equal too: a seed where the common function starts, seeded generators."""
    found: list[Plan] = []
    splits = seeded_splits(script, names, Seeds(script, names).next, repeated=True)
    drawn = generator_step(
        [
            *changes(script, names, once=False),
            *(Change((edit,), "generator", line, what) for edit, line, what in splits),
        ]
    )
    start = _start_of_function(script, fits[0]) if len(fits) == 1 else None
    call = names.seed_call(start.statement) if start else None
    whole = Step()
    if start and call and not call.needs:
        seed = _known_seed(script, names, start.statement)
        whole = Step((start.insert(f"{call.function}({seed})"),), how=_WHOLE)
    seeds = [whole] if whole else [step for steps, _ in seeded[:1] for step in steps]
    drawn_only = all(c == "data-content" for c in causes)
    for steps in ((drawn,), (whole,), (drawn, *seeds)):
        if steps == (drawn,) and not drawn_only:
            continue  # the weights, the order and the noise need a seed besides
        if all(steps) and steps not in [s for s, _ in found]:
            found.append((steps, causes))
    return found


def _start_of_function(script: Script, spot: Spot) -> Place | None:
    scope = script.scope(spot.place.statement)
    if not isinstance(scope, ast.FunctionDef):
        return None
    body = scope.body[1:] if ast.get_docstring(scope) is not None else scope.body
    return place_before(script, body[0]) if body else None


def _known_seed(script: Script, names: Names, at: ast.stmt) -> str:
    return own_seed(script, names, at, parameters=False) or written_seed(script, names)


def _same(spot: Spot, others: Sequence[Spot]) -> bool:
    return any(spot.place.offset == o.place.offset for o in others)


def _seed(script: Script, names: Names, spots: Sequence[Spot], how: str) -> Step | None:
    """Set the script's seed, or 0, at every spot, importing Keras at the top where needed."""
    edits: list[Edit] = []
    for spot in {s.place.offset: s for s in spots}.values():
        call = names.seed_call(spot.place.statement)
        if call is None:
            return None
        if call.needs:
            edit = import_edit(script, names, call.needs)
            if edit is None:
                return None
            edits += [] if edit in edits else [edit]
        seed = _known_seed(script, names, spot.place.statement)
        edits.append(spot.place.insert(f"{call.function}({seed})"))
    return Step(tuple(edits), how=how)


_IN_PLACE = ("random", "numpy.random", "keras.random", "jax.random")  # these shuffle lists, arrays
_SEED, _AGAIN = "seed", "reshuffle_each_iteration"


@dataclass(frozen=True)
class Shuffles:
    """Changes of the pipelines' shuffles that may make the orders of two fits equal.

    ``seed`` gives them seeds; it is empty where that cannot be enough, since the fits have
    ``shared`` one pipeline. ``one_order`` makes every pass alike besides.
    """

    seed: Step = field(default_factory=Step)
    one_order: Step = field(default_factory=Step)
    shared: bool = False


def shuffle_steps(script: Script, names: Names) -> Shuffles:
    """What can be done about the shuffles in a script, if there are any."""
    calls = _shuffles(script, names)
    if not calls:
        return Shuffles()
    lines = ", ".join(str(call.lineno) for call in calls)
    where = f"line {lines}" if len(calls) == 1 else f"lines {lines}"
    seeds = tuple(e for i, call in enumerate(calls) for e in _edits(script, call, i, False))
    both = tuple(e for i, call in enumerate(calls) for e in _edits(script, call, i, True))
    seeded = Step(seeds, how=f"Gives the pipeline's shuffle a seed ({where}).")
    fixed = Step(
        both,
        how=f"Gives the pipeline's shuffle a seed and one order for every pass ({where}): both "
        "fits read it. To shuffle anew in every epoch, make the pipeline again before each fit.",
    )
    shared = all(_made_once(script, call) for call in calls)
    return Shuffles(Step() if shared else seeded, fixed, shared)


def _shuffles(script: Script, names: Names) -> Sequence[ast.Call]:
    found = [
        node
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "shuffle"
        and names.dotted(node.func.value) not in _IN_PLACE
        and not isinstance(script.parent[node], ast.Expr)  # a generator shuffles its argument
        and not any(isinstance(a, ast.Starred) for a in node.args)
        and not any(k.arg is None for k in node.keywords)
        and len(node.args) <= 3
        and (node.args or any(k.arg == "buffer_size" for k in node.keywords))
    ]
    return sorted(found, key=lambda call: script.span(call))


def _edits(script: Script, call: ast.Call, number: int, one_order: bool) -> list[Edit]:
    """Edits that give the call a seed where it has none and, if asked, one order."""
    wanted = [(_SEED, 1, str(number))]
    wanted += [(_AGAIN, 2, "False")] if one_order else []
    edits, added = [], []
    for name, position, value in wanted:
        given = next((k.value for k in call.keywords if k.arg == name), None)
        if given is None and len(call.args) > position:
            given = call.args[position]
        if given is None:
            added.append(f"{name}={value}")
        elif _is(given, None) if name == _SEED else not _is(given, False):
            edits.append(Edit(*script.span(given), value))
    if added:
        last = max(
            (script.span(a)[1] for a in (*call.args, *(k.value for k in call.keywords))),
        )
        edits.append(Edit(last, last, ", " + ", ".join(added)))
    return edits


def _made_once(script: Script, call: ast.Call) -> bool:
    """Whether the call is executed once, so that all fits share what it makes."""
    around = list(script.ancestors(call))
    repeats = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.For, ast.While)
    return not any(isinstance(node, repeats) for node in around)


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


#: what Keras's own seed sets as well, so that it may take their place
_REPLACEABLE = frozenset({"numpy.random.seed", "random.seed", "tensorflow.random.set_seed"})
_HOW = (
    "Sets Keras's own seed instead of seeds that do not reach the initializers: they draw from "
    "Python's `random`."
)


def swap(script: Script, names: Names, builds: Sequence[Spot], a: Side, b: Side) -> Step | None:
    """Replace the seeds just above a build, where both builds pass one value for them."""
    if len(builds) != 1:
        return None
    place = builds[0].place
    scope = script.scope(place.statement)
    seeds = _seeds_above(script, names, place.statement)
    values = {script.segment(call.args[0]) for _, call in seeds}
    seed = names.seed_call(place.statement)
    if len(values) != 1 or seed is None or seed.needs or isinstance(scope, ast.Module):
        return None
    (value,) = values
    if not _same_value(script, scope, value, builds[0], a, b):
        return None
    first, last = seeds[0][0], seeds[-1][0]
    start = script.starts[first.lineno - 1]
    end_line = last.end_lineno or last.lineno
    end = script.starts[end_line] if end_line < len(script.lines) else len(script.text)
    if script.offset(first.lineno, first.col_offset) != start + len(place.indent):
        return None
    new = f"{place.indent}{seed.function}({value}){place.newline}"
    return Step((Edit(start, end, new),), how=_HOW)


def _seeds_above(
    script: Script, names: Names, statement: ast.stmt
) -> list[tuple[ast.Expr, ast.Call]]:
    """The unbroken run of seed calls above a statement in its block."""
    block = block_of(script, statement)
    found: list[tuple[ast.Expr, ast.Call]] = []
    for above in reversed(block[: block.index(statement)]):
        if not isinstance(above, ast.Expr) or not isinstance(above.value, ast.Call):
            break
        if names.called(above.value) not in _REPLACEABLE or len(above.value.args) != 1:
            break
        found.insert(0, (above, above.value))
    return found


def _same_value(script: Script, scope: ast.AST, value: str, spot: Spot, a: Side, b: Side) -> bool:
    """Whether both callers pass the same constant for the parameter that holds the seed."""
    if value.isdigit():
        return True
    if not isinstance(scope, ast.FunctionDef) or not spot.outer:
        return False
    parameters = [p.arg for p in (*scope.args.posonlyargs, *scope.args.args)]
    if value not in parameters:
        return False
    position, depth = parameters.index(value), len(spot.outer) - 1
    passed = set()
    for draws in own_draws(a, b):
        frames = draws[0].stack if draws else ()
        line = frames[depth].line if len(frames) > depth else 0
        passed |= set(_passed(script, scope.name, line, value, position)) or {""}
    return len(passed) == 1 and next(iter(passed)).lstrip("-").isdigit()


def _passed(script: Script, function: str, line: int, name: str, position: int) -> list[str]:
    """The arguments given for a parameter by the calls of a function on one line."""
    found = []
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        called = isinstance(call.func, ast.Name) and call.func.id == function
        if called and call.lineno <= line <= (call.end_lineno or call.lineno):
            values = [k.value for k in call.keywords if k.arg == name]
            values += call.args[position : position + 1]
            found += [script.segment(v) for v in values]
    return found
