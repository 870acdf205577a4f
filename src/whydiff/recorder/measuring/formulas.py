"""Scores that a script computes by hand: ``np.mean(model.predict(x).argmax(1) == y)``.

A person compares the number that a script prints. Where it is computed by plain operations of NumPy
from a watched output, it can be computed again, from other labels, say. Nothing of the script is
changed for that: when it has printed a line, the expressions in the text of that line are followed
to the assignments they come from, with the values that the names have at this moment. A formula
counts only if it gives the very number that was printed.
"""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import inspect
import linecache
import math
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.stack import in_library
from whydiff.script_text.printed import (
    assigned,
    counting_loop,
    definition,
    function_at,
    needed_for,
    printed_numbers,
    unscaled,
)

#: What a name of a formula stands for when it is computed from other arrays.
PREDICTED, LABELS = "_predicted", "_labels"
#: Assignments that are followed, one behind the other.
_DEEPEST = 8
#: A loop over more rows is not gone through again: it takes long.
_MOST_COUNTED = 20_000

_BUILTINS = frozenset({
    "sum", "len", "abs", "round", "float", "int", "bool", "max", "min", "zip", "enumerate",
    "range", "sorted", "list", "tuple", "pow",
})  # fmt: skip
#: Functions of NumPy and ``math`` without any effect but their result.
_FUNCTIONS = frozenset({
    "mean", "average", "sum", "nanmean", "sqrt", "square", "abs", "absolute", "fabs", "power",
    "argmax", "argmin", "round", "around", "rint", "where", "equal", "not_equal", "greater",
    "greater_equal", "less", "less_equal", "squeeze", "ravel", "reshape", "asarray", "array",
    "concatenate", "hstack", "vstack", "stack", "clip", "maximum", "minimum", "log", "log2",
    "log10", "log1p", "exp", "expm1", "count_nonzero", "std", "var", "median", "prod", "dot",
    "diff", "sign", "floor", "ceil", "expand_dims", "all", "any", "max", "min", "amax",
    "amin", "subtract", "add", "multiply", "divide", "true_divide", "isclose", "logical_and",
    "logical_or", "logical_not", "norm", "float32", "float64", "int32", "int64", "corrcoef",
    "nan_to_num", "transpose", "size",
})  # fmt: skip
_METHODS = frozenset({
    "mean", "sum", "argmax", "argmin", "round", "astype", "flatten", "ravel", "reshape",
    "squeeze", "item", "any", "all", "max", "min", "std", "var", "tolist", "copy",
    "transpose", "clip", "prod", "dot",
})  # fmt: skip
_PREDICTING = frozenset({"predict", "predict_on_batch", "__call__"})
_NODES = (
    ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Tuple, ast.List, ast.Slice,
    ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.expr_context, ast.Constant, ast.keyword,
)  # fmt: skip
_STATEMENTS = (
    ast.Return, ast.Assign, ast.AugAssign, ast.If, ast.For, ast.Pass, ast.Continue, ast.Break,
    ast.arguments, ast.arg,
)  # fmt: skip


class _NotPlain(Exception):
    """An expression that is no plain computation, or not one that can be done again."""


@dataclass(frozen=True, eq=False)
class Formula:
    """An expression of the script as a function of labels and predictions.

    ``text`` is as the script has it; ``quantity`` what it measures: "accuracy" (of an error rate,
    what it leaves of 1), "mean_squared_error", "root_mean_squared_error" or "mean_absolute_error".
    """

    text: str
    quantity: str
    value: float
    labels: np.ndarray
    predicted: np.ndarray
    code: Any
    names: Mapping[str, Any]

    def __call__(self, labels: Any, predicted: Any) -> float:
        """What the expression gives from these arrays."""
        return _computed(self.code, {**self.names, LABELS: labels, PREDICTED: predicted})


def printed_formulas(frame: Any, outputs: Mapping[int, MeasuringCall]) -> Iterator[Formula]:
    """The scores by hand among what a frame of the script has just printed."""
    file = frame.f_code.co_filename
    module = parsed(file)
    if module is None:
        return
    names = names_in(frame)
    for _, node in printed_numbers(module, frame.f_lineno):
        try:
            found = _formula(node, file, module, frame.f_lineno, names, outputs)
        except Exception:  # whatever it is, it is no score by hand
            continue
        if found is not None:
            yield found


