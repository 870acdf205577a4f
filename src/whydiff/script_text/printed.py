"""Numbers that a line of a script prints, and the expressions that they come from, as text."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Mapping, Sequence

from whydiff.script_text.edits import spans

_Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef
#: Functions that only change how a number is written.
_WRITTEN = frozenset({"round", "str", "float", "format", "repr"})


def printed_numbers(module: ast.Module, line: int) -> Iterator[tuple[str, ast.expr]]:
    """What the calls of ``print`` around a line are given, taken out of texts and formats, each
    with the text that is printed before it."""
    for node in ast.walk(_statement(module, line)):
        if isinstance(node, ast.Call) and _named(node.func, "print"):
            label = ""
            for argument in node.args:
                yield from _numbers(argument, label)
                label = _text(argument)


def throws_away(
    module: ast.Module, line: int, method: str, attribute: str, whole: bool = True
) -> bool:
    """Whether the statement at a line is a call of ``method`` whose result is thrown away, and no
    ``attribute`` is read anywhere in the module; where the module is the ``whole`` script, one
    whose result is given to a name that nothing reads is thrown away, too."""
    if any(isinstance(n, ast.Attribute) and n.attr == attribute for n in ast.walk(module)):
        return False
    match _statement(module, line):
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name))):
            return name == method
        case ast.Assign(
            targets=[ast.Name(id=given)], value=ast.Call(func=ast.Attribute(attr=name))
        ):
            read = (n for n in ast.walk(module) if _named(n, given))
            unread = all(isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) for n in read)
            return whole and name == method and unread
    return False


def called_alone(module: ast.Module, line: int) -> list[ast.expr]:
    """What the statements at a line call, where they do nothing else."""
    calls = [
        node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
        for node in _statements(module, line)
    ]
    return [] if None in calls else [func for func in calls if func is not None]


def keys_read(module: ast.Module, attribute: str) -> list[str]:
    """The names by which the entries of an attribute are read, there or by a name that it was given
    (``h = fitted.history``); [] where not all are told."""
    uses: list[ast.expr] = []
    keys: dict[int, list[str]] = {}
    loops = _texts_of_loops(module)
    named: dict[int, str] = {}  # attributes that are given a name
    for node in ast.walk(module):
        match node:
            case ast.Attribute(attr=attr) if attr == attribute:
                uses.append(node)
            case ast.Subscript(value=value, slice=key) if told := _texts(key, loops):
                keys[id(value)] = told
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute() as value):
                named[id(value)] = name
    names = {named[id(n)] for n in uses if id(n) in named}
    attributes = {id(n.value) for n in uses if isinstance(n, ast.Attribute)}
    read: list[ast.expr] = [
            n for n in ast.walk(module)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n.id in names
            and id(n) not in attributes]  # fmt: skip
    read += [n for n in uses if id(n) not in named]
    if not all(id(n) in keys for n in read):
        return []
    return sorted({key for n in read for key in keys[id(n)]})


def _texts_of_loops(module: ast.Module) -> dict[str, list[str]]:
    """The texts that names of loops stand for, where these go over texts of the script alone and
    the name is given nothing else."""
    given = [n for n in ast.walk(module) if isinstance(n, (ast.For, ast.comprehension))]
    stored = [n.id for n in ast.walk(module)
              if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]  # fmt: skip
    found: dict[str, list[str]] = {}
    for loop in given:
        match loop.target, loop.iter:
            case ast.Name(id=name), ast.Tuple(elts=parts) | ast.List(elts=parts):
                texts = [text for part in parts for text in _texts(part, {})]
                if texts and len(texts) == len(parts) and stored.count(name) == 1:
                    found[name] = texts
    return found


def _texts(node: ast.expr, names: Mapping[str, list[str]]) -> list[str]:
    """What a text may be that is put together from texts of the script, [] where that is not
    known."""
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.Name(id=name):
            return names.get(name, [])
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [a + b for a in _texts(left, names) for b in _texts(right, names)]
        case ast.JoinedStr(values=parts):
            found = [""]
            for part in parts:
                inner = part.value if isinstance(part, ast.FormattedValue) else part
                found = [a + b for a in found for b in _texts(inner, names)]
            return found
    return []


def unscaled(node: ast.expr) -> ast.expr:
    """Without a factor that makes a part a percentage."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for factor, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(factor, ast.Constant) and factor.value == 100:
                return other
    return node


