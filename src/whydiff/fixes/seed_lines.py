"""Seeds that a script sets already: completed where they miss Keras, moved where they come late.

The seed ledger says which line seeded what, and what was drawn before and behind it.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from whydiff.core.recording import SEEDING, Draw, Frame, Side
from whydiff.fixes.proposal import Step
from whydiff.fixes.spots import script_files
from whydiff.script_text.edits import (
    Edit,
    Place,
    Script,
    block_of,
    place_before,
    scope_name,
    statement_at,
    whole_lines,
)
from whydiff.script_text.imports import SEED, Names
from whydiff.script_text.own_seed import own_seed, own_seeds, seed_in
from whydiff.script_text.project_seed import ProjectSeed
from whydiff.script_text.seeding import (
    GLOBAL_SEEDS,
    besides,
    harmless,
    import_edit,
    torch_seed,
)

_COMPLETE = (
    "Sets Keras's own seed where the script sets those of others: initializers and Dropout draw "
    "from Python's `random`, which these do not reach."
)
_TORCH = (
    "Seeds torch beside Keras: keras.utils.set_random_seed does so only where torch is the backend."
)
_MOVE = "Moves the line that sets the seed above the first draw: what was drawn before it had none."


#: methods and functions that test runners call before a test
_PREPARE = frozenset({"setUp", "setUpClass", "setup_method", "setup_class", "setup_function",
                      "setup_module"})  # fmt: skip


def seeded_in_time(side: Side) -> bool:
    """Whether Keras's seed was set before the first draw of the fit, wherever that was done."""
    first = _first_draw(side)
    return any(
        d.seed is not None and _reaches_keras(d.owner) and d.number < first for d in _seedings(side)
    )


def completed(
    script: Script,
    names: Names,
    path: Path,
    side: Side,
    built: bool = True,
    imports: bool = False,
) -> Step:
    """Set Keras's seed beside the first line that seeds another generator, with its value.

    ``built`` says that initial weights or the noise of layers have to agree, ``imports`` that the
    text may be made to import Keras.
    """
    first, backend = _first_draw(side), str(side.recipe.backend.get("backend", ""))
    owners = {d.owner for d in _seedings(side) if d.number <= first}
    misses_keras = built and "random.seed" not in owners
    how = _COMPLETE if misses_keras else besides(owners)
    for draw in _seedings(side):
        if draw.number > first or draw.owner not in GLOBAL_SEEDS - {SEED}:
            continue
        call = _call_of(script, names, path, side, draw)
        if call is None or not call.args:
            continue
        statement = script.parent[call]
        place = place_before(script, statement) if isinstance(statement, ast.Expr) else None
        seed = names.seed_call(statement) if isinstance(statement, ast.Expr) else None
        if place is None or seed is None:
            continue
        value = script.segment(call.args[0])
        also = [] if "torch.manual_seed" in owners else torch_seed(names, backend, value, place)
        edits = [place.insert(f"{seed.function}({value})", *also)]
        if seed.needs:
            needed = import_edit(script, names, seed.needs) if imports else None
            if needed is None or "KERAS_BACKEND" in script.text:
                continue
            edits.insert(0, needed)
        return Step(tuple(edits), how=how)
    return Step()


def torch_beside_keras(script: Script, names: Names, path: Path, side: Side) -> Step:
    """Seed torch below the line that seeds Keras, which leaves torch's generator alone where
    another backend is used; an empty step where the script has no torch or seeds it."""
    backend = str(side.recipe.backend.get("backend", ""))
    if any(d.owner == "torch.manual_seed" for d in _seedings(side)):
        return Step()
    for statement in seeding_statements(script, names, path, side):
        call = statement.value
        place = place_before(script, statement)
        if place is None or names.called(call) != SEED or not isinstance(call, ast.Call):
            continue
        value = next(
            (script.segment(a) for a in (*call.args, *(k.value for k in call.keywords))), ""
        )
        lines = torch_seed(names, backend, value, place) if value else []
        if lines:
            return Step((place.insert(*lines),), how=_TORCH)
    return Step()