def names_in(frame: Any) -> dict[str, Any]:
    """What the names of a frame stand for.

    Up to Python 3.12 a function's frame keeps what it was asked for, and would keep alive what the
    function deletes.
    """
    found = {**frame.f_globals, **frame.f_locals}
    if frame.f_code.co_flags & inspect.CO_OPTIMIZED and type(frame.f_locals) is dict:
        frame.f_locals.clear()
    return found


@functools.lru_cache(maxsize=32)
def parsed(file: str) -> ast.Module | None:
    """The syntax tree of a file of the script; None where there is none."""
    text = "".join(linecache.getlines(file))
    try:
        return ast.parse(text) if text else None
    except (SyntaxError, ValueError, RecursionError):
        return None


def _formula(
    node: ast.expr,
    file: str,
    module: ast.Module,
    line: int,
    names: Mapping[str, Any],
    outputs: Mapping[int, MeasuringCall],
) -> Formula | None:
    reader = _Reader(file, module, names, outputs)
    plain = unscaled(node)
    if isinstance(plain, ast.Name):
        shown = definition(module, plain.id, line)
        whole = reader.number(plain.id, names[plain.id], line)
        if whole is None or shown is None:
            return None
        plain, tree = unscaled(shown), unscaled(whole)
    else:
        tree = reader.read(plain, line)
    predicted, labels = reader.roles()
    if predicted is None or labels is None:
        return None
    tree = _Renamed({predicted: PREDICTED, labels: LABELS}).visit(tree)
    given = {PREDICTED: reader.arrays.pop(predicted), LABELS: reader.arrays.pop(labels)}
    kept = {**reader.names, **reader.arrays}
    arrays = np.array(given[LABELS]), np.array(given[PREDICTED])

    def made(tree: ast.expr, text: str, quantity: str) -> Formula:
        code = compile(ast.fix_missing_locations(ast.Expression(tree)), file, "eval")
        value = _computed(code, {**kept, **given})
        return Formula(text, quantity, value, *arrays, code, kept)

    text = ast.unparse(plain)
    quantity = _quantity(made(tree, text, ""), tree, reader.functions)
    if quantity == _ERROR_RATE:
        right = ast.BinOp(ast.Constant(1.0), ast.Sub(), tree)
        return made(right, f"1 - ({text})", "accuracy")
    return made(tree, text, quantity) if quantity else None


def _computed(code: Any, names: Mapping[str, Any]) -> float:
    return float(_evaluated(code, names))


def _evaluated(code: Any, names: Mapping[str, Any]) -> Any:
    """What an expression gives; one that writes into an array fails instead."""
    space = {name: _unwritable(value) for name, value in names.items()}
    with np.errstate(all="ignore"):
        return eval(code, {"__builtins__": {}, **space})


def _unwritable(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    view = value.view()
    view.flags.writeable = False
    return view


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._names.get(node.id, node.id), node.ctx)


