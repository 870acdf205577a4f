"""A script as the rules see it: its calls by name, what it builds and trains, what it seeds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

from whydiff.script_text.edits import Scope, Script, parse
from whydiff.script_text.imports import SEED, Names

#: makes a whole model
_BUILDERS = ("keras.Sequential", "keras.Model", "keras.models.Sequential", "keras.models.Model")
#: takes a step of a training that is written out
_STEPS = ("apply_gradients", "stateless_apply", "backward")
_TRAINED = ("trainable_variables", "trainable_weights", "parameters")
_TRAINING = ("fit", "train_on_batch", "fit_generator")
#: shows something to whoever runs the script
_SHOWING = ("print", "imshow", "matshow", "plot", "scatter", "hist", "show", "display", "savefig")
#: trains, or leaves something outside of the script
_CHANGING = (*_TRAINING, *_STEPS, "assign", "write", "put", "save")
#: changes what it is called on, which may be gone when a function ends
_COLLECTING = ("append", "extend", "insert", "add", "update")


class Source:
    """A parsed script; lists are in the order of the text."""

    def __init__(self, text: str) -> None:
        self.script: Script = parse(text)
        self.names = Names(self.script)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node."""
        return list(ast.walk(self.script.tree))

    @cached_property
    def calls(self) -> list[ast.Call]:
        """Every call."""
        found = [n for n in self.nodes if isinstance(n, ast.Call)]
        return sorted(found, key=lambda n: (n.lineno, n.col_offset))

    @cached_property
    def keras(self) -> bool:
        """Whether the script imports Keras, alone or with TensorFlow."""
        return any(
            b.target.partition(".")[0] in ("keras", "tensorflow") for b in self.names.bindings
        )

    def called(self, call: ast.Call) -> str:
        """The dotted name that a call calls: ``numpy.random.rand``, or ""."""
        return self.names.called(call)

    def layer(self, node: ast.AST) -> str:
        """The class of the layer that an expression makes: ``Dense``; "" if it makes none."""
        called = self.names.called(node)
        return called.rpartition(".")[2] if called.startswith("keras.layers.") else ""

    def builds(self, call: ast.Call) -> bool:
        """Whether a call makes a model."""
        called = self.called(call)
        return (
            called in _BUILDERS
            or called == "keras.models.clone_model"
            or (
                called.startswith("keras.applications.") and called.rpartition(".")[2][:1].isupper()
            )
        )

    @cached_property
    def builders(self) -> list[ast.Call]:
        """Calls that make a model, one inside another left out."""
        return [c for c in self.calls if self.builds(c)]

    @cached_property
    def fits(self) -> list[ast.Call]:
        """Calls of a method that trains, as far as the method's name and Keras's presence say."""
        if not self.keras:
            return []
        return [
            c
            for c in self.calls
            if isinstance(c.func, ast.Attribute)
            and c.func.attr in _TRAINING
            and not _is_scaler(c.func.value)
        ]

    @cached_property
    def trains(self) -> bool:
        """Whether the script builds a Keras model and trains it."""
        return bool(self.fits) and bool(self.builders or self.subclasses)

    @cached_property
    def trains_by_hand(self) -> bool:
        """Whether a Keras model is trained in a loop of the script's own."""
        trained = any(isinstance(n, ast.Attribute) and n.attr in _TRAINED for n in self.nodes)
        if not self.keras or not trained or not (self.builders or self.subclasses):
            return False  # steps may change an image that a trained model is shown
        stepping = {
            name
            for name, function in self.functions.items()
            if any(method(c) in _STEPS for c in calls_in(function))
        }
        return any(
            (method(c) in _STEPS or self.called(c) in stepping) and self.loops(c)
            for c in self.calls
        )

    @cached_property
    def subclasses(self) -> list[ast.ClassDef]:
        """Classes derived from Keras's Model."""
        return [
            n
            for n in self.nodes
            if isinstance(n, ast.ClassDef)
            and any(self.names.dotted(b) in _BUILDERS for b in n.bases)
        ]

    def seeds(self, *functions: str) -> list[ast.Call]:
        """Calls that set one of these global seeds; ``set_random_seed`` of Keras sets all."""
        return [c for c in self.calls if self.called(c) in (*functions, SEED)]

    @cached_property
    def seeded(self) -> list[ast.Call]:
        """Calls that set the seed Keras's own seeds are drawn from."""
        return self.seeds("random.seed")

    def only_shown(self, call: ast.Call, helper: bool = False) -> bool:
        """Whether a value is printed on the spot, made when all training is over, or made where
        something is shown and nothing else done; or how long the script sleeps.

        What a ``helper`` makes at its top others read who import it.
        """
        if any(
            isinstance(a, ast.Call) and self.called(a) in ("print", "time.sleep")
            for a in self.script.ancestors(call)
        ):
            return True
        scope = self.scope(call)
        if isinstance(scope, ast.FunctionDef) and _only_shows(scope):
            return True
        assigned = self.target(call)
        at_top = scope is self.script.tree and not helper
        if assigned and at_top and self._uses_show(assigned, call.lineno):
            return True
        last = max((c.lineno for c in self.fits), default=None)
        return last is not None and call.lineno > last and at_top

    def _uses_show(self, name: str, below: int, seen: frozenset[str] = frozenset()) -> bool:
        """Whether every statement of the module that reads a name below a line shows something, or
        makes what is only shown: ``image = images[n]``."""
        users = [
            statement
            for statement in self.script.tree.body
            if statement.lineno > below
            and any(
                isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
                for n in ast.walk(statement)
            )
        ]
        if not users:
            return bool(seen)  # nobody reads what was made of it
        seen |= {name}
        shown = (
            all(n in seen or self._uses_show(n, s.lineno, seen) for n in _makes(s))
            if _makes(s)
            else isinstance(s, ast.Expr | ast.For) and self._shown_by(s) and not _leaves(s)
            for s in users
        )
        return all(shown)

    def _shown_by(self, statement: ast.stmt) -> bool:
        """Whether a statement shows something, itself or by a function that does nothing else."""
        called = {self.called(c) for c in calls_in(statement)}
        return _shows(statement) or any(
            _only_shows(f) for name, f in self.functions.items() if name in called
        )

    def loops(self, node: ast.AST) -> list[ast.stmt]:
        """Loops around a node within its function, innermost first."""
        return self.script.loops(self.statement(node))

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that a node is part of."""
        if isinstance(node, ast.stmt):
            return node
        return next(a for a in self.script.ancestors(node) if isinstance(a, ast.stmt))

    def scope(self, node: ast.AST) -> Scope:
        """The function, class or module that a node stands in."""
        return self.script.scope(node)

    def assigned(self, name: str) -> list[ast.expr]:
        """Everything that is assigned to a name, anywhere."""
        return [value for target, value in self._assignments if target == name]

    def last_assigned(self, name: str, before: ast.AST) -> ast.expr | None:
        """What a name holds at a node, as far as the text of its scope says: the last assignment.

        None where that stands in a branch or loop that the node is outside of.
        """
        line, scope = getattr(before, "lineno", 0), self.scope(before)
        values = [
            v for v in self.assigned(name) if v.lineno <= line and self.scope(v) is scope
            and v is not before and v not in self.script.ancestors(before)
        ]  # fmt: skip
        if not values:
            return None
        last = max(values, key=lambda v: (v.lineno, v.col_offset))
        block = self.script.parent[self.statement(last)]
        return last if block in (scope, *self.script.ancestors(before)) else None

    def target(self, node: ast.expr) -> str:
        """The name that a value is assigned to as a whole; "" for any other value."""
        return next((t for t, value in self._assignments if value is node), "")

    @cached_property
    def _assignments(self) -> list[tuple[str, ast.expr]]:
        return [
            pair
            for node in self.nodes
            if isinstance(node, ast.Assign)
            for target in node.targets
            for pair in _given(target, node.value)
        ]

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """Functions and methods by name."""
        return {n.name: n for n in self.nodes if isinstance(n, ast.FunctionDef)}


def _given(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """(name, what it is given): of ``a, b = f()`` the whole of what is taken apart, for each."""
    if isinstance(target, ast.Name | ast.Attribute):
        yield ast.unparse(target), value
    elif isinstance(target, ast.Tuple | ast.List):
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        for number, one in enumerate(target.elts):
            each = parts[number] if len(parts) == len(target.elts) else value
            yield from _given(one, each)


def calls_in(node: ast.AST) -> Iterator[ast.Call]:
    """Every call inside a node."""
    return (n for n in ast.walk(node) if isinstance(n, ast.Call))


def method(call: ast.Call) -> str:
    """The name of the method that is called, "" for a plain function."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def keyword(call: ast.Call, *names: str) -> ast.expr | None:
    """The value of the first of these keywords that a call has."""
    return next((k.value for name in names for k in call.keywords if k.arg == name), None)