def moved(script: Script, names: Names, path: Path, side: Side) -> Step:
    """Move a line that seeds too late above what had drawn by then, in the same function."""
    first = _first_draw(side)
    for draw in _seedings(side):
        if draw.number < first or not _reaches_keras(draw.owner) or draw.seed is None:
            continue
        call = _call_of(script, names, path, side, draw)
        statement = script.parent[call] if call is not None else None
        if call is None or not isinstance(statement, ast.Expr) or script.loops(statement):
            continue
        block = block_of(script, statement)
        lines = _lines_before(path, side, draw)
        above = [s for s in block[: block.index(statement)] if _covers(s, lines)]
        above = above[:1] or _models_above(names, block, statement)
        if not above:
            continue
        needed = {n.id for n in ast.walk(call) if isinstance(n, ast.Name)}
        start = block.index(above[0])
        if any(_binds(s, needed) for s in block[start : block.index(statement)]):
            continue
        target, cut = place_before(script, above[0]), whole_lines(script, statement)
        if target is not None and cut is not None:
            line = script.segment(statement)
            return Step((target.insert(line), cut), how=_MOVE)
    return Step()


def above_the_data(script: Script, names: Names, path: Path, side: Side) -> Step:
    """Move Keras's seed above statements that may have drawn data before it was set.

    What they call may lie in other files: whatever is more than a definition or a setting counts.
    """
    for statement in seeding_statements(script, names, path, side):
        if script.loops(statement):
            continue
        block = block_of(script, statement)
        before = block[: block.index(statement)]
        needed = {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)}
        known = max((i + 1 for i, s in enumerate(before) if _binds(s, needed)), default=0)
        above = next((s for s in before[known:] if not harmless(s, names)), None)
        if above is None:
            continue
        target, cut = place_before(script, above), whole_lines(script, statement)
        if target is not None and cut is not None:
            return Step((target.insert(script.segment(statement)), cut), how=_MOVE)
    return Step()


def seeding_statements(script: Script, names: Names, path: Path, side: Side) -> Iterator[ast.Expr]:
    """Statements that set Keras's seed, themselves or by a function that they call."""
    for statement in ast.walk(script.tree):
        if isinstance(statement, ast.Expr) and names.called(statement.value) == SEED:
            yield statement
    files = script_files(path, side.execution.script)
    for draw in _seedings(side):
        frames = [f for f in draw.stack if f.file in files] if draw.owner == SEED else []
        for frame in reversed(frames if draw.seed is not None else []):
            found = statement_at(script, frame.line)
            if isinstance(found, ast.Expr) and isinstance(found.value, ast.Call):
                yield found


def drawn_lines(path: Path, side: Side) -> dict[int, int]:
    """Line -> how often ``default_rng()`` was called there without a seed; {} where never."""
    files = script_files(path, side.execution.script)
    found: dict[int, int] = {}
    for draw in _seedings(side):
        fresh = draw.owner == "numpy.random.default_rng" and draw.seed is None and not draw.explicit
        if fresh and draw.stack and draw.stack[-1].file in files:
            found[draw.stack[-1].line] = found.get(draw.stack[-1].line, 0) + 1
    return found


def _seedings(side: Side) -> list[Draw]:
    found = [d for d in side.execution.ledger if d.kind == SEEDING]
    return sorted(found, key=lambda d: d.number)


def _first_draw(side: Side) -> int:
    """The number of the first seed that was drawn for the fit's model, or for any if none was."""
    drawn = [d for d in side.execution.ledger if d.kind != SEEDING and not d.explicit]
    own = [d for d in drawn if d.fit == side.fit.index] or drawn
    return min((d.number for d in own), default=len(side.execution.ledger) + 1)


def _reaches_keras(function: str) -> bool:
    """Keras's own, and those of libraries, which are trusted to seed everything."""
    if function == SEED:
        return True
    module = function.rpartition(".")[0]
    return module not in ("random", "numpy.random", "tensorflow.random", "torch", "jax.random")


def _call_of(script: Script, names: Names, path: Path, side: Side, draw: Draw) -> ast.Call | None:
    """The call behind a ledger entry, if the text has it where it was executed."""
    files = script_files(path, side.execution.script)
    frame = draw.stack[-1] if draw.stack else None
    if frame is None or frame.file not in files:
        return None
    statement = statement_at(script, frame.line)
    calls = ast.walk(statement) if statement is not None else iter(())
    return next(
        (c for c in calls if isinstance(c, ast.Call) and names.called(c) == draw.owner), None
    )