class _Reader:
    """Turns expressions of the script into ones of its arrays, which get names of their own."""

    def __init__(
        self,
        file: str,
        module: ast.Module,
        names: Mapping[str, Any],
        outputs: Mapping[int, MeasuringCall],
    ) -> None:
        self._file, self._module, self._values, self._outputs = file, module, names, outputs
        self.arrays: dict[str, Any] = {}  # by name in the formula
        self.names: dict[str, Any] = {}  # functions and numbers
        #: functions and loops of the script, as far as they are used
        self.functions: list[ast.FunctionDef | ast.For] = []
        self._calls: dict[str, int] = {}  # of arrays that are outputs: number of the call
        self._own: dict[int, str] = {}  # id of an array -> its name in the formula
        self._parts: dict[str, np.ndarray] = {}  # of arrays, by their text
        self._bound: list[str] = []  # names of comprehensions around
        self._depth = 0

    def roles(self) -> tuple[str | None, str | None]:
        """Names of the predictions and of the labels; None where it is not clear which they are."""
        if len(set(self._calls.values())) != 1 or len(self._calls) != 1:
            return None, None
        (predicted,) = self._calls
        rows = len(self.arrays[predicted])
        fitting = [
            n for n, a in self.arrays.items() if n != predicted and np.shape(a)[:1] == (rows,)
        ]
        return (predicted, fitting[0]) if len(fitting) == 1 else (None, None)

    def read(self, node: ast.expr, line: int) -> ast.expr:
        """The expression at a line with arrays in the place of what it takes them from."""
        found = self._visit(copy.deepcopy(node), line)
        assert isinstance(found, ast.expr)
        return found

    def followed(self, name: str, value: Any, line: int) -> ast.expr | None:
        """What a name was computed from, where that holds a watched output and gives its value."""
        node = definition(self._module, name, line)
        if node is None or self._depth >= _DEEPEST:
            return None
        before = dict(self.arrays), dict(self.names), dict(self._calls), dict(self._own)
        self._depth += 1
        try:
            tree = self.read(node, node.lineno)
            if len(self._calls) > len(before[2]) or self._holds_output(tree):
                code = compile(ast.fix_missing_locations(ast.Expression(copy.deepcopy(tree))),
                               self._file, "eval")  # fmt: skip
                if _equal(_evaluated(code, {**self.names, **self.arrays}), value):
                    return tree
        except _NotPlain:
            pass
        finally:
            self._depth -= 1
        self.arrays, self.names, self._calls, self._own = before
        return None

    def number(self, name: str, value: Any, line: int) -> ast.expr | None:
        """What a number was computed from, in one expression or in a loop that counts."""
        found = self.followed(name, value, line)
        return self._counted(name, value, line) if found is None else found

    def _counted(self, name: str, value: Any, line: int) -> ast.expr | None:
        """The loop that counted in a name, as a call of a function that counts again."""
        loop = counting_loop(self._module, name, line)
        if loop is None or self._depth >= _DEEPEST:
            return None
        before = dict(self.arrays), dict(self.names), dict(self._calls), dict(self._own)
        self._depth += 1
        bound = len(self._bound)
        try:
            function, given = self._counting(loop, name)
            arrays = {key: a for key, a in self.arrays.items() if key in given}
            few = all(len(array) <= _MOST_COUNTED for array in arrays.values())
            values = [{**self.names, **self.arrays}[key] for key in given]
            if few and arrays.keys() & self._calls.keys() and _equal(function(*values), value):
                self.functions.append(loop)
                arguments: list[ast.expr] = [ast.Name(key, ast.Load()) for key in given]
                return ast.Call(self._named(function), arguments, [])
        except _NotPlain:
            pass
        finally:
            self._depth -= 1
            del self._bound[bound:]
        self.arrays, self.names, self._calls, self._own = before
        return None

    def _counting(self, loop: ast.For, name: str) -> tuple[Any, list[str]]:
        """A function that goes through a loop of the script, and the names of what it is given."""
        needed = needed_for(loop, name)
        counters = {
            n.target.id: definition(self._module, n.target.id, loop.lineno)
            for n in ast.walk(loop)
            if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
        }
        body: list[ast.stmt] = []
        for counter in sorted(counters.keys() & needed):
            begins = counters[counter]
            if begins is None:
                raise _NotPlain
            target = ast.Name(counter, ast.Store())
            body.append(ast.Assign([target], self.read(begins, loop.lineno)))
        self._bound += assigned(loop)
        body += self._statement(copy.deepcopy(loop), needed)
        body.append(ast.Return(ast.Name(name, ast.Load())))
        used = {n.id for part in body for n in ast.walk(part) if isinstance(n, ast.Name)}
        given = sorted(used & (self.arrays.keys() | self.names.keys()))
        arguments = ast.arguments([], [ast.arg(key) for key in given], None, [], [], None, [])
        space: dict[str, Any] = {"__builtins__": {}}
        whole = ast.parse("def counted(): pass")
        made = whole.body[0]
        assert isinstance(made, ast.FunctionDef)
        made.args, made.body = arguments, body
        exec(compile(ast.fix_missing_locations(whole), self._file, "exec"), space)
        return space["counted"], given

    def _statement(self, node: ast.stmt, needed: set[str]) -> list[ast.stmt]:
        """A statement of a loop with arrays in the place of what it takes them from; [] where
        nothing that counts depends on it."""
        match node:
            case ast.Assign(targets=targets):
                plain = all(isinstance(t, (ast.Name, ast.Tuple)) for t in targets)
            case ast.AugAssign(target=target):
                plain = isinstance(target, ast.Name)
            case ast.If() | ast.For() if not (isinstance(node, ast.For) and node.orelse):
                if isinstance(node, ast.If):
                    node.test = self._expression(node.test, node.lineno)
                else:
                    node.iter = self._expression(node.iter, node.lineno)
                node.body = [s for n in node.body for s in self._statement(n, needed)]
                node.body = node.body or [ast.Pass()]
                node.orelse = [s for n in node.orelse for s in self._statement(n, needed)]
                return [node]
            case ast.Pass() | ast.Continue() | ast.Break():
                return [node]
            case ast.Expr():  # what is printed or appended is not counted
                return []
            case _:
                raise _NotPlain
        if not plain:
            raise _NotPlain
        if not assigned(node) & needed:
            return []
        node.value = self._expression(node.value, node.lineno)
        return [node]

    def _holds_output(self, tree: ast.expr) -> bool:
        return any(isinstance(n, ast.Name) and n.id in self._calls for n in ast.walk(tree))

    def _visit(self, node: ast.AST, line: int) -> ast.AST:
        match node:
            case ast.Call():
                return self._call(node, line)
            case ast.Name(id=name):
                return node if name in self._bound else self._name(name, line)
            case ast.ListComp() | ast.GeneratorExp():
                return self._comprehension(node, line)
            case ast.Attribute() | ast.Subscript():
                held = self._held(node)
                held = self._part(node) if held is None else held
                if held is not None:
                    return self._use(held, None, line)
                if isinstance(node, ast.Attribute):
                    return self._attribute(node, line)
        if not isinstance(node, (*_NODES, ast.Subscript)):
            raise _NotPlain
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                setattr(node, field, self._visit(value, line))
            elif isinstance(value, list):
                parts = [self._visit(v, line) if isinstance(v, ast.AST) else v for v in value]
                setattr(node, field, parts)
        return node

    def _attribute(self, node: ast.Attribute, line: int) -> ast.AST:
        if node.attr == "T" or node.attr in ("size", "shape"):
            node.value = self._expression(node.value, line)
            return node
        found = self._of_module(node)
        if isinstance(found, (type, int, float)):
            return self._named(found)
        raise _NotPlain

    def _expression(self, node: ast.expr, line: int) -> ast.expr:
        found = self._visit(node, line)
        assert isinstance(found, ast.expr)
        return found

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp, line: int) -> ast.AST:
        bound = len(self._bound)
        for part in node.generators:
            part.iter = self._expression(part.iter, line)
            self._bound += [n.id for n in ast.walk(part.target) if isinstance(n, ast.Name)]
            part.ifs = [self._expression(test, line) for test in part.ifs]
        node.elt = self._expression(node.elt, line)
        del self._bound[bound:]
        return node

    def _name(self, name: str, line: int) -> ast.expr:
        if name in self._values:
            return self._use(self._values[name], name, line)
        if name in _BUILTINS:
            return self._named(getattr(builtins, name))
        raise _NotPlain

    def _use(self, value: Any, name: str | None, line: int) -> ast.expr:
        """An array under a name of its own, or what it was computed from."""
        if isinstance(value, (bool, int, float, np.number, str, type(None))):
            tree = None if name is None or isinstance(value, (str, type(None))) else (
                self.number(name, value, line))  # fmt: skip
            return tree if tree is not None else self._named(value)
        if isinstance(value, type) and value.__name__ in _FUNCTIONS | _BUILTINS:
            return self._named(value)
        array = _array(value)
        if array is None:
            raise _NotPlain
        number = self._source(array)
        if number is None and name is not None:
            tree = self.followed(name, value, line)
            if tree is not None:
                return tree
        return self._leaf(value, number)

    def _leaf(self, value: Any, number: int | None) -> ast.Name:
        name = self._own.get(id(value))
        if name is None:
            name = self._own[id(value)] = f"_array{len(self.arrays)}"
            self.arrays[name] = value if isinstance(value, np.ndarray) else _array(value)
            if number is not None:
                self._calls[name] = number
        return ast.Name(name, ast.Load())

    def _named(self, value: Any) -> ast.Name:
        name = f"_number{len(self.names)}"
        self.names[name] = value
        return ast.Name(name, ast.Load())

    def _source(self, array: np.ndarray) -> int | None:
        from whydiff.recorder.measuring.scores import read_output

        found = read_output(array, self._outputs)
        return None if found is None else found[0].number

    def _held(self, node: ast.expr) -> Any:
        """What a part of a tuple, dict or object of the script is, None if it is something else."""
        match node:
            case ast.Name(id=name):
                return None if name in self._bound else self._values.get(name)
            case ast.Attribute(value=base, attr=attr):
                owner = self._held(base)
                if isinstance(owner, (types.ModuleType, np.ndarray)):
                    return None
                return vars(owner).get(attr) if hasattr(owner, "__dict__") else None
            case ast.Subscript(value=base, slice=ast.Constant(value=key)):
                owner = self._held(base)
                if type(owner) is dict:
                    return owner.get(key)
                if type(owner) in (list, tuple) and type(key) is int and _array(owner) is None:
                    return owner[key] if -len(owner) <= key < len(owner) else None
        return None

    def _part(self, node: ast.expr) -> np.ndarray | None:
        """Some rows of an array that is no output: ``y[150:]``, ``y[test_rows]``."""
        if not isinstance(node, ast.Subscript):
            return None
        owner = self._held(node.value)
        whole = None if owner is None else _array(owner)
        if whole is None or self._source(whole) is not None:
            return None
        match node.slice:
            case ast.Slice(lower=lower, upper=upper, step=None):
                ends = [None if end is None else self._place(end) for end in (lower, upper)]
                part = whole[slice(*ends)]
            case ast.Name(id=name) if name not in self._bound:
                rows = _array(self._values.get(name))
                if rows is None or rows.ndim != 1 or rows.dtype.kind not in "biu":
                    return None
                part = whole[rows]
            case _:
                return None
        return self._parts.setdefault(ast.unparse(node), part)

    def _place(self, node: ast.expr) -> int:
        """A whole number that stands in a slice."""
        match node:
            case ast.Constant(value=int(place)):
                return place
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._place(operand)
            case ast.Name(id=name) if name not in self._bound:
                value = self._values.get(name)
                if isinstance(value, (int, np.integer)):
                    return int(value)
            case ast.Call(func=ast.Name(id="len"), args=[argument]):
                owner = self._held(argument)
                array = None if owner is None else _array(owner)
                if array is not None:
                    return len(array)
        raise _NotPlain

    def _of_module(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                found = self._values.get(name)
                return found if isinstance(found, types.ModuleType) else None
            case ast.Attribute(value=base, attr=attr):
                owner = self._of_module(base)
                return getattr(owner, attr, None) if isinstance(owner, types.ModuleType) else None
        return None

    # --- calls ------------------------------------------------------------------------------------

    def _call(self, node: ast.Call, line: int) -> ast.expr:
        output = self._predicted(node)
        if output is not None:
            return output
        as_array = self._converted(node)
        if as_array is not None:
            return self._expression(as_array, line)
        function = self._function(node.func)
        if function is not None:
            node.func = self._named(function)
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            node.func.value = self._expression(node.func.value, line)
        else:
            raise _NotPlain
        node.args = [self._expression(argument, line) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self._expression(keyword.value, line)
        if _writes(node, function):
            raise _NotPlain
        return node

    def _function(self, node: ast.expr) -> Any:
        """The function that is called, if it has no effect but its result."""
        if isinstance(node, ast.Name):
            name = node.id
            found = self._values.get(name, getattr(builtins, name, None))
            if found is getattr(builtins, name, None):
                return found if name in _BUILTINS else None
            if isinstance(found, types.FunctionType) and not in_library(found.__code__.co_filename):
                return found if self._plain(found) else None
        else:
            found = self._of_module(node)
        return found if _harmless(found) else None

    def _plain(self, function: types.FunctionType) -> bool:
        """Whether a function of the script only computes."""
        module = parsed(function.__code__.co_filename)
        code = function.__code__
        node = module and function_at(module, function.__name__, code.co_firstlineno)
        if not node or node.decorator_list or function.__closure__:
            return False
        if node in self.functions:
            return True
        self.functions.append(node)
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        return all(self._computes(part, function) for part in body)

    def _computes(self, node: ast.AST, function: types.FunctionType) -> bool:
        if isinstance(node, ast.Call):
            inner = _Reader(self._file, self._module, function.__globals__, {})
            inner.functions = self.functions
            method = isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS
            called = inner._function(node.func)
            if (called is None and not method) or _writes(node, called):
                return False
            parts = [*node.args, *node.keywords]
            parts += [node.func.value] if isinstance(node.func, ast.Attribute) else []
            return all(self._computes(part, function) for part in parts)
        if isinstance(node, ast.Name) and node.id not in function.__code__.co_varnames:
            value = function.__globals__.get(node.id)
            plain = (bool, int, float, str, np.number, np.ndarray, type(None))
            if not isinstance(value, (*plain, types.ModuleType, types.FunctionType, np.ufunc)):
                return False  # an object of the script: what its operators do is not known
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if not all(isinstance(target, ast.Name) for target in targets):
                return False
        allowed = (*_NODES, *_STATEMENTS, ast.Name, ast.Attribute, ast.Subscript, ast.ListComp,
                   ast.GeneratorExp, ast.comprehension)  # fmt: skip
        return isinstance(node, allowed) and all(
            self._computes(part, function) for part in ast.iter_child_nodes(node)
        )

    def _converted(self, node: ast.Call) -> ast.expr | None:
        """What is only made a NumPy array: here, every array is one."""
        match node:
            case ast.Call(func=ast.Attribute(value=base, attr="numpy" | "detach" | "cpu"), args=[]):
                return base
            case ast.Call(args=[array], keywords=[]):
                function = self._of_module(node.func)
                return array if getattr(function, "__name__", "") == "convert_to_numpy" else None
        return None

    def _predicted(self, node: ast.Call) -> ast.expr | None:
        """The output of a watched call that the script makes right here."""
        match node.func:
            case ast.Attribute(attr=attr) if attr in _PREDICTING:
                pass
            case ast.Name(id=name) if callable(
                getattr(type(self._values.get(name)), "predict", None)
            ):
                pass
            case _:
                return None
        call = made_at(node, self._file, self._outputs)
        if call is None:
            raise _NotPlain
        values = [output.values for output in call.outputs]
        if len(values) != 1 or values[0] is None:
            raise _NotPlain
        return self._leaf(values[0], call.number)


def made_at(node: ast.expr, file: str, calls: Mapping[int, MeasuringCall]) -> MeasuringCall | None:
    """The last of these calls that an expression in a file of the script made."""
    for number in sorted(calls, reverse=True):
        place = calls[number].stack[-1] if calls[number].stack else None
        if place is None or Path(place.file) != Path(file):
            continue
        if node.lineno <= place.line <= (node.end_lineno or node.lineno):
            return calls[number]
    return None


def _harmless(function: Any) -> bool:
    name = getattr(function, "__name__", "")
    if isinstance(function, (np.ufunc, type)):
        return name in _FUNCTIONS
    module = str(getattr(function, "__module__", ""))
    return name in _FUNCTIONS and module.partition(".")[0] in ("numpy", "math")


def _writes(node: ast.Call, function: Any) -> bool:
    """Whether a call may write into an array that it is given."""
    named = any(keyword.arg in ("out", "copy", None) for keyword in node.keywords)
    return named or (isinstance(function, np.ufunc) and len(node.args) > function.nin)


def _array(value: Any) -> np.ndarray | None:
    """``value`` as an array of numbers, where it is one."""
    if isinstance(value, (str, bytes, dict, types.FunctionType, types.ModuleType, type)):
        return None
    if not isinstance(value, (list, tuple)) and not hasattr(type(value), "__array__"):
        return None
    module = sys.modules.get(type(value).__module__)
    if not in_library(str(getattr(module, "__file__", "<none>"))):
        return None  # a class of the script: what it does when it is asked is not known
    try:
        array = np.asarray(value)
    except Exception:
        return None
    return array if array.ndim and array.size and array.dtype.kind in "biuf" else None


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True))
    except Exception:
        return False


