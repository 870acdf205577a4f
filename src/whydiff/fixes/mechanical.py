"""Repairs that follow from a known mechanism: lines moved, arguments exchanged, a call put in.

Each takes the text to be at fault, not the generators; whether it helps is tried elsewhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recipe import COUNTED_ANEW
from whydiff.core.recording import Fit, Side
from whydiff.diagnosis.sources.architecture import MASKS_END
from whydiff.fixes.handed_on import hand_state_on
from whydiff.fixes.proposal import Difference, Step
from whydiff.fixes.runs import Plan
from whydiff.fixes.spots import build_spots, own_draws, pair, script_files
from whydiff.script_text.edits import (
    Edit,
    Function,
    Script,
    block_of,
    is_docstring,
    place_before,
    statement_at,
    whole_lines,
)
from whydiff.script_text.imports import Names, binds
from whydiff.script_text.orders import reset_in_loop

#: functions that reduce everything where they are given no axis
_REDUCES = frozenset({"mean", "reduce_mean", "sum", "reduce_sum"})
#: mechanism: fans of a kernel are computed otherwise
FANS = "keras-fans-3-15"
#: layers whose kernels have more axes than two
_ATTENTION = frozenset(
    f"keras.layers.{name}"
    for name in ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
)
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def repairs(script: Script, path: Path, made_by: Difference) -> list[Plan]:
    """Plans for the mechanisms that were found among the causes, one each."""
    names = Names(script)
    made: list[Plan] = []
    for finding in made_by.findings:
        if finding.status != DIFFERS or finding.source not in made_by.causes:
            continue
        for step in _steps(script, names, path, made_by.a, made_by.b, finding):
            if step:
                made.append(((step,), (finding.source,)))
    return made


def _steps(
    script: Script, names: Names, path: Path, a: Side, b: Side, finding: Finding
) -> Iterator[Step]:
    same_run = a.execution is b.execution
    match finding.mechanism:
        case "shared-layers":
            yield _layers_inside(script, names)
        case "inputs-exchanged" if same_run:
            yield _same_inputs(script, path, a, b)
        case "generator-repeats":
            yield _index_outside(script)
        case "frozen-augmentation":
            yield _cache_first(script)
        case "batches-shuffled":
            yield _shuffle_first(script)
        case "schedule-restarted":
            yield _count_on(script, path, a, b)
        case "mask-ends":
            yield _pass_mask_on(script, a, b)
        case "class-counts-on" if same_run:
            yield _class_set_back(script, path, a, b, finding.detail)
        case "gradients-kept":
            yield _zero_grad(script)
        case "step-drops-state":
            yield hand_state_on(script)
        case "hidden-state-kept" if same_run:
            yield _reset_state(script, path, b.fit)
        case "jax-threefry-partitionable":
            yield Step(
                environment={"JAX_THREEFRY_PARTITIONABLE": "1"},
                how="Lets every version of JAX draw random numbers in the same way.",
            )
        case mechanism if mechanism == FANS:
            yield _initializer_without_fans(script, names)
        case "thread-count":
            yield Step(
                environment=dict.fromkeys(_THREADS, "1"),
                how="Lets sums be taken by one thread, in one order.",
            )
    if finding.source == "objective" and any(_weighted(side) for side in (a, b)):
        yield _per_sample(script, names, a, b)
    if finding.source == "architecture" and "compile" in (finding.remedy + finding.evidence):
        yield _compile_again(script, path, (a.fit, b.fit))


# --- layers made outside of the loop that uses them -------------------------------------------


def _initializer_without_fans(script: Script, names: Names) -> Step:
    """Attention that is given no initializer starts by one that asks for no fans."""
    edits, lines = [], []
    for node in ast.walk(script.tree):
        if not isinstance(node, ast.Call) or names.called(node) not in _ATTENTION:
            continue
        if any(word.arg in (None, "kernel_initializer") for word in node.keywords):
            continue
        end = script.span(node)[1] - 1
        before = script.text[:end].rstrip()
        comma = {"(": "", ",": " "}.get(before[-1], ", ")
        edits.append(
            Edit(len(before), len(before), f'{comma}kernel_initializer="truncated_normal"')
        )
        lines.append(str(node.lineno))
    where = f"line {' and '.join(lines)}"
    how = (
        f'Passes kernel_initializer="truncated_normal" to the attention in {where}: another start '
        "than before, by an initializer that asks for no fans."
    )
    return Step(tuple(edits), how=how, instead=True)


def _layers_inside(script: Script, names: Names) -> Step:
    """Move layers that one loop or function puts into a model each time to its beginning."""
    moves: dict[ast.stmt, list[ast.Assign]] = {}
    for node in script.tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        parts = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
        made = bool(parts) and all(_is_layer(names, p) for p in parts)
        owner = _only_user(script, node.targets[0].id) if made else None
        if owner is not None and not _has_text_over_lines(node):
            moves.setdefault(owner, []).append(node)
    edits: list[Edit] = []
    lines = []
    for owner, assigns in moves.items():
        body: list[ast.stmt] = owner.body  # type: ignore[attr-defined]
        first = body[1] if is_docstring(body[0]) and len(body) > 1 else body[0]
        place = place_before(script, first)
        cuts = [whole_lines(script, assign) for assign in assigns]
        if place is None or None in cuts:
            continue
        for assign, cut in zip(assigns, cuts, strict=True):
            assert cut is not None
            text = script.segment(assign).replace(place.newline, place.newline + place.indent)
            edits += [place.insert(text), cut]
            lines.append(str(assign.lineno))
    if not edits:
        return Step()
    return Step(
        tuple(edits),
        how=f"Makes the layers of line {', '.join(lines)} anew for each model: a layer keeps the "
        "weights that the model before has trained.",
    )


def _is_layer(names: Names, node: ast.AST) -> bool:
    called = names.called(node)
    return called.startswith("keras.layers.") and not called.endswith((".Input", ".InputLayer"))


def _only_user(script: Script, name: str) -> ast.stmt | None:
    """The one loop or function at the top that reads a name, if nothing else does."""
    used = [
        n for n in ast.walk(script.tree)
        if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
    ]  # fmt: skip
    stored = [
        n for n in ast.walk(script.tree)
        if isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load)
    ]  # fmt: skip
    tops = {_top(script, n) for n in used}
    owner = tops.pop() if len(tops) == 1 else None
    if len(stored) != 1 or not isinstance(owner, ast.For | ast.While | Function):
        return None
    header = owner.iter if isinstance(owner, ast.For) else None
    inside = header is None or not any(n in ast.walk(header) for n in used)
    return owner if inside and not (isinstance(owner, Function) and binds(owner, name)) else None


def _top(script: Script, node: ast.AST) -> ast.AST:
    top = node
    for above in script.ancestors(node):
        if isinstance(above, ast.Module):
            break
        top = above
    return top


def _has_text_over_lines(node: ast.AST) -> bool:
    return any(
        isinstance(n, ast.Constant | ast.JoinedStr) and n.lineno != n.end_lineno
        for n in ast.walk(node)
    )


# --- what the two fits were fed ---------------------------------------------------------------


def _same_inputs(script: Script, path: Path, a: Side, b: Side) -> Step:
    """Give the second fit its inputs as the first one gets them."""
    calls = [_fit_call(script, path, s.fit) for s in (a, b)]
    if calls[0] is None or calls[1] is None or calls[0] is calls[1]:
        return Step()
    one, other = (c.args[0] if c.args else None for c in calls if c is not None)
    if one is None or other is None:
        return Step()
    if script.scope(one) is not script.scope(other):
        return Step()
    first, second = script.segment(one), script.segment(other)
    if first == second or "\n" in first:
        return Step()
    return Step(
        (Edit(*script.span(other), first),),
        how=f"Gives the fit in line {other.lineno} its inputs in the order of line {one.lineno}.",
    )


def _fit_call(script: Script, path: Path, fit: Fit) -> ast.Call | None:
    """The call of a method that trains where the script called fit."""
    files = script_files(path, fit.stack[-1].file if fit.stack else "")
    frame = next((f for f in reversed(fit.stack) if f.file in files), None)
    statement = statement_at(script, frame.line) if frame else None
    return next(
        (
            n
            for n in (ast.walk(statement) if statement is not None else ())
            if isinstance(n, ast.Call)
            and isinstance(n.func, ast.Attribute)
            and n.func.attr in ("fit", "train_on_batch")
        ),
        None,
    )


def _index_outside(script: Script) -> Step:
    """Move ``i = 0`` out of ``while True`` where the loop itself carries i on."""
    for loop in (n for n in ast.walk(script.tree) if isinstance(n, ast.While)):
        reset = reset_in_loop(loop)
        cut = whole_lines(script, reset) if reset is not None else None
        place = place_before(script, loop)
        if reset is not None and place and cut:
            return Step(
                (place.insert(script.segment(reset)), _wrapped(script, loop, reset) or cut),
                how=f"Moves `{script.segment(reset)}` out of the endless loop (line "
                f"{reset.lineno}): it began with the first rows again for every batch.",
            )
    return Step()


def _wrapped(script: Script, loop: ast.While, reset: ast.Assign) -> Edit | None:
    """``if i >= len(x): i = 0`` in place of ``i = 0``, where nothing else there sets it back."""
    name, inside = ast.unparse(reset.targets[0]), place_before(script, reset)
    again = [
        n
        for n in ast.walk(loop)
        if isinstance(n, ast.Assign)
        and isinstance(n.value, ast.Constant)
        and name in map(ast.unparse, n.targets)
    ]
    rows = next(
        (
            ast.unparse(n.value)
            for y in ast.walk(loop)
            if isinstance(y, ast.Yield)
            for n in ast.walk(y)
            if isinstance(n, ast.Subscript) and f"[{name}:" in ast.unparse(n)
        ),
        "",
    )
    if inside is None or not rows or again != [reset]:
        return None
    lines = f"if {name} >= len({rows}):{inside.newline}{inside.indent}    {script.segment(reset)}"
    return Edit(*script.span(reset), lines)


def _cache_first(script: Script) -> Step:
    """``ds.map(f).cache()`` becomes ``ds.cache().map(f)``: the cache holds what f has not drawn."""
    edits, line = _exchanged(script, "map", "cache")
    how = f"Caches before the map (line {line}), so that it draws anew in every epoch."
    return Step(edits, how=how) if edits else Step()


def _shuffle_first(script: Script) -> Step:
    """``ds.batch(n).shuffle(m)`` becomes ``ds.shuffle(m * n).batch(n)``: as many samples as were in
    the buffer's batches."""
    edits, line = _exchanged(script, "batch", "shuffle")
    edits = tuple(_in_samples(edit) for edit in edits)
    how = f"Shuffles before batching (line {line}), so that samples mix between batches."
    return Step(edits, how=how) if edits else Step()


