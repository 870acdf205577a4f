"""Trainings that are meant to differ: folds, members of an ensemble, trials and repeats."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence

from whydiff.fixes.spots import Spot, makes_model
from whydiff.script_text.edits import Script, last_name, statement_at
from whydiff.script_text.imports import Names
from whydiff.script_text.own_seed import own_seed
from whydiff.script_text.seeding import written_seed

_FOLDS = ("fold", "train_index", "train_idx", "test_index", "test_idx", "val_index", "val_idx",
          "held_out")  # fmt: skip
_MEMBERS = re.compile(r"ensemble|committee|(^|_)members?($|_)|bagg(ed|ing)", re.IGNORECASE)
#: what brings the predictions of several models together
_TOGETHER = re.compile(r"mean|average|median|vote|mode|sum|stack|concatenate", re.IGNORECASE)
#: functions that say of several results where they lie and how far apart
_SUMMARIES = re.compile(
    r"(nan|reduce_|f)?(mean|average|median|sum|std|var)|p?stdev|boxplot|mode", re.IGNORECASE
)
#: Functions of tuners and of scikit-learn that train a model several times.
_SEARCHES = frozenset({"search", "optimize", "cross_val_score", "cross_validate",
                       "cross_val_predict", "learning_curve"})  # fmt: skip
#: Functions that a number of a turn is given to only to be read.
_TELLS = re.compile(r"print|append|info|debug|warning|write|echo|format|log")
#: draws of one number or one choice, with as many arguments as these take without a size
_ONE_DRAWN = {"choice": 1, "uniform": 2, "randint": 2, "integers": 2, "random": 0, "rand": 0,
              "loguniform": 2, "randrange": 3, "getrandbits": 1}  # fmt: skip


def meant_to_differ(script: Script, files: frozenset[str], spots: Sequence[Spot]) -> str:
    """A sentence where the places repeat for trainings that are meant to differ, else ""."""
    for spot in spots:
        for statement in _statements(script, files, spot):
            search = _search(statement)
            if search:
                return (
                    f"{search} in line {statement.lineno} trains one model after another: such "
                    "trials differ intentionally, and nothing has to make them agree."
                )
        for loop in _loops(script, files, spot):
            if is_fold_loop(loop) or _hands_on_folds(script, loop):
                return (
                    f"The loop in line {loop.lineno} trains the folds of a cross-validation: they "
                    "differ intentionally in their rows, and nothing has to make them agree."
                )
            said = _members(script, loop) or _turns(script, loop)
            if said:
                return said
    return ""


def trials(
    script: Script, files: frozenset[str], spots: Sequence[Spot]
) -> tuple[str, ast.stmt] | None:
    """A sentence where the places repeat for trials or for one training again and again, and the
    loop: one seed before it lets another run give the same, and leaves them apart. Else None."""
    for spot in spots:
        for loop in _loops(script, files, spot):
            meant = is_fold_loop(loop) or _hands_on_folds(script, loop) or _members(script, loop)
            said = "" if meant else _turns(script, loop)
            if said:
                return said, loop
    return None


def _turns(script: Script, loop: ast.stmt) -> str:
    """A sentence where a loop makes models whose settings it draws, or that are all alike."""
    if not makes_model(script, loop):
        return ""
    return _trials(script, loop) or _repeats(script, loop) or _alike(script, loop)


def _members(script: Script, loop: ast.stmt) -> str:
    """A sentence where the models of a loop are brought together by what they predict."""
    names = [name for name, _ in _collected(script, loop)]
    name = next((n for n in names if _MEMBERS.search(n) or _combined(script, n)), "")
    name = name or _predictions(script, loop)
    if not name:
        return ""
    return (
        f"The models of line {loop.lineno} are members of an ensemble ({name}): they differ "
        "intentionally."
    )


def _trials(script: Script, loop: ast.stmt) -> str:
    """A sentence where a loop draws a setting for each of the models that it makes."""
    if not isinstance(loop, ast.For | ast.AsyncFor | ast.While):
        return ""
    line = _setting_drawn(script, Names(script), loop)
    if not line:
        return ""
    return (
        f"The loop in line {loop.lineno} draws the settings of each model (line {line}): such "
        "trials differ intentionally, and nothing has to make them agree."
    )


def _repeats(script: Script, loop: ast.stmt) -> str:
    """A sentence where the results of a loop are averaged, or their spread is taken."""
    collected = [name for name, value in _collected(script, loop) if value is not None]
    name = next((n for n in collected if _summarized(script, n)), "")
    if not name:
        return ""
    return (
        f"The loop in line {loop.lineno} repeats a training and takes a mean or a spread of the "
        f"results ({name}): with a seed in it all would be equal."
    )


def _alike(script: Script, loop: ast.stmt) -> str:
    """A sentence where a loop trains three times or more, and its turns have only a number.

    Twice the same is a comparison: there the two are meant to agree.
    """
    if not isinstance(loop, ast.For) or last_name(getattr(loop.iter, "func", loop)) != "range":
        return ""
    bound = loop.iter.args[-1] if isinstance(loop.iter, ast.Call) and loop.iter.args else None
    if bound is None or _number(script, bound) in (1, 2) or len(loop.iter.args) > 1:  # type: ignore[attr-defined]
        return ""
    if not _only_told(script, loop, last_name(loop.target)):
        return ""
    said = (
        f"The loop in line {loop.lineno} trains one and the same model again and again: with a "
        "seed in it all turns would be alike."
    )
    return f"{said} {_to_be_equal(script, loop)}".rstrip()


def _to_be_equal(script: Script, loop: ast.For) -> str:
    """How the turns of a loop become equal, where it only shows what each of them gave: to choose
    the best of equal ones, or to keep them all, would be in vain."""
    chooses = any(isinstance(n, ast.If | ast.IfExp | ast.Compare) for n in ast.walk(loop))
    keeps = any(value is not None for _, value in _collected(script, loop))
    names = Names(script)
    call = None if chooses or keeps else names.seed_call(loop.body[0])
    if call is None:
        return ""
    seed = own_seed(script, names, loop.body[0], parameters=False) or written_seed(script, names)
    return (
        "As repeats they are meant to differ; if they are to be equal, let each turn begin with "
        f"{call.function}({seed})."
    )


def _number(script: Script, expression: ast.expr) -> int | None:
    """The number that an expression is, or that the script gives a name once; None if unknown."""
    given = [
        node.value
        for node in script.tree.body
        if isinstance(node, ast.Assign) and last_name(node.targets[0]) == last_name(expression)
    ]
    known = given[0] if isinstance(expression, ast.Name) and len(given) == 1 else expression
    value = known.value if isinstance(known, ast.Constant) else None
    return value if isinstance(value, int) else None


def _only_told(script: Script, place: ast.AST, name: str, deep: bool = True) -> bool:
    """Whether what a name holds is only printed or kept beside a result, here and in the functions
    of the script that it is given to, and decides nothing."""
    functions = {n.name: n for n in script.tree.body if isinstance(n, ast.FunctionDef)}
    for node in ast.walk(place):
        if not (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)):
            continue
        around = list(itertools.takewhile(lambda n: n is not place, script.ancestors(node)))
        calls = [n for n in around if isinstance(n, ast.Call)]
        if any(isinstance(n, ast.JoinedStr) for n in around):
            continue
        if any(_TELLS.fullmatch(last_name(call.func)) for call in calls):
            continue
        call = next(iter(calls), None)
        function = functions.get(last_name(call.func)) if call is not None and deep else None
        if call is None or function is None or node not in call.args:
            return False
        parameters = [a.arg for a in function.args.args]
        position = call.args.index(node)
        if position >= len(parameters) or not _only_told(
            script, function, parameters[position], deep=False
        ):
            return False
    return True


def _setting_drawn(script: Script, names: Names, loop: ast.stmt) -> int:
    """The line in a loop, or in a function of the script that it calls, that draws a setting."""
    called = {last_name(n.func) for n in ast.walk(loop) if isinstance(n, ast.Call)}
    functions = [n for n in script.tree.body if isinstance(n, ast.FunctionDef) and n.name in called]
    for place in (loop, *functions):
        for statement in ast.walk(place):
            match statement:
                case ast.Return(value=ast.expr() as value) if place is not loop:
                    pass
                case ast.Assign(targets=[target], value=value) if _given_on(script, place, target):
                    pass
                case _:
                    continue
            drawn = (n for n in ast.walk(value) if isinstance(n, ast.Call))
            line = next((n.lineno for n in drawn if _draws_one(script, names, n)), 0)
            if line:
                return line
    return 0


def _given_on(script: Script, place: ast.stmt, target: ast.expr) -> bool:
    """Whether a name is an argument of a call; one that picks a row, or is printed, is none."""
    for node in ast.walk(place):
        if isinstance(node, ast.Name) and node.id == last_name(target):
            around = list(script.ancestors(node))
            calls = [n for n in around if isinstance(n, ast.Call)]
            picks = any(isinstance(n, ast.Subscript) and n.slice in around for n in around)
            picks = picks or isinstance(script.parent[node], ast.Subscript)
            shown = any(last_name(c.func) == "print" for c in calls)
            if isinstance(node.ctx, ast.Load) and calls and not picks and not shown:
                return True
    return False


def _draws_one(script: Script, names: Names, call: ast.Call) -> bool:
    """Whether a call draws one number, or one of several, that picks no rows."""
    module, _, function = names.called(call).rpartition(".")
    drawn_from = ("numpy.random", "random")
    if not module.startswith(drawn_from) and isinstance(call.func, ast.Attribute):
        # rng.uniform(0, 1)
        holder = last_name(call.func.value)
        made = (
            names.called(n.value)
            for n in script.tree.body
            if isinstance(n, ast.Assign) and last_name(n.targets[0]) == holder
        )
        module = next((m for m in made if m.startswith(("numpy.random.", "random."))), "")
        function = call.func.attr
    most = _ONE_DRAWN.get(function)
    if most is None or not module.startswith(drawn_from) or call.keywords:
        return False
    sized = any(isinstance(n, ast.Call) and last_name(n.func) == "len" for n in ast.walk(call))
    inside = any(isinstance(n, ast.Subscript) for n in script.ancestors(call))
    return len(call.args) <= most and not sized and not inside


def is_fold_loop(loop: ast.AST) -> bool:
    """Whether a loop or comprehension goes over the folds of a cross-validation."""
    header = _header(loop)
    if header is None:
        return False
    over, target = header
    splits = any(
        isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute)
        and n.func.attr == "split"
        and bool(n.args)
        and not isinstance(n.args[0], ast.Constant)
        for n in ast.walk(over)
    )
    words = [n.id.lower() for n in (*ast.walk(over), *ast.walk(target)) if isinstance(n, ast.Name)]
    return splits or any(word in name for name in words for word in _FOLDS)


def _hands_on_folds(script: Script, loop: ast.stmt) -> bool:
    """Whether a loop gives each of its turns to a function of the script as its fold:
    ``Parallel(2)(delayed(score)(k) for k in range(5))`` with ``def score(fold)``."""
    header = _header(loop)
    turn = last_name(header[1]) if header is not None else ""
    functions = {n.name: n for n in ast.walk(script.tree) if isinstance(n, ast.FunctionDef)}
    for call in (n for n in ast.walk(loop) if turn and isinstance(n, ast.Call)):
        called = (
            call.func.args[0] if isinstance(call.func, ast.Call) and call.func.args else call.func
        )
        function = functions.get(last_name(called))
        names = [a.arg for a in function.args.args] if function is not None else []
        given = [
            *zip(names, call.args, strict=False),
            *((k.arg or "", k.value) for k in call.keywords),
        ]
        for name, value in given if names else ():
            if last_name(value) == turn and any(word in name.lower() for word in _FOLDS):
                return True
    return False


def _header(loop: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    if isinstance(loop, ast.For | ast.AsyncFor):
        return loop.iter, loop.target
    comprehension = _comprehension(loop)
    return (comprehension.iter, comprehension.target) if comprehension else None


def _comprehension(statement: ast.AST) -> ast.comprehension | None:
    found = (n for n in ast.walk(statement) if isinstance(n, ast.comprehension))
    simple = isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr)
    return next(found, None) if simple else None


def _statements(script: Script, files: frozenset[str], spot: Spot) -> Iterator[ast.stmt]:
    """The place's statement and those of the calls that led to it, innermost first."""
    lines = [line for file, line in reversed(spot.outer) if file in files]
    found = (spot.place.statement, *(statement_at(script, line) for line in lines))
    return (statement for statement in found if statement is not None)