# --- what it measures -----------------------------------------------------------------------------


#: A quantity: the part of the rows whose class is wrong.
_ERROR_RATE = "error rate"


def _quantity(
    formula: Formula, tree: ast.expr, functions: Sequence[ast.FunctionDef | ast.For]
) -> str:
    """What a formula measures: an error by what it gives, an accuracy by comparing classes."""
    predicted, labels = formula.predicted, formula.labels
    if predicted.size == labels.size and math.isfinite(formula.value):
        rng = np.random.default_rng(0)
        one = rng.normal(size=predicted.shape)
        other = rng.normal(size=predicted.shape)
        error = one - other
        squared = float(np.mean(error**2))
        for name, value in (
            ("mean_squared_error", squared),
            ("root_mean_squared_error", math.sqrt(squared)),
            ("mean_absolute_error", float(np.mean(np.abs(error)))),
        ):
            try:
                given = formula(other, one)
            except Exception:
                break
            if math.isclose(given, value, rel_tol=1e-6):
                return name
    differs = any(_compares(part, ast.NotEq, "not_equal") for part in (tree, *functions))
    compares = differs or any(_compares(part, ast.Eq, "equal") for part in (tree, *functions))
    names = {getattr(value, "__name__", "") for value in formula.names.values()}
    compares = compares or bool(names & {"equal", "not_equal"})
    if not (compares and 0.0 <= formula.value <= 1.0 and _counts_rows(formula)):
        return ""
    best = _of_perfect(formula)
    if best is None or not (math.isclose(best, 0.0, abs_tol=1e-9) or math.isclose(best, 1.0)):
        return "" if differs or "not_equal" in names else "accuracy"
    return "accuracy" if best > 0.5 else _ERROR_RATE