def _in_samples(edit: Edit) -> Edit:
    """``.shuffle(12, ...).batch(16)`` with a buffer of 12 * 16 samples, where both are numbers."""
    sizes = r"\.shuffle\((\s*(?:buffer_size=)?\s*)(\d+)(.*)\.batch\(\s*(?:batch_size=)?\s*(\d+)"
    found = re.match(sizes, edit.new, re.DOTALL)
    if not found:
        return edit
    size = str(int(found[2]) * int(found[4]))
    return replace(edit, new=edit.new[: found.start(2)] + size + edit.new[found.end(2) :])


def _exchanged(script: Script, first: str, second: str) -> tuple[tuple[Edit, ...], int]:
    """``ds.first(...).second(...)`` with both calls exchanged, and its line; () if not just once:
    of several nobody knows which one is at fault."""
    edits, lines = [], []
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        inner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if not isinstance(call.func, ast.Attribute) or call.func.attr != second:
            continue
        if not isinstance(inner, ast.Call) or not isinstance(inner.func, ast.Attribute):
            continue
        if inner.func.attr != first:
            continue
        base_end, inner_end = script.span(inner.func.value)[1], script.span(inner)[1]
        end = script.span(call)[1]
        text = script.text[inner_end:end] + script.text[base_end:inner_end]
        edits.append(Edit(base_end, end, text))
        lines.append(call.lineno)
    return (tuple(edits), lines[0]) if len(edits) == 1 else ((), 0)


