"""Which binding a name refers to: Python's rules of scopes, on the nodes of a parsed script.

The standard library's ``symtable`` knows the same rules, and the tests hold this against it. But
its tables do not say to which node they belong, and it refuses texts that only parse.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Scopes:
    """The scopes of a module: its own, and one per function, lambda, comprehension and class."""

    def __init__(self, module: ast.Module) -> None:
        self.module = module
        self.bound: dict[ast.AST, set[str]] = defaultdict(set)  #: scope -> names it binds
        self._scope: dict[ast.AST, ast.AST] = {}  # name node or import -> scope it is executed in
        self._outer: dict[ast.AST, ast.AST] = {}
        self._global: dict[ast.AST, set[str]] = defaultdict(set)
        self._nonlocal: dict[ast.AST, set[str]] = defaultdict(set)
        self._left: list[tuple[ast.AST, ast.AST]] = [(s, module) for s in module.body]
        while self._left:  # no recursion: a sum of a thousand terms is a thousand levels deep
            self._enter(*self._left.pop())

    def importing(self, statement: ast.Import | ast.ImportFrom, name: str) -> ast.AST:
        """The scope in which an import binds a name."""
        scope = self._scope.get(statement, self.module)
        return self.module if name in self._global[scope] else scope

    def owner(self, node: ast.Name) -> ast.AST | None:
        """The scope whose binding a name refers to; None for built-ins and unbound names."""
        scope = self._scope.get(node, self.module)
        if node.id in self._global[scope]:
            scope = self.module
        while scope is not self.module:
            declared = node.id in self._nonlocal[scope] or node.id in self._global[scope]
            if node.id in self.bound[scope] and not declared:
                return scope
            scope = self._outer[scope]
            while isinstance(scope, ast.ClassDef):  # invisible from the functions inside
                scope = self._outer[scope]
        return self.module if node.id in self.bound[self.module] else None

    def _bind(self, name: str, scope: ast.AST) -> None:
        if name in self._global[scope]:
            scope = self.module
        self.bound[scope].add(name)

    def _visit(self, node: ast.AST, scope: ast.AST) -> None:
        self._left.append((node, scope))

    def _enter(self, node: ast.AST, scope: ast.AST) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._function(node, scope)
                return
            case ast.ClassDef():
                self._bind(node.name, scope)
                self._outer[node] = scope
                for outside in (*node.decorator_list, *node.bases, *node.keywords):
                    self._visit(outside, scope)
                self._body(node.body, node)
                return
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node, scope)
                return
            case ast.NamedExpr():
                self._scope[node.target] = scope
                self._bind(node.target.id, self._without_comprehensions(scope))
                self._visit(node.value, scope)
                return
            case ast.Name():
                self._scope[node] = scope
                if not isinstance(node.ctx, ast.Load):
                    self._bind(node.id, scope)
            case ast.Import() | ast.ImportFrom():
                self._scope[node] = scope
                for alias in node.names:
                    self._bind(alias.asname or alias.name.partition(".")[0], scope)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                self._bind(name, scope)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                self._bind(name, scope)
        for child in ast.iter_child_nodes(node):
            self._visit(child, scope)

    def _body(self, body: list[ast.stmt], scope: ast.AST) -> None:
        """Declarations hold for the whole scope, also where they stand below."""
        for statement in body:
            for node in _same_scope(statement):
                if isinstance(node, ast.Global):
                    self._global[scope].update(node.names)
                elif isinstance(node, ast.Nonlocal):
                    self._nonlocal[scope].update(node.names)
        for statement in body:
            self._visit(statement, scope)

    def _function(self, node: _Function, scope: ast.AST) -> None:
        self._outer[node] = scope
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        named += [a for a in (arguments.vararg, arguments.kwarg) if a]
        outside: list[ast.expr | None] = [*arguments.defaults, *arguments.kw_defaults]
        outside += [a.annotation for a in named]
        if not isinstance(node, ast.Lambda):
            self._bind(node.name, scope)
            outside += [*node.decorator_list, node.returns]
        for expression in outside:
            if expression is not None:
                self._visit(expression, scope)
        self.bound[node].update(a.arg for a in named)
        if isinstance(node, ast.Lambda):
            self._visit(node.body, node)
        else:
            self._body(node.body, node)

    def _comprehension(self, node: _Comprehension, scope: ast.AST) -> None:
        self._outer[node] = scope
        self._visit(node.generators[0].iter, scope)  # that alone is executed outside
        for number, generator in enumerate(node.generators):
            for part in (generator.target, *generator.ifs, *([generator.iter] * (number > 0))):
                self._visit(part, node)
        results = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        for result in results:
            self._visit(result, node)

    def _without_comprehensions(self, scope: ast.AST) -> ast.AST:
        while isinstance(scope, _Comprehension):
            scope = self._outer[scope]
        return scope


def _same_scope(statement: ast.AST) -> Iterator[ast.AST]:
    """The statement and everything in it that belongs to the same scope."""
    left = [statement]
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, _Function | ast.ClassDef):
            left += ast.iter_child_nodes(node)