def added(node: ast.expr) -> list[ast.expr]:
    """The addends of a sum; of anything else it alone."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*added(node.left), *added(node.right)]
    return [node]


def root_of(node: ast.expr) -> ast.expr | None:
    """What an expression takes the square root of; None for any other one."""
    match node:
        case ast.Call(func=ast.Attribute(attr="sqrt") | ast.Name(id="sqrt"), args=[inner]):
            return inner
        case ast.BinOp(left=inner, op=ast.Pow(), right=ast.Constant(value=0.5)):
            return inner
    return None


def zipped(module: ast.Module, node: ast.expr, line: int) -> tuple[ast.expr, ast.expr] | None:
    """The two lists that ``zip`` pairs, where an expression or what a name in it was last given is
    such a zip, or a dict of one."""
    match node:
        case ast.Name(id=name):
            whole = definition(module, name, line)
            return None if whole is None or _named(whole, name) else zipped(module, whole, line)
        case ast.Call(func=ast.Name(id="zip"), args=[names, values]):
            return names, values
        case ast.Call(func=ast.Name(id="dict" | "list"), args=[inner]):
            return zipped(module, inner, line)
        case ast.Call(func=ast.Attribute(value=inner, attr="items"), args=[]):
            return zipped(module, inner, line)
        case ast.DictComp(
            key=ast.Name(id=key),
            value=value,
            generators=[
                ast.comprehension(
                    target=ast.Tuple(elts=[ast.Name(id=name), ast.Name(id=number)]),
                    iter=inner,
                    ifs=[],
                )
            ],
        ) if key == name and any(_named(n, number) for n in ast.walk(value)):
            return zipped(module, inner, line)
    return None


def named_in_loop(module: ast.Module, name: str, line: int) -> tuple[str, ast.expr] | None:
    """Where a loop around a line goes through pairs and ``name`` is the second of each: the name of
    the first, and what the loop goes through."""
    for node in ast.walk(module):
        match node:
            case ast.For(target=ast.Tuple(elts=[ast.Name(id=first), second]), iter=pairs) if spans(
                node, line
            ) and _named(second, name):
                return first, pairs
    return None


def definition(module: ast.Module, name: str, line: int) -> ast.expr | None:
    """What the scope around a line last assigned to a name above it, in the order of the text;
    where it assigns nothing, what the module assigned."""
    inner = _scope_at(module, line)
    for scope in dict.fromkeys((inner, module)):
        values = [
            (node.lineno, value)
            for node in _own_nodes(scope)
            if isinstance(node, ast.Assign) and node.lineno <= line
            for value in _given(node, name)
        ]
        if values:
            return max(values, key=lambda one: one[0])[1]
    return None


def _given(node: ast.Assign, name: str) -> Iterator[ast.expr]:
    """What an assignment gives a name, alone or as one of several: ``hits, seen = 0, 0``."""
    for target in node.targets:
        if _named(target, name):
            yield node.value
        if isinstance(target, ast.Tuple):
            ours = [k for k, part in enumerate(target.elts) if _named(part, name)]
            yield from _parts(node.value, ours)


def _parts(value: ast.expr, wanted: Sequence[int]) -> Iterator[ast.expr]:
    """These of the values that a tuple or a call gives to several names."""
    if isinstance(value, ast.Tuple):
        yield from (value.elts[k] for k in wanted if k < len(value.elts))
    elif isinstance(value, ast.Call):
        for k in wanted:
            item = ast.Subscript(value, ast.Constant(k), ast.Load())
            yield ast.fix_missing_locations(ast.copy_location(item, value))


def counting_loop(module: ast.Module, name: str, line: int) -> ast.For | None:
    """The last loop of the scope around a line, ended above it, that adds to a name."""
    loops = [
        node
        for node in _own_nodes(_scope_at(module, line))
        if isinstance(node, ast.For)
        and (node.end_lineno or node.lineno) < line
        and any(isinstance(n, ast.AugAssign) and _named(n.target, name) for n in ast.walk(node))
    ]
    return min(loops, key=lambda loop: (-(loop.end_lineno or 0), loop.lineno), default=None)


def counting_around(module: ast.Module, line: int) -> ast.For | None:
    """The innermost loop around a line in which something is added up."""
    loops = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.For)
        and spans(node, line)
        and any(isinstance(n, ast.AugAssign) for n in ast.walk(node))
    ]
    return max(loops, key=lambda loop: loop.lineno, default=None)


def needed_for(loop: ast.For | ast.FunctionDef, name: str) -> set[str]:
    """The names of a loop or function that what it makes of ``name`` depends on."""
    needed = {name}
    while True:
        read = {
            n.id
            for node in ast.walk(loop)
            for part in _parts_read(node, needed)
            for n in ast.walk(part)
            if isinstance(n, ast.Name)
        }
        if read <= needed:
            return needed
        needed |= read


def one_return(body: list[ast.stmt], name: str, ran: set[int]) -> list[ast.stmt]:
    """Statements of a function with what it returns assigned to ``name``: what follows an ``if``
    that returns stands in its branches. Of two branches of which one holds a line of ``ran``, that
    one alone. What stands in loops is left."""
    for i, node in enumerate(body):
        if isinstance(node, ast.Return):
            result = ast.Assign([ast.Name(name, ast.Store())], node.value or ast.Constant(None))
            ast.copy_location(result.targets[0], node)
            return [*body[:i], ast.copy_location(result, node)]
        if isinstance(node, ast.If):
            returns = any(isinstance(n, ast.Return) for n in ast.walk(node))
            branches = [node.body, node.orelse]
            if returns:
                rest = body[i + 1 :]
                branches = [one_return([*b, *copy.deepcopy(rest)], name, ran) for b in branches]
            taken = [b for b in branches if any(spans(part, line) for part in b for line in ran)]
            if len(taken) == 1:
                return one_return([*body[:i], *taken[0], *body[len(body) if returns else i + 1 :]],
                                  name, ran)  # fmt: skip
            node.body, node.orelse = branches
            if returns:
                return body[: i + 1]
    return body


def assigned(node: ast.AST) -> set[str]:
    """The names that a statement gives a value, those inside it included."""
    return {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _parts_read(node: ast.AST, needed: set[str]) -> list[ast.expr]:
    match node:
        case ast.Assign(targets=targets, value=value):
            return [value] if any(assigned(target) & needed for target in targets) else []
        case ast.AugAssign(target=target, value=value):
            return [value] if assigned(target) & needed else []
        case ast.For(iter=part) | ast.If(test=part):
            return [part]
    return []


def unpacked(module: ast.Module, name: str, line: int) -> tuple[ast.expr, int] | None:
    """What the scope around a line last unpacked into names above it, this one among them, and the
    name's position."""
    found = [
        (node.lineno, node.value, position)
        for node in _own_nodes(_scope_at(module, line))
        if isinstance(node, ast.Assign) and node.lineno <= line
        for target in node.targets
        if isinstance(target, ast.Tuple | ast.List)
        for position, element in enumerate(target.elts)
        if _named(element, name)
    ]
    if not found:
        return None
    _, value, position = max(found, key=lambda one: one[0])
    return value, position