# --- a loss that ignores weights ---------------------------------------------------------------


def _weighted(side: Side) -> bool:
    facts = side.recipe.objective
    given = facts.get("sample_weight") or facts.get("class_weight")
    return bool(given) or side.recipe.data_content.weights is not None


def _per_sample(script: Script, names: Names, a: Side, b: Side) -> Step:
    """Let a loss of the script's own give a value per sample, which weights can weigh."""
    wanted = {str(side.recipe.objective.get("loss")) for side in (a, b)}
    edits, lines = [], []
    for function in (n for n in ast.walk(script.tree) if isinstance(n, ast.FunctionDef)):
        inside = [n for n in ast.walk(function) if isinstance(n, ast.Call)]
        for call in inside if function.name in wanted else ():
            called = names.called(call)
            if called.rpartition(".")[2] not in _REDUCES or len(call.args) != 1 or call.keywords:
                continue
            end = script.span(call)[1] - 1
            name = "dim" if called.startswith("torch.") else "axis"
            edits.append(Edit(end, end, f", {name}=-1"))
            lines.append(f"{function.name} (line {call.lineno})")
    if not edits:
        return Step()
    return Step(
        tuple(edits),
        how=f"Lets {', '.join(dict.fromkeys(lines))} give a value per sample: a loss that is "
        "reduced to one number already cannot be weighed sample by sample, so sample_weight and "
        "class_weight only scale it.",
    )


