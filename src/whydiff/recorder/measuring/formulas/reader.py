"""Expressions of a script turned into ones of its arrays."""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import inspect
import math
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.interrupting import pass_on
from whydiff.core.stack import in_library
from whydiff.keras_backend.code import closed_over
from whydiff.recorder.measuring.formulas.formula import BUILT_IN, evaluated
from whydiff.recorder.measuring.formulas.frames import Beside, made_at, parsed
from whydiff.recorder.measuring.formulas.functions import (
    BUILTINS,
    CONVERTING,
    FUNCTIONS,
    LIBRARIES,
    METHODS,
    OF_TENSORS,
    PREDICTING,
    harmless,
    largest,
    writes,
)
from whydiff.script_text.printed import (
    assigned,
    counting_loop,
    definition,
    function_at,
    needed_for,
    one_return,
)

#: Assignments that are followed, one behind the other.
_DEEPEST = 8


#: A loop over more rows is not gone through again: it takes long.
_MOST_COUNTED = 1_000_000
_NODES = (
    ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Tuple, ast.List, ast.Slice,
    ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.expr_context, ast.Constant, ast.keyword,
    ast.Dict,
)  # fmt: skip
_STATEMENTS = (
    ast.Return, ast.Assign, ast.AugAssign, ast.If, ast.For, ast.Pass, ast.Continue, ast.Break,
    ast.arguments, ast.arg,
)  # fmt: skip


class NotPlain(Exception):
    """An expression that is no plain computation, or not one that can be done again."""