def _lines_before(path: Path, side: Side, seeding: Draw) -> set[int]:
    """Lines of the seeding's own function that had drawn before it."""
    files, depth = script_files(path, side.execution.script), len(seeding.stack) - 1
    return {
        d.stack[depth].line
        for d in side.execution.ledger
        if d.kind != SEEDING and not d.explicit and d.number < seeding.number
        and len(d.stack) > depth and d.stack[depth].file in files
        and d.stack[depth].function == seeding.stack[depth].function
        and d.stack[:depth] == seeding.stack[:depth]
    }  # fmt: skip


def _models_above(names: Names, block: Sequence[ast.stmt], statement: ast.stmt) -> list[ast.stmt]:
    return [
        s
        for s in block[: block.index(statement)]
        if not isinstance(s, ast.FunctionDef | ast.ClassDef)
        and any(names.called(n).startswith(("keras.layers.", "keras.Sequential", "keras.models."))
                for n in ast.walk(s))
    ][:1]  # fmt: skip


def _covers(statement: ast.stmt, lines: set[int]) -> bool:
    return any(statement.lineno <= n <= (statement.end_lineno or statement.lineno) for n in lines)


def _binds(statement: ast.stmt, needed: set[str]) -> bool:
    stored = {
        n.id for n in ast.walk(statement)
        if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)
    }  # fmt: skip
    imported = {
        (a.asname or a.name).partition(".")[0]
        for n in ast.walk(statement)
        if isinstance(n, ast.Import | ast.ImportFrom)
        for a in n.names
    }
    return bool((stored | imported) & needed)


def own_seed_step(script: Script, names: Names, path: Path, side: Side) -> Step:
    """Keras seeded with the script's own seed in the function that is given or makes it; an empty
    step where there is none."""
    inside = own_seed_inside(script, names, path, side)
    if inside is None:
        return Step()
    seed, place = inside
    how = "Sets the script's own seed for Keras, NumPy and Python as soon as it is known."
    if seed.isdigit():
        how = "Sets one seed for Keras, NumPy and Python where the test begins."
    return _seeded_at(script, names, seed, place, how)


def where_first_drawn(script: Script, names: Names, path: Path, side: Side) -> Step:
    """Keras seeded where the function begins that draws first, with the seed that it is given: all
    else comes later. For a program that trains once, as for :func:`where_all_is_done`."""
    files = script_files(path, side.execution.script)
    drawn = [d for d in side.execution.ledger if d.kind != SEEDING and not d.explicit and d.stack]
    if not drawn or len(side.execution.fits) > 1:
        return Step()
    for frame in min(drawn, key=lambda d: d.number).stack:
        statement = statement_at(script, frame.line) if frame.file in files else None
        function = script.scope(statement) if statement is not None else script.tree
        if not isinstance(function, ast.FunctionDef):
            continue
        text = seed_in(function, script, names)
        place = place_before(script, _body(function)[0]) if text else None
        if place is not None:
            how = (
                f"Sets the seed that {scope_name(function)}() is given for Keras, NumPy and Python."
            )
            return _seeded_at(script, names, text, place, how)
    return Step()


def where_all_is_done(
    script: Script, names: Names, path: Path, side: Side, given: ProjectSeed | None
) -> Step:
    """Keras seeded where the innermost function begins through which everything goes, with the
    project's seed, else 0. Where a program trains more than once, that could make equal what is
    meant to differ: an empty step then."""
    stacks = _stacks(side)
    if not stacks or len(side.execution.fits) > 1:
        return Step()
    columns = zip(*([(f.file, f.function) for f in stack] for stack in stacks), strict=False)
    depth = sum(1 for _ in itertools.takewhile(lambda column: len({*column}) == 1, columns))
    inner = stacks[0][depth - 1] if depth else None
    if inner is None or inner.file not in script_files(path, side.execution.script):
        return Step()
    statement = statement_at(script, inner.line)
    function = script.scope(statement) if statement is not None else script.tree
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return Step()
    place = place_before(script, _body(function)[0])
    if place is None:
        return Step()
    how = f"Sets one seed for Keras, NumPy and Python where {function.name}() begins."
    if given is not None:
        how = f"Sets the project's seed ({given.owner}) for Keras, NumPy and Python."
    text, edits = (given.text, given.edits) if given else ("0", ())
    return _seeded_at(script, names, text, place, how, edits)