# --- calls that were forgotten ----------------------------------------------------------------


def _compile_again(script: Script, path: Path, fits: Sequence[Fit]) -> Step:
    """Repeat ``compile`` between a change of ``trainable`` and the fit that was to obey it."""
    for fit in reversed(fits):
        call = _fit_call(script, path, fit)
        if call is None or not isinstance(call.func, ast.Attribute):
            continue
        model, scope = ast.unparse(call.func.value), script.scope(call)
        above = _statements(script, scope, call.lineno)
        compiles = [n for n in above if _calls(n, model, "compile")]
        changes = [n for n in above if _sets_trainable(n)]
        if not compiles or not changes or compiles[-1].lineno > changes[-1].lineno:
            continue
        block = block_of(script, changes[-1])
        following = block[block.index(changes[-1]) + 1 :][:1]
        place = place_before(script, following[0]) if following else None
        text = script.segment(compiles[-1])
        if place is not None and "\n" not in text:
            return Step(
                (place.insert(text),),
                how=f"Compiles {model} again after `trainable` was changed (line "
                f"{changes[-1].lineno}): a compiled model trains what it was compiled with.",
            )
    return Step()


def _statements(script: Script, scope: ast.AST, above: int) -> list[ast.stmt]:
    """The statements of a scope above a line, in the order of the text."""
    found = [
        s
        for s in ast.walk(scope)
        if isinstance(s, ast.stmt) and s.lineno < above and script.scope(s) is scope
    ]
    return sorted(found, key=lambda s: s.lineno)


def _calls(statement: ast.AST, model: str, method: str) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == method
        and ast.unparse(call.func.value) == model
    )


def _sets_trainable(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Assign) and any(
        isinstance(t, ast.Attribute) and t.attr == "trainable" for t in statement.targets
    )


def _class_set_back(script: Script, path: Path, a: Side, b: Side, said: str) -> Step:
    """Set what a class of layers counts back to its first value before each model is built."""
    begins = {
        f"{cls.name}.{statement.targets[0].id}": script.segment(statement.value)
        for cls in script.tree.body
        if isinstance(cls, ast.ClassDef)
        for statement in cls.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
        if isinstance(statement.value, ast.Constant)
    }
    lines = [f"{name} = {value}" for name, value in begins.items() if f"{name} " in said]
    files = script_files(path, a.execution.script)
    spots = pair(script, *(build_spots(script, files, draws) for draws in own_draws(a, b)))
    if not lines or not spots:
        return Step()
    names = " and ".join(line.partition(" ")[0] for line in lines)
    return Step(
        tuple(spot.place.insert(*lines) for spot in spots),
        how=f"Sets {names} back before each model is built.",
    )