class Reader:
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
        self.sizes: tuple[int, ...] = ()  # how many rows each of them predicted
        self._wholes: dict[tuple[str, int, int], np.ndarray] = {}
        self._missing = 0  # labels that such a loop may have left out

    def roles(self, tree: ast.expr) -> tuple[str | None, str | None]:
        """Names of the predictions and of the labels; None where it is not clear which they are."""
        if len(set(self._calls.values())) != 1 or len(self._calls) != 1:
            return None, None
        (predicted,) = self._calls
        rows = len(self.arrays[predicted])
        lengths = [len, OF_TENSORS["size"], *self._counting_functions]
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
        return None if node is None else self._traced(node, value)

    def _traced(self, node: ast.expr, value: Any) -> ast.expr | None:
        """An expression of the script, where it holds a watched output and gives this value."""

        def computed() -> ast.expr | None:
            known = len(self._calls)
            tree = self.read(node, node.lineno)
            if len(self._calls) > known or self._holds_output(tree):
                code = compile(ast.fix_missing_locations(ast.Expression(copy.deepcopy(tree))),
                               self.file, "eval")  # fmt: skip
                if _equal(evaluated(code, {**self.names, **self.arrays}), value):
                    return tree
            return None

        return self._tried(computed)

    def _tried(self, read: Callable[[], ast.expr | None]) -> ast.expr | None:
        """What ``read`` finds; where it finds nothing, what it noted is forgotten."""
        if self._depth >= _DEEPEST:
            return None
        before = dict(self.arrays), dict(self.names), dict(self._calls), dict(self._own)
        bound, loops, missing = len(self._bound), len(self._loops), self._missing
        self._depth += 1
        try:
            found = read()
            if found is not None:
                return found
        except NotPlain:
            pass
        finally:
            self._depth -= 1
            del self._bound[bound:]
        self.arrays, self.names, self._calls, self._own = before
        self._missing = missing
        del self._loops[loops:]
        return None

    def number(self, name: str, value: Any, line: int) -> ast.expr | None:
        """What a number was computed from, in one expression or in a loop that counts."""
        found = self.followed(name, value, line)
        return self._counted(name, value, line) if found is None else found

    def _counted(self, name: str, value: Any, line: int) -> ast.expr | None:
        """The loop that counted in a name, as a call of a function that counts again."""
        loop = counting_loop(self.module, name, line)
        if loop is None:
            return None

        def counted() -> ast.expr | None:
            function, given = self._counting(loop, name)
            arrays = {key: a for key, a in self.arrays.items() if key in given}
            few = all(len(array) <= _MOST_COUNTED for array in arrays.values())
            held = {**self.names, **self.arrays}
            if not (few and arrays.keys() & self._calls.keys()):
                return None
            if not _equal(held[function.id](*[held[key] for key in given]), value):
                return None
            self.functions.append(loop)
            return ast.Call(function, [ast.Name(key, ast.Load()) for key in given], [])

        return self._tried(counted)

    def _counting(self, loop: ast.For, name: str) -> tuple[ast.Name, list[str]]:
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
                raise NotPlain
            target = ast.Name(counter, ast.Store())
            body.append(ast.Assign([target], self.read(begins, loop.lineno)))
        self._bound += assigned(loop)
        counting = self._statement(loop, needed)
        used = {n.id for part in counting for n in ast.walk(part) if isinstance(n, ast.Name)}
        body = [n for n in body if assigned(n) & (used | counters.keys())] + counting
        return self._compiled(body, name)

    def _predicting(self, node: ast.Call) -> ast.expr | None:
        """What a function of the script returns that predicts with a model it is given, as a call
        of one that is given the predictions; None where a call is none of such a function."""
        owner = None
        match node.func:
            case ast.Name(id=name):
                function = self.values.get(name)
            case ast.Attribute(value=base, attr=name):
                owner = self._held(base)
                function = inspect.getattr_static(type(owner), name, None)
            case _:
                return None
        if not isinstance(function, types.FunctionType):
            return None
        file = function.__code__.co_filename
        module = None if in_library(file) else parsed(file)
        text = module and function_at(module, function.__name__, function.__code__.co_firstlineno)
        known = {*function.__code__.co_freevars}
        if not module or not text or text.decorator_list or not _may_predict(text, known):
            return None
        values = {**_around(function), **self._arguments(node, function, owner)}
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        made = {
            number: call
            for number, call in self._outputs.items()
            if any(Path(f.file) == Path(self.file) and f.line in lines for f in call.stack[:-1])
        }
        outside = self.file, self.module, self.values, self._outputs, self._bound
        self.file, self.module, self.values, self._outputs = file, module, values, made
        self._bound = []
        try:
            return self._body(copy.deepcopy(text), _lines_in(made.values(), file))
        finally:
            self.file, self.module, self.values, self._outputs, self._bound = outside

    def _arguments(
        self, node: ast.Call, function: types.FunctionType, owner: Any
    ) -> dict[str, Any]:
        """What the parameters of a function, or of a method of ``owner``, stand for where it is
        called: None for those whose argument is computed in the call."""
        signature = inspect.signature(function)
        try:
            if any(keyword.arg is None for keyword in node.keywords):
                raise NotPlain
            named = {str(keyword.arg): keyword.value for keyword in node.keywords}
            given = signature.bind(*([] if owner is None else [owner]), *node.args, **named)
        except TypeError as error:
            raise NotPlain from error
        found = {
            name: parameter.default
            for name, parameter in signature.parameters.items()
            if parameter.default is not inspect.Parameter.empty
        }
        for name, argument in given.arguments.items():
            found[name] = owner if argument is owner else None
            if isinstance(argument, ast.Constant):
                found[name] = argument.value
            elif isinstance(argument, ast.expr):
                value = self._held(argument)
                found[name] = self._part(argument) if value is None else value
        return found

    def _body(self, function: ast.FunctionDef, ran: set[int]) -> ast.expr:
        """A function of the script as a call of one that does the same with the predictions, which
        were made at the lines ``ran``."""
        function.body = one_return(function.body, "_returned", ran)
        if any(isinstance(n, ast.Return) for n in ast.walk(function)):
            raise NotPlain
        own = assigned(function)
        if own & {parameter.arg for parameter in function.args.args}:
            raise NotPlain
        body = self._in_pieces(function)
        self._bound += own
        needed = needed_for(function, "_returned")
        counting = [s for n in function.body for s in self._statement(n, needed)]
        self.functions.append(function)
        made, given = self._compiled(body + counting, "_returned")
        return ast.Call(made, [ast.Name(key, ast.Load()) for key in given], [])

    def _compiled(self, body: list[ast.stmt], name: str) -> tuple[ast.Name, list[str]]:
        """A function that does these statements and returns ``name``, and the names of the arrays,
        functions and numbers that it is to be given."""
        body = [*body, ast.Return(ast.Name(name, ast.Load()))]
        used = {n.id for part in body for n in ast.walk(part) if isinstance(n, ast.Name)}
        given = sorted(used & (self.arrays.keys() | self.names.keys()))
        arguments = ast.arguments([], [ast.arg(key) for key in given], None, [], [], None, [])
        space: dict[str, Any] = {"__builtins__": BUILT_IN}
        whole = ast.parse("def counted(): pass")
        made = whole.body[0]
        assert isinstance(made, ast.FunctionDef)
        made.args, made.body = arguments, body
        exec(compile(ast.fix_missing_locations(whole), self.file, "exec"), space)
        self._loops += body
        self._counting_functions.append(space["counted"])
        return self._named(space["counted"]), given

    def _in_pieces(self, loop: ast.For | ast.FunctionDef) -> list[ast.stmt]:
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
            raise NotPlain
        sizes = [len(part) for part in parts if part is not None]
        cut = self._named(functools.partial(_cut, sizes))
        whole = self._leaf(self._joined("", calls, parts), calls[0].number)
        self.pieces, self._missing = tuple(call.number for call in calls), max(sizes) - 1
        self.sizes = tuple(sizes)
        predicted, prelude = self._one_by_one(cut, whole)
        _Replaced(node, predicted).visit(loop)
        around = [n for n in ast.walk(loop) if isinstance(n, ast.For) and predicted in ast.walk(n)]
        if not around:
            raise NotPlain
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
        weights = _trainable(last)
        calls = [
            call
            for _, call in sorted(self._outputs.items())
            if call.stack == last.stack
            and call.model_number == last.model_number
            and _trainable(call) == weights
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
            case ast.Expr(value=value):  # what is printed is not counted
                if _changes(value, needed):
                    raise NotPlain
                return []
            case _:
                raise NotPlain
        if not plain:
            raise NotPlain
        if not assigned(node) & needed:
            return []
        value = node.value
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            match value:  # the largest values and their positions, as torch gives them
                case ast.Call(func=ast.Attribute(value=base, attr="max"), args=[_]):
                    value = ast.Call(self._named(largest), [base, *value.args], [])
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
                    tree = self._entry(node, held, line)
                    return self._use(held, None, line) if tree is None else tree
                if isinstance(node, ast.Attribute):
                    return self._attribute(node, line)
        if not isinstance(node, (*_NODES, ast.Subscript)):
            raise NotPlain
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                setattr(node, field, self._visit(value, line))
            elif isinstance(value, list):
                parts = [self._visit(v, line) if isinstance(v, ast.AST) else v for v in value]
                setattr(node, field, parts)
        return node

    def _entry(self, node: ast.expr, value: Any, line: int) -> ast.expr | None:
        """What a number in a tuple or dict was computed from: ``scores["accuracy"]``."""
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant() as key) if (
                isinstance(value, (float, np.number))
                and (whole := definition(self.module, name, line)) is not None
            ):
                item = ast.copy_location(ast.Subscript(whole, key, ast.Load()), whole)
                return self._traced(ast.fix_missing_locations(item), value)
        return None

    def _attribute(self, node: ast.Attribute, line: int) -> ast.AST:
        if node.attr == "T" or node.attr in ("size", "shape"):
            node.value = self._expression(node.value, line)
            return node
        found = self._of_module(node)
        if isinstance(found, (type, int, float)):
            return self._named(found)
        raise NotPlain

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
        if name in BUILTINS:
            return self._named(getattr(builtins, name))
        raise NotPlain

    def _use(self, value: Any, name: str | None, line: int) -> ast.expr:
        """An array under a name of its own, or what it was computed from."""
        value = _scalar(value)
        if isinstance(value, (bool, int, float, np.number, str, type(None))):
            tree = None if name is None or isinstance(value, (str, type(None))) else (
                self.number(name, value, line))  # fmt: skip
            return tree if tree is not None else self._named(value)
        if isinstance(value, type) and value.__name__ in FUNCTIONS | BUILTINS:
            return self._named(value)
        if type(value) is list and name is not None:
            tree = self._counted(name, value, line)
            if tree is not None:
                return tree
        array = _array(value)
        if array is None:
            raise NotPlain
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
        raise NotPlain

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
        computed = self._predicting(node) if function is None else None
        if computed is not None:
            return computed
        if function is not None:
            node.func = self._named(function)
        elif isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            node.func.value = self._expression(node.func.value, line)
        elif isinstance(node.func, ast.Attribute) and node.func.attr in OF_TENSORS:
            function = OF_TENSORS[node.func.attr]
            node.args.insert(0, node.func.value)
            node.func = self._named(function)
        else:
            raise NotPlain
        if function is OF_TENSORS["cast"]:
            node.args, node.keywords = node.args[:1], []
        node.args = [self._expression(argument, line) for argument in node.args]
        for keyword in node.keywords:
            keyword.arg = {"dim": "axis", "keepdim": "keepdims"}.get(keyword.arg or "", keyword.arg)
            keyword.value = self._expression(keyword.value, line)
        if writes(node, function):
            raise NotPlain
        return node

    def _function(self, node: ast.expr) -> Any:
        """The function that is called, if it has no effect but its result."""
        if isinstance(node, ast.Name):
            name = node.id
            found = self.values.get(name, getattr(builtins, name, None))
            if found is getattr(builtins, name, None):
                return found if name in BUILTINS else None
            if isinstance(found, types.FunctionType) and not in_library(found.__code__.co_filename):
                return found if self._plain(found) else None
        else:
            found = self._of_module(node)
            library = self._library(node)
            if found is not None and library in LIBRARIES:
                name = node.attr if isinstance(node, ast.Attribute) else ""
                return largest if (library, name) == ("torch", "max") else OF_TENSORS.get(name)
        return found if harmless(found) else None

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
        if not node or node.decorator_list:
            return False
        if node in self.functions:
            return True
        self.functions.append(node)  # it may call itself
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        plain = all(self._computes(part, function) for part in body)
        if not plain:
            self.functions.remove(node)
        return plain

    def _computes(self, node: ast.AST, function: types.FunctionType) -> bool:
        if isinstance(node, ast.Call):
            inner = Reader(self.file, self.module, _around(function), {}, {})
            inner.functions = self.functions
            method = isinstance(node.func, ast.Attribute) and node.func.attr in METHODS
            called = inner._function(node.func)
            if (called is None and not method) or writes(node, called):
                return False
            parts = [*node.args, *node.keywords]
            parts += [node.func.value] if isinstance(node.func, ast.Attribute) else []
            return all(self._computes(part, function) for part in parts)
        if isinstance(node, ast.Name) and node.id not in function.__code__.co_varnames:
            value = _around(function).get(node.id)
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
            case ast.Call(func=ast.Attribute(value=base, attr=attr)) if attr in CONVERTING:
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
            raise NotPlain
        values = [output.values for output in call.outputs]
        if len(values) != 1 or values[0] is None:
            raise NotPlain
        return self._leaf(values[0], call.number)

    def _predicts(self, node: ast.Call) -> bool:
        """Whether a call looks like one of a model."""
        match node.func:
            case ast.Attribute(attr=attr):
                return attr in PREDICTING
            case ast.Name(id=name):
                return callable(getattr(type(self.values.get(name)), "predict", None))
        return False