def _compares(node: ast.AST, operator: type[ast.cmpop], name: str) -> bool:
    return any(
        isinstance(part, operator) or (isinstance(part, ast.Attribute) and part.attr == name)
        for part in ast.walk(node)
    )


def _of_perfect(formula: Formula) -> float | None:
    """What a formula gives of outputs that are the labels themselves; None if that is not known."""
    labels, like = formula.labels, formula.predicted
    try:
        if labels.size == like.size:
            return formula(labels, labels.reshape(like.shape).astype(like.dtype))
        return formula(labels, np.eye(like.shape[-1], dtype=like.dtype)[labels.reshape(-1)])
    except Exception:
        return None


def _counts_rows(formula: Formula) -> bool:
    """Whether a formula counts rows, as an accuracy does: what it gives of two parts adds up to
    what it gives of the whole, which a precision, a recall or an F1 does not."""
    labels, predicted, rows = formula.labels, formula.predicted, len(formula.labels)
    if {labels.ndim, predicted.ndim} == {1, 2} and 1 in (labels.shape[-1], predicted.shape[-1]):
        return True  # each row against every other: a mean over pairs
    for cut in (rows // 2, rows // 3):
        try:
            parts = [
                (end - begin, formula(labels[begin:end], predicted[begin:end]))
                for begin, end in ((0, cut), (cut, rows))
            ]
        except Exception:
            return False
        mean = sum(count * value for count, value in parts) / rows
        whole = sum(value for _, value in parts)  # divided by a number of rows that it names
        if not any(math.isclose(v, formula.value, abs_tol=1e-3) for v in (mean, whole)):
            return False
    return True
