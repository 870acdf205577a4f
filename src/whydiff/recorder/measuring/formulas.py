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
import contextlib
import copy
import functools
import inspect
import linecache
import math
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.stack import in_library
from whydiff.script_text.printed import (
    assigned,
    counting_around,
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
_MOST_COUNTED = 1_000_000
#: Bytes of what is kept of a loop's names beside one batch.
_MOST_BESIDE = 1 << 20
#: What a formula measures is told from so many rows.
_TELLING = 1_000

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
#: Methods by which tensors become other forms of the same numbers.
_CONVERTING = frozenset({
    "numpy", "detach", "cpu", "float", "double", "long", "int", "bool", "to", "type", "byte",
})  # fmt: skip


def _largest(array: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest value; along an axis with its position, as torch gives it."""
    most = np.max(array, axis=axis, keepdims=keepdims)
    return most if axis is None else (most, np.argmax(array, axis=axis, keepdims=keepdims))


#: What functions and methods of tensors do, in NumPy.
_OF_TENSORS: dict[str, Callable[..., Any]] = {
    "reduce_mean": np.mean, "reduce_sum": np.sum, "eq": np.equal, "ne": np.not_equal,
    "gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal,
    "cast": lambda array, dtype=None: array,
    "sigmoid": lambda array: 1 / (1 + np.exp(-np.asarray(array))),
    "size": lambda array, axis=None: np.shape(array) if axis is None else np.shape(array)[axis],
    "view": lambda array, *shape: np.reshape(array, shape if len(shape) > 1 else shape[0]),
    **{name: getattr(np, name) for name in (
        "mean", "sum", "argmax", "argmin", "equal", "not_equal", "greater", "greater_equal",
        "less", "less_equal", "round", "abs", "square", "sqrt", "squeeze", "reshape", "where",
        "count_nonzero",
    )},
}  # fmt: skip
_LIBRARIES = frozenset({"torch", "tensorflow", "keras", "jax"})
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
    #: numbers of the calls that a loop made for the predictions, () where one call made them
    calls: tuple[int, ...] = ()

    def __call__(self, labels: Any, predicted: Any) -> float:
        """What the expression gives from these arrays."""
        return _computed(self.code, {**self.names, LABELS: labels, PREDICTED: predicted})


def printed_values(frame: Any, module: ast.Module, names: Mapping[str, Any]) -> Iterator[float]:
    """The numbers among what a frame has just printed that plain computations give."""
    for _, node in printed_numbers(module, frame.f_lineno):
        reader = _Reader(frame.f_code.co_filename, module, names, {}, {})
        with contextlib.suppress(Exception):
            tree = ast.Expression(reader.read(unscaled(node), frame.f_lineno))
            code = compile(ast.fix_missing_locations(tree), reader.file, "eval")
            yield _computed(code, {**reader.names, **reader.arrays})


#: By the number of a call in a loop of the script: what the loop's names stood for.
Beside = Mapping[int, Mapping[str, np.ndarray]]


def printed_formulas(
    frame: Any, outputs: Mapping[int, MeasuringCall], beside: Beside | None = None
) -> Iterator[Formula]:
    """The scores by hand among what a frame of the script has just printed.

    ``beside`` holds what came beside the batches that a loop predicted one by one.
    """
    file = frame.f_code.co_filename
    module = parsed(file)
    if module is None:
        return
    names = names_in(frame)
    for _, node in printed_numbers(module, frame.f_lineno):
        try:
            reader = _Reader(file, module, names, outputs, beside or {})
            found = _formula(node, reader, frame.f_lineno)
        except Exception:  # whatever it is, it is no score by hand
            continue
        if found is not None:
            yield found


def beside(
    frame: Any, line: int, rows: int, to_numpy: Callable[[Any], Any]
) -> Mapping[str, np.ndarray]:
    """What the names of a loop around a line stand for beside the batch of so many rows that is
    predicted there: labels, as a rule. Of the batch itself only its length."""
    ready, fed = _names_of_loop(frame.f_code.co_filename, line)
    if not ready:
        return {}
    found, names = {}, names_in(frame)
    for name in sorted(ready & names.keys()):
        value = names[name]
        if not hasattr(type(value), "__array__") or tuple(np.shape(value))[:1] != (rows,):
            continue
        found[name] = np.empty((rows, 0)) if name in fed else np.array(to_numpy(value))
    return {name: array for name, array in found.items() if array.nbytes <= _MOST_BESIDE}


@functools.lru_cache(maxsize=256)
def _names_of_loop(file: str, line: int) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a counting loop around a line has given a value when it comes there, and those
    that the calls at the line are given; none where there is no such loop."""
    module = parsed(file)
    loop = module and counting_around(module, line)
    if not loop:
        return frozenset(), frozenset()
    fed = {
        n.id
        for call in ast.walk(loop)
        if isinstance(call, ast.Call) and call.lineno <= line <= (call.end_lineno or line)
        for part in (*call.args, *(keyword.value for keyword in call.keywords))
        for n in ast.walk(part)
        if isinstance(n, ast.Name)
    }
    before = [part for part in ast.walk(loop) if getattr(part, "end_lineno", line) < line]
    ready = {name for part in (loop.target, *before) for name in assigned(part)}
    return frozenset(ready), frozenset(fed)


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


def _formula(node: ast.expr, reader: _Reader, line: int) -> Formula | None:
    file, plain = reader.file, unscaled(node)
    if isinstance(plain, ast.Name):
        shown = definition(reader.module, plain.id, line)
        whole = reader.number(plain.id, reader.values[plain.id], line)
        if whole is None or shown is None:
            return None
        plain, tree = unscaled(shown), unscaled(whole)
    else:
        tree = reader.read(plain, line)
    predicted, labels = reader.roles(tree)
    if predicted is None or labels is None:
        return None
    tree = _Renamed({predicted: PREDICTED, labels: LABELS}).visit(tree)
    given = {PREDICTED: reader.arrays.pop(predicted), LABELS: reader.arrays.pop(labels)}
    kept = {**reader.names, **reader.arrays}
    arrays = np.array(given[LABELS]), np.array(given[PREDICTED])

    def made(tree: ast.expr, text: str, quantity: str) -> Formula:
        code = compile(ast.fix_missing_locations(ast.Expression(tree)), file, "eval")
        value = _computed(code, {**kept, **given})
        return Formula(text, quantity, value, *arrays, code, kept, reader.pieces)

    text = ast.unparse(plain)
    quantity = _quantity(_of_first_rows(made(tree, text, "")), tree, reader.functions)
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
        beside: Beside,
    ) -> None:
        self.file, self.module, self.values = file, module, names
        self._outputs, self._beside = outputs, beside
        self.arrays: dict[str, Any] = {}  # by name in the formula
        self.names: dict[str, Any] = {}  # functions and numbers
        #: functions and loops of the script, as far as they are used
        self.functions: list[ast.FunctionDef | ast.For] = []
        self._calls: dict[str, int] = {}  # of arrays that are outputs: number of the call
        self._own: dict[int, str] = {}  # id of an array -> its name in the formula
        self._parts: dict[str, np.ndarray] = {}  # of arrays, by their text
        self._bound: list[str] = []  # names of comprehensions around
        self._depth = 0
        self._loops: list[ast.stmt] = []  # what the functions that count again do
        self._counting_functions: list[Any] = []
        #: numbers of the calls that a loop made one after the other
        self.pieces: tuple[int, ...] = ()
        self._wholes: dict[tuple[str, int, int], np.ndarray] = {}
        self._missing = 0  # labels that such a loop may have left out

    def roles(self, tree: ast.expr) -> tuple[str | None, str | None]:
        """Names of the predictions and of the labels; None where it is not clear which they are."""
        if len(set(self._calls.values())) != 1 or len(self._calls) != 1:
            return None, None
        (predicted,) = self._calls
        rows = len(self.arrays[predicted])
        lengths = [len, _OF_TENSORS["size"], *self._counting_functions]
        trees = (tree, *self._loops)
        compared = {name for part in trees for name in _compared(part, self.names, lengths)}
        fitting = [
            n
            for n, a in self.arrays.items()
            if n != predicted
            and n in compared
            and np.size(a)
            and 0 <= len(a) - rows <= self._missing
        ]
        return (predicted, fitting[0]) if len(fitting) == 1 else (None, None)

    def read(self, node: ast.expr, line: int) -> ast.expr:
        """The expression at a line with arrays in the place of what it takes them from."""
        found = self._visit(copy.deepcopy(node), line)
        assert isinstance(found, ast.expr)
        return found

    def followed(self, name: str, value: Any, line: int) -> ast.expr | None:
        """What a name was computed from, where that holds a watched output and gives its value."""
        node = definition(self.module, name, line)
        if node is None or self._depth >= _DEEPEST:
            return None
        before = dict(self.arrays), dict(self.names), dict(self._calls), dict(self._own)
        self._depth += 1
        try:
            tree = self.read(node, node.lineno)
            if len(self._calls) > len(before[2]) or self._holds_output(tree):
                code = compile(ast.fix_missing_locations(ast.Expression(copy.deepcopy(tree))),
                               self.file, "eval")  # fmt: skip
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
        loop = counting_loop(self.module, name, line)
        if loop is None or self._depth >= _DEEPEST:
            return None
        before = dict(self.arrays), dict(self.names), dict(self._calls), dict(self._own)
        self._depth += 1
        bound, loops, missing = len(self._bound), len(self._loops), self._missing
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
        self._missing = missing
        del self._loops[loops:]
        return None

    def _counting(self, loop: ast.For, name: str) -> tuple[Any, list[str]]:
        """A function that goes through a loop of the script, and the names of what it is given."""
        loop = copy.deepcopy(loop)
        body: list[ast.stmt] = self._in_pieces(loop)
        needed = needed_for(loop, name)
        counters = {
            n.target.id: definition(self.module, n.target.id, loop.lineno)
            for n in ast.walk(loop)
            if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
        }
        for counter in sorted(counters.keys() & needed):
            begins = counters[counter]
            if begins is None:
                raise _NotPlain
            target = ast.Name(counter, ast.Store())
            body.append(ast.Assign([target], self.read(begins, loop.lineno)))
        self._bound += assigned(loop)
        counting = self._statement(loop, needed)
        used = {n.id for part in counting for n in ast.walk(part) if isinstance(n, ast.Name)}
        body = [n for n in body if assigned(n) & (used | counters.keys())] + counting
        body.append(ast.Return(ast.Name(name, ast.Load())))
        used = {n.id for part in body for n in ast.walk(part) if isinstance(n, ast.Name)}
        given = sorted(used & (self.arrays.keys() | self.names.keys()))
        arguments = ast.arguments([], [ast.arg(key) for key in given], None, [], [], None, [])
        space: dict[str, Any] = {"__builtins__": {}}
        whole = ast.parse("def counted(): pass")
        made = whole.body[0]
        assert isinstance(made, ast.FunctionDef)
        made.args, made.body = arguments, body
        exec(compile(ast.fix_missing_locations(whole), self.file, "exec"), space)
        self._loops += body
        self._counting_functions.append(space["counted"])
        return space["counted"], given

    def _in_pieces(self, loop: ast.For) -> list[ast.stmt]:
        """Where a loop predicts batch by batch: the call in it gives way to the next rows of all
        that the loop predicted, which stands ready when the loop begins."""
        inner = [n for n in ast.walk(loop) if isinstance(n, ast.Call) and self._predicts(n)]
        made = {node: calls for node in inner if (calls := self._made_in(node))}
        if len(made) != 1:
            return []
        ((node, calls),) = made.items()
        parts = [call.outputs[0].values for call in calls]
        if any(part is None or len(call.outputs) != 1
               for part, call in zip(parts, calls, strict=True)):  # fmt: skip
            raise _NotPlain
        sizes = [len(part) for part in parts if part is not None]
        cut = self._named(functools.partial(_cut, sizes))
        whole = self._leaf(self._joined("", calls, parts), calls[0].number)
        self.pieces, self._missing = tuple(call.number for call in calls), max(sizes) - 1
        predicted, prelude = self._one_by_one(cut, whole)
        _Replaced(node, predicted).visit(loop)
        around = [n for n in ast.walk(loop) if isinstance(n, ast.For) and predicted in ast.walk(n)]
        held = [self._beside.get(call.number, {}) for call in calls]
        names = sorted(set.intersection(*(set(one) for one in held)))
        body = [n for n in around[-1].body if not assigned(n) or not assigned(n) <= {*names}]
        for name in names:
            rows = self._leaf(self._joined(name, calls, [one[name] for one in held]), None)
            batch, begin = self._one_by_one(cut, rows)
            prelude += begin
            body.insert(0, ast.Assign([ast.Name(name, ast.Store())], batch))
        around[-1].body = body
        if not _counts(around[-1].iter):  # a loader: what it gives stands ready as well
            around[-1].target, around[-1].iter = (
                ast.Name("_", ast.Store()),
                ast.Call(cut, [whole], []),
            )
        for part in (loop, *prelude):
            ast.fix_missing_locations(part)
        return prelude

    def _joined(self, name: str, calls: Sequence[MeasuringCall], parts: Sequence[Any]) -> Any:
        """The batches of calls as one array, the same for all loops over them."""
        key = (name, calls[0].number, calls[-1].number)
        if key not in self._wholes:
            self._wholes[key] = np.concatenate(parts)
        return self._wholes[key]

    def _one_by_one(self, cut: ast.Name, rows: ast.expr) -> tuple[ast.expr, list[ast.stmt]]:
        """The next batch of these rows, and the statement that begins with them."""
        name = f"_batches{len(self._bound)}"
        self._bound.append(name)
        begin = ast.Assign([ast.Name(name, ast.Store())], ast.Call(cut, [rows], []))
        return ast.Call(self._named(next), [ast.Name(name, ast.Load())], []), [begin]

    def _made_in(self, node: ast.Call) -> list[MeasuringCall]:
        """The calls that a place in a loop made when the loop ran last, [] unless several."""
        last = made_at(node, self.file, self._outputs)
        if last is None:
            return []
        weights = [tensor.digest for tensor in last.recipe.weights]
        calls = [
            call
            for _, call in sorted(self._outputs.items())
            if call.stack == last.stack
            and call.model_number == last.model_number
            and [tensor.digest for tensor in call.recipe.weights] == weights
        ]
        return calls if len(calls) > 1 else []

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
            case ast.With(body=inner):
                return [s for n in inner for s in self._statement(n, needed)]
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
        value = node.value
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            match value:  # the largest values and their positions, as torch gives them
                case ast.Call(func=ast.Attribute(value=base, attr="max"), args=[_]):
                    value = ast.Call(self._named(_largest), [base, *value.args], [])
        node.value = self._expression(value, node.lineno)
        return [node]

    def _holds_output(self, tree: ast.expr) -> bool:
        return any(isinstance(n, ast.Name) and n.id in self._calls for n in ast.walk(tree))

    def _visit(self, node: ast.AST, line: int) -> ast.AST:
        match node:
            case ast.Call():
                return self._call(node, line)
            case ast.Name(id=name):
                ours = name in self._bound or name in self.names or name in self.arrays
                return node if ours else self._name(name, line)
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
        if name in self.values:
            return self._use(self.values[name], name, line)
        if name in _BUILTINS:
            return self._named(getattr(builtins, name))
        raise _NotPlain

    def _use(self, value: Any, name: str | None, line: int) -> ast.expr:
        """An array under a name of its own, or what it was computed from."""
        value = _scalar(value)
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
                return None if name in self._bound else self.values.get(name)
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
        if any(isinstance(n, ast.Name) and n.id in self._bound for n in ast.walk(node.slice)):
            return None  # other rows at every turn of a loop
        owner = self._held(node.value)
        whole = None if owner is None else _array(owner)
        if whole is None or self._source(whole) is not None:
            return None
        match node.slice:
            case ast.Slice(lower=lower, upper=upper, step=None):
                ends = [None if end is None else self._place(end) for end in (lower, upper)]
                part = whole[slice(*ends)]
            case ast.Name(id=name) if name not in self._bound:
                rows = _array(self.values.get(name))
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
                value = self.values.get(name)
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
                found = self.values.get(name)
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
        if isinstance(node.func, ast.Name) and node.func.id in self.names:
            node.args = [self._expression(argument, line) for argument in node.args]
            return node
        function = self._function(node.func)
        if function is not None:
            node.func = self._named(function)
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            node.func.value = self._expression(node.func.value, line)
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _OF_TENSORS:
            function = _OF_TENSORS[node.func.attr]
            node.args.insert(0, node.func.value)
            node.func = self._named(function)
        else:
            raise _NotPlain
        if function is _OF_TENSORS["cast"]:
            node.args, node.keywords = node.args[:1], []
        node.args = [self._expression(argument, line) for argument in node.args]
        for keyword in node.keywords:
            keyword.arg = {"dim": "axis", "keepdim": "keepdims"}.get(keyword.arg or "", keyword.arg)
            keyword.value = self._expression(keyword.value, line)
        if _writes(node, function):
            raise _NotPlain
        return node

    def _function(self, node: ast.expr) -> Any:
        """The function that is called, if it has no effect but its result."""
        if isinstance(node, ast.Name):
            name = node.id
            found = self.values.get(name, getattr(builtins, name, None))
            if found is getattr(builtins, name, None):
                return found if name in _BUILTINS else None
            if isinstance(found, types.FunctionType) and not in_library(found.__code__.co_filename):
                return found if self._plain(found) else None
        else:
            found = self._of_module(node)
            library = self._library(node)
            if found is not None and library in _LIBRARIES:
                name = node.attr if isinstance(node, ast.Attribute) else ""
                return _largest if (library, name) == ("torch", "max") else _OF_TENSORS.get(name)
        return found if _harmless(found) else None

    def _library(self, node: ast.expr) -> str:
        """The package that a dotted name begins with."""
        while isinstance(node, ast.Attribute):
            node = node.value
        module = self.values.get(node.id) if isinstance(node, ast.Name) else None
        return str(getattr(module, "__name__", "")).partition(".")[0]

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
            inner = _Reader(self.file, self.module, function.__globals__, {}, {})
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
            case ast.Call(func=ast.Attribute(value=base, attr=attr)) if attr in _CONVERTING:
                return None if isinstance(self._held(base), types.ModuleType) else base
            case ast.Call(args=[array], keywords=[]):
                function = self._of_module(node.func)
                return array if getattr(function, "__name__", "") == "convert_to_numpy" else None
        return None

    def _predicted(self, node: ast.Call) -> ast.expr | None:
        """The output of a watched call that the script makes right here."""
        if not self._predicts(node):
            return None
        call = made_at(node, self.file, self._outputs)
        if call is None:
            raise _NotPlain
        values = [output.values for output in call.outputs]
        if len(values) != 1 or values[0] is None:
            raise _NotPlain
        return self._leaf(values[0], call.number)

    def _predicts(self, node: ast.Call) -> bool:
        """Whether a call looks like one of a model."""
        match node.func:
            case ast.Attribute(attr=attr):
                return attr in _PREDICTING
            case ast.Name(id=name):
                return callable(getattr(type(self.values.get(name)), "predict", None))
        return False


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


def _scalar(value: Any) -> Any:
    """The number that a tensor without axes holds; anything else as it is."""
    if isinstance(value, (np.number, np.ndarray)) or not hasattr(type(value), "__array__"):
        return value
    try:
        return np.asarray(value).item() if np.ndim(value) == 0 else value
    except Exception:
        return value


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are equal; tensors without axes sum in single precision."""
    try:
        one, other = np.asarray(one), np.asarray(other)
        if one.ndim == other.ndim == 0 and "f" in (one.dtype.kind, other.dtype.kind):
            return math.isclose(one, other, rel_tol=1e-6)
        return bool(np.array_equal(one, other, equal_nan=True))
    except Exception:
        return False


class _Replaced(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self._new if node is self._old else self.generic_visit(node)


def _cut(sizes: Sequence[int], rows: np.ndarray) -> Iterator[np.ndarray]:
    """The rows batch by batch; where there are more, the last ones belong to no batch."""
    return iter(np.split(rows, np.cumsum(sizes))[: len(sizes)])


def _counts(node: ast.expr) -> bool:
    """Whether a loop goes through numbers."""
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"
    )


def _compared(tree: ast.AST, names: Mapping[str, Any], passed_on: Sequence[Any]) -> set[str]:
    """The names of which a tree uses more than their length; ``passed_on``: functions whose
    arguments are looked at elsewhere."""
    found: set[str] = set()
    left = [tree]
    while left:
        node = left.pop()
        match node:
            case ast.Call(func=ast.Name(id=id)) if any(names.get(id) is one for one in passed_on):
                continue
            case ast.Attribute(attr="shape" | "size"):
                continue
            case ast.Name(id=id):
                found.add(id)
        left += ast.iter_child_nodes(node)
    return found


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


def _of_first_rows(formula: Formula) -> Formula:
    """A formula of so many rows as tell what it measures; of all where it takes no fewer."""
    rows = min(_TELLING, len(formula.labels), len(formula.predicted))
    labels, predicted = formula.labels[:rows], formula.predicted[:rows]
    try:
        value = formula(labels, predicted)
    except Exception:
        return formula
    return replace(formula, labels=labels, predicted=predicted, value=value)


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