def constant(node: ast.AST | None) -> object:
    """The value of a literal, ``...`` for anything else."""
    return node.value if isinstance(node, ast.Constant) else ...


def _makes(statement: ast.stmt) -> list[str]:
    """The names that an assignment makes, if it does nothing else."""
    if not isinstance(statement, ast.Assign) or _leaves(statement):
        return []
    target = statement.targets[0]
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    names = [p.id for p in parts if isinstance(p, ast.Name)]
    return names if len(names) == len(parts) else []


def _shows(node: ast.AST) -> bool:
    return any(
        isinstance(n, ast.Call) and (method(n) or getattr(n.func, "id", "")) in _SHOWING
        for n in ast.walk(node)
    )


def _leaves(node: ast.AST) -> bool:
    """Whether a statement leaves something behind: a result, a change, another training."""
    nodes = list(ast.walk(node))
    local = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return any(
        isinstance(n, ast.Yield | ast.YieldFrom)
        or (isinstance(n, ast.Return) and n.value is not None)
        or (isinstance(n, ast.Attribute | ast.Subscript) and isinstance(n.ctx, ast.Store))
        or (
            isinstance(n, ast.Call)
            and isinstance(n.func, ast.Attribute)
            and (
                n.func.attr in _CHANGING
                or (n.func.attr in _COLLECTING and getattr(n.func.value, "id", "") not in local)
            )
        )
        for n in nodes
    )


def _only_shows(function: ast.FunctionDef) -> bool:
    return _shows(function) and not _leaves(function)


def _is_scaler(node: ast.expr) -> bool:
    """``StandardScaler().fit``, ``encoder.fit``: preparing data, not training a model."""
    text = ast.unparse(node).lower()
    return any(
        w in text for w in ("scaler", "encoder(", "binarizer", "tokenizer", "pca", "datagen")
    )