def _changes(node: ast.expr, names: set[str]) -> bool:
    """Whether an expression may change in place what one of these names stands for."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name in names:
            return True
        case ast.Call(func=ast.Attribute(attr="shuffle"), args=[ast.Name(id=name), *_]):
            return name in names
    return False


def _around(function: types.FunctionType) -> dict[str, Any]:
    """What the names that a function does not assign stand for in it."""
    return {**function.__globals__, **closed_over(function)}


def _lines_in(calls: Iterable[MeasuringCall], file: str) -> set[int]:
    """The lines of a file of the script that made these calls, directly or not."""
    return {f.line for call in calls for f in call.stack if Path(f.file) == Path(file)}


def _may_predict(function: ast.FunctionDef, known: set[str]) -> bool:
    """Whether a function calls what it is given, what is ``known`` from around it, or a method
    that predicts."""
    parameters = {parameter.arg for parameter in function.args.args} | known
    called = [n.func for n in ast.walk(function) if isinstance(n, ast.Call)]
    return any(
        (isinstance(func, ast.Name) and func.id in parameters)
        or (isinstance(func, ast.Attribute) and func.attr in PREDICTING)
        for func in called
    )


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
    except Exception as error:
        pass_on(error)
        return None
    return array if array.ndim and array.size and array.dtype.kind in "biuf" else None


def _scalar(value: Any) -> Any:
    """The number that a tensor without axes holds; anything else as it is."""
    if isinstance(value, (np.number, np.ndarray)) or not hasattr(type(value), "__array__"):
        return value
    try:
        return np.asarray(value).item() if np.ndim(value) == 0 else value
    except Exception as error:
        pass_on(error)
        return value


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are equal; tensors without axes sum in single precision."""
    if type(one) is type(other) is list:
        return len(one) == len(other) and all(map(_equal, one, other))
    try:
        one, other = np.asarray(one), np.asarray(other)
        if one.ndim == other.ndim == 0 and "f" in (one.dtype.kind, other.dtype.kind):
            return math.isclose(one, other, rel_tol=1e-6)
        return bool(np.array_equal(one, other, equal_nan=True))
    except Exception as error:
        pass_on(error)
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


def _trainable(call: MeasuringCall) -> list[str]:
    """Digests of what a training changes; a call with training=True moves averages."""
    return [tensor.digest for tensor in call.recipe.weights if tensor.role == "trainable"]


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