def _search(statement: ast.stmt) -> str:
    """The call in a simple statement by which a library trains several models: ``tuner.search``."""
    if not isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign | ast.Return):
        return ""
    called = (ast.unparse(n.func) for n in ast.walk(statement) if isinstance(n, ast.Call))
    return next((name for name in called if name.rpartition(".")[2] in _SEARCHES), "")


def _loops(script: Script, files: frozenset[str], spot: Spot) -> Iterator[ast.stmt]:
    """Loops, and statements with a comprehension, that the place is executed in."""
    for statement in _statements(script, files, spot):
        if _comprehension(statement) is not None:
            yield statement
        yield from script.loops(statement)


def _collected(script: Script, loop: ast.stmt) -> Iterator[tuple[str, ast.expr | None]]:
    """What the turns of a loop or comprehension add to: its name, and the expression added.

    Last the name of the list that the loop goes over, and None.
    """
    comprehension = loop.value if isinstance(loop, ast.Assign) else None
    if isinstance(loop, ast.Assign):
        added = comprehension.elt if isinstance(comprehension, ast.ListComp) else None
        yield last_name(loop.targets[0]), added
        return
    given = {
        last_name(node.targets[0]): node.value
        for node in ast.walk(loop)
        if isinstance(node, ast.Assign)
    }
    for node in (n for n in ast.walk(loop) if _nearest_loop(script, n) is loop):
        match node:
            case ast.Call(func=ast.Attribute(attr="append", value=target), args=[value]):
                pass
            case ast.AugAssign(op=ast.Add(), target=target, value=value):
                pass
            case _:
                continue
        if last_name(target) not in given:  # a list of each turn's own brings nothing together
            yield last_name(target), given.get(last_name(value), value)
    if isinstance(loop, ast.For):
        yield last_name(loop.iter), None