def function_at(module: ast.Module, name: str, line: int) -> ast.FunctionDef | None:
    """The function of that name whose text (or first decorator) begins at a line."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == line:
                return node
    return None


def function_named(module: ast.Module, name: str) -> ast.FunctionDef | None:
    """The function or method of that name, where a text has but one."""
    named = [n for n in ast.walk(module) if isinstance(n, ast.FunctionDef) and n.name == name]
    return named[0] if len(named) == 1 else None


def _numbers(node: ast.expr, label: str) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.JoinedStr(values=parts):
            for part in parts:
                if isinstance(part, ast.FormattedValue):
                    yield from _numbers(part.value, label)
                label = _text(part)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            yield from _formatted(node.args, re.split(r"\{[^{}]*\}", text))
            for keyword in node.keywords:
                yield from _numbers(keyword.value, keyword.arg or "")
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
            given = right.elts if isinstance(right, ast.Tuple) else [right]
            yield from _formatted(given, re.split(r"%[-+ #0-9.*]*[a-zA-Z]", text))
        case ast.BinOp(left=left, op=ast.Add(), right=right) if _is_text(left) or _is_text(right):
            yield from _numbers(left, label)
            yield from _numbers(right, _text(left))
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _WRITTEN:
            yield from _numbers(first, label)
        case ast.Constant() | ast.Starred():
            return
        case _:
            yield label, node


def _formatted(given: list[ast.expr], texts: list[str]) -> Iterator[tuple[str, ast.expr]]:
    for k, argument in enumerate(given):
        yield from _numbers(argument, texts[k] if k < len(texts) else "")


def _text(node: ast.expr) -> str:
    """The text that an expression ends with, "" where it ends with something else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[*_, ast.Constant(value=str(text))]):
            return text
        case ast.BinOp(op=ast.Add(), right=right):
            return _text(right)
    return ""


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.Call(func=ast.Name(id="str" | "format" | "repr")):
            return True
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _is_text(left) or _is_text(right)
    return False


def _named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _statement(module: ast.Module, line: int) -> ast.AST:
    """The innermost statement around a line."""
    simple = _statements(module, line)
    return simple[-1] if simple else ast.Pass()


def _statements(module: ast.Module, line: int) -> list[ast.stmt]:
    around = [n for n in ast.walk(module) if isinstance(n, ast.stmt) and spans(n, line)]
    return [n for n in around if not hasattr(n, "body")]


def _scope_at(module: ast.Module, line: int) -> _Scope:
    inner: _Scope = module
    for node in ast.walk(module):  # outer ones come first
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and spans(node, line):
            inner = node
    return inner


def _own_nodes(scope: _Scope) -> Iterator[ast.AST]:
    """The nodes of a scope without those of functions and classes inside it."""
    left: list[ast.AST] = list(scope.body)
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            left += ast.iter_child_nodes(node)