def _zero_grad(script: Script) -> Step:
    """Forget the gradients of the step before, in a ``train_step`` that calls backward."""
    edits = []
    for step in (n for n in ast.walk(script.tree) if isinstance(n, ast.FunctionDef)):
        if step.name != "train_step" or "zero_grad" in ast.unparse(step):
            continue
        back = next(
            (
                s
                for s in ast.walk(step)
                if isinstance(s, ast.Expr)
                and isinstance(s.value, ast.Call)
                and isinstance(s.value.func, ast.Attribute)
                and s.value.func.attr == "backward"
            ),
            None,
        )
        place = place_before(script, back) if back else None
        if place is not None and step.args.args:
            edits.append(place.insert(f"{step.args.args[0].arg}.zero_grad()"))
    how = "Forgets the gradients of the step before: torch adds to them otherwise."
    return Step(tuple(edits), how=how) if edits else Step()


def _count_on(script: Script, path: Path, a: Side, b: Side) -> Step:
    """Let later fits of one training number their epochs on from the fit before."""
    edits, lines = [], []
    for side in (s for s in (a, b) if s.recipe.optimizer.get(COUNTED_ANEW)):
        parts = [fit for fit in side.execution.fits if fit.index in side.fit.parts]
        calls = [_fit_call(script, path, fit) for fit in parts]
        for number, (fit, call) in enumerate(zip(parts, calls, strict=True)):
            done = sum(len(earlier.epochs) for earlier in parts[:number])
            words = {k.arg: k.value for k in call.keywords} if call is not None else {}
            asked = words.get("epochs")
            if call is None or None in words or "initial_epoch" in words or calls.count(call) > 1:
                return Step()
            if not number:
                continue
            if not isinstance(asked, ast.Constant):
                return Step()
            whole = done + len(fit.epochs)
            edits.append(Edit(*script.span(asked), f"{whole}, initial_epoch={done}"))
            lines.append(str(call.lineno))
    how = (
        f"Lets the fit in line {' and '.join(dict.fromkeys(lines))} number its epochs on from the "
        "fit before, so that what is set by the epoch does not begin again."
    )
    return Step(tuple(edits), how=how) if edits else Step()


_PASSES = ".supports_masking = True"


def _pass_mask_on(script: Script, a: Side, b: Side) -> Step:
    """Let layers of the script's own, at which the mask of one side ends, pass it on."""
    wanted = set()
    for facts in (a.recipe.architecture, b.recipe.architecture):
        kinds = dict(str(entry).split(": ", 1) for entry in facts.get("layers") or ())
        wanted |= {kinds.get(path) for path in facts.get(MASKS_END) or ()}
    edits, lines = [], []
    for cls in (n for n in ast.walk(script.tree) if isinstance(n, ast.ClassDef)):
        makes = [n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        begun = [s for f in makes for s in f.body if "super().__init__" in ast.unparse(s)]
        first = next((s for s in cls.body if not is_docstring(s)), cls.body[0])
        place = place_before(script, begun[0] if begun else first)
        if cls.name not in wanted or place is None or (makes and not begun):
            continue
        lines.append(f"{cls.name} (line {cls.lineno})")
        if begun:
            text = f"{place.newline}{place.indent}{makes[0].args.args[0].arg}{_PASSES}"
            end = script.span(begun[0])[1]
            edits.append(Edit(end, end, text))
        else:
            made = ("def __init__(self, **kwargs):", "    super().__init__(**kwargs)")
            edits.append(place.insert(*made, f"    self{_PASSES}", ""))
    how = f"Lets {', '.join(lines)} pass the mask on to the layers behind."
    return Step(tuple(edits), how=how) if edits else Step()


def _reset_state(script: Script, path: Path, fit: Fit) -> Step:
    """Put recurrent states back before the fit that began with what was left in them."""
    call = _fit_call(script, path, fit)
    statement = next(
        (n for n in script.ancestors(call) if isinstance(n, ast.stmt)) if call else iter(()), None
    )
    place = place_before(script, statement) if statement is not None else None
    if call is None or place is None or not isinstance(call.func, ast.Attribute):
        return Step()
    model = ast.unparse(call.func.value)
    lines = (
        f"for layer in {model}.layers:",
        '    if hasattr(layer, "reset_state"):',
        "        layer.reset_state()",
    )
    return Step(
        (place.insert(*lines),),
        how="Puts the states of recurrent layers back before the fit.",
    )