def _nearest_loop(script: Script, node: ast.AST) -> ast.AST | None:
    loops = (n for n in script.ancestors(node) if isinstance(n, ast.For | ast.AsyncFor | ast.While))
    return next(loops, None)


def _predictions(script: Script, loop: ast.stmt) -> str:
    """The name to which a loop adds what its models predict, where a mean or sum is taken."""
    for name, value in _collected(script, loop):
        called = (last_name(n.func) for n in ast.walk(value or loop) if isinstance(n, ast.Call))
        predicts = value is not None and any(c.startswith("predict") for c in called)
        if predicts and (_summarized(script, name) or _added_up(loop, name)):
            return name
    return ""


def _added_up(loop: ast.stmt, name: str) -> bool:
    added = (n for n in ast.walk(loop) if isinstance(n, ast.AugAssign))
    return any(last_name(n.target) == name for n in added)


def _combined(script: Script, name: str) -> bool:
    """Whether what the models in a list predict is brought together somewhere."""
    for node in ast.walk(script.tree):
        match node:
            case ast.Call(func=called, args=arguments):
                function = called.func if isinstance(called, ast.Call) else called
                together = _TOGETHER.search(last_name(function))
                if together and any(_over(a, name) for a in arguments):
                    return True
            case ast.Assign(targets=[target], value=value) if _over(value, name):
                if _summarized(script, last_name(target)):
                    return True
            case ast.For(iter=over) if last_name(over) == name and _predictions(script, node):
                return True
    return False


def _over(expression: ast.expr, name: str) -> bool:
    """Whether an expression holds a comprehension over a list that calls something for each."""
    parts = list(ast.walk(expression))
    loops = [part.iter for part in parts if isinstance(part, ast.comprehension)]
    over = any(last_name(n) == name for loop in loops for n in ast.walk(loop))
    return over and any(isinstance(n, ast.Call) for n in parts[1:])


def _summarized(script: Script, name: str) -> bool:
    """Whether a mean, a sum or a spread of what a name holds is taken, maybe as an array."""
    nodes = list(ast.walk(script.tree))
    arrays = {name} | {
        last_name(n.targets[0])
        for n in nodes
        if isinstance(n, ast.Assign) and any(last_name(a) == name for a in _arguments(n.value))
    }
    return any(
        _SUMMARIES.fullmatch(last_name(n.func))
        and any(last_name(given) in arrays - {""} for given in _arguments(n))
        for n in nodes
        if isinstance(n, ast.Call)
    )


def _arguments(node: ast.expr) -> list[ast.expr]:
    """What a call is given, the object of a method included."""
    if not isinstance(node, ast.Call):
        return []
    return [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