def _seeded_at(
    script: Script, names: Names, seed: str, place: Place, how: str, more: Sequence[Edit] = ()
) -> Step:
    """Keras seeded at a place, and imported where it is not; an empty step where it cannot be."""
    call = names.seed_call(place.statement)
    if call is None:
        return Step()
    edits = [*more, place.insert(f"{call.function}({seed})")]
    if call.needs:
        needed = import_edit(script, names, call.needs)
        if needed is None or "KERAS_BACKEND" in script.text:
            return Step()  # importing Keras there would settle the backend too early
        edits.insert(0, needed)
    return Step(tuple(edits), how=how)


def _stacks(side: Side) -> list[tuple[Frame, ...]]:
    """How everything was reached that was drawn, and the fit."""
    draws = [d for d in side.execution.ledger if d.kind != SEEDING and not d.explicit and d.stack]
    return [s for s in (*(d.stack for d in draws), side.fit.stack) if s]


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    """What a function does, without its docstring."""
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def own_seed_inside(
    script: Script, names: Names, path: Path, side: Side
) -> tuple[str, Place] | None:
    """The script's own seed in the function that goes on to build and train, and the line below.

    None where no seed is made inside a function, or something was drawn before it.
    """
    files = script_files(path, side.execution.script)
    draws = [d for d in side.execution.ledger if d.kind != SEEDING and not d.explicit and d.stack]
    stacks = _stacks(side)
    for seed in own_seeds(script, names):
        scope = script.scope(seed.statement)
        if seed.unset or isinstance(scope, ast.Module | ast.ClassDef):
            continue
        line = seed.statement.end_lineno or seed.statement.lineno
        reached = [
            [f.line for f in stack if f.file in files and f.function == scope.name]
            for stack in stacks
        ]
        if not stacks or not all(lines and lines[0] > line for lines in reached):
            continue
        block = block_of(script, seed.statement)
        following = block[block.index(seed.statement) + 1 :][:1]
        place = place_before(script, following[0]) if following else None
        if place is not None:
            return seed.text, place
    first = min(draws, key=lambda d: d.number).stack if draws else ()
    return _given_seed(script, names, files, side) or _in_fixture(script, names, files, first)


def _in_fixture(
    script: Script, names: Names, files: frozenset[str], first: Sequence[Frame]
) -> tuple[str, Place] | None:
    """A seed where a fixture or ``setUp`` begins that draws first: what a test does comes later."""
    through = {f.function.rpartition(".")[2] for f in first if f.file in files}
    for function in (n for n in ast.walk(script.tree) if isinstance(n, ast.FunctionDef)):
        decorators = [ast.unparse(d).partition("(")[0] for d in function.decorator_list]
        prepares = function.name in _PREPARE or any(d.endswith("fixture") for d in decorators)
        body = _body(function)
        if not prepares or function.name not in through or not body:
            continue
        place = place_before(script, body[0])
        if place is not None:
            return own_seed(script, names, body[0], parameters=False) or "0", place
    return None


def _called_once(function: str, files: frozenset[str], stacks: Sequence[tuple[Frame, ...]]) -> bool:
    """Whether all stacks come to a function by the same lines."""
    ways = {
        tuple(
            (f.file, f.line) for f in itertools.takewhile(lambda f: not _is(f, function, files), s)
        )
        for s in stacks
    }
    return len(ways) <= 1


def _is(frame: Frame, function: str, files: frozenset[str]) -> bool:
    return frame.file in files and frame.function.rpartition(".")[2] == function


def _given_seed(
    script: Script, names: Names, files: frozenset[str], side: Side
) -> tuple[str, Place] | None:
    """The seed that the outermost function is given of which one call does everything: one that
    only builds would give every model the same weights."""
    stacks = _stacks(side)
    for function in (n for n in ast.walk(script.tree) if isinstance(n, ast.FunctionDef)):
        is_test = function.name.startswith("test")  # one of many in a file: it seeds itself
        if not is_test and not isinstance(script.scope(function), ast.Module | ast.ClassDef):
            continue
        lines = range(function.lineno, (function.end_lineno or function.lineno) + 1)
        through = bool(stacks) and all(
            any(_is(f, function.name, files) and f.line in lines for f in stack) for stack in stacks
        )
        body = _body(function)
        once = is_test or (side.fit.stack and _called_once(function.name, files, stacks))
        if not through or not body or not once:
            continue
        text = seed_in(function, script, names)
        text = text or own_seed(script, names, body[0], parameters=False) or "0" * is_test
        place = place_before(script, body[0]) if text else None
        if place is not None:
            return text, place
    return None
