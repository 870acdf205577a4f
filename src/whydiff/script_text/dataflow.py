"""Which lines of a program decide what a call is fed, or the call as a whole: followed backwards,
name by name.

Nothing is run, so a line may be among them that decides nothing. One that does is left out only
where a program hides what it uses: behind ``exec``, ``getattr`` or another language.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from whydiff.script_text.edits import Script, last_name, parse
from whydiff.script_text.scopes import Scopes

#: A name as one scope binds it; of None an attribute, of whichever object.
_Key = tuple[ast.AST | None, str]
#: Methods of a model by which it is fed.
_FED = frozenset({"fit", "train_on_batch", "evaluate", "predict", "test_on_batch"})
#: Their arguments that are data, besides the first two.
_DATA = frozenset({"x", "y", "sample_weight", "validation_data", "validation_split"})
#: Calls that leave alone what they are given; ``compile`` leaves alone the data.
_READING = frozenset({"print", "len", "summary", "plot", "save", *_FED})
#: What a library's function that sets something for the whole process is called.
_SETS = re.compile(r"^(set|enable|disable)_|config|seed|environ|putenv")
#: With these, keys are used that no text names.
_ALL_KEYS = frozenset({"vars", "asdict", "getattr", "items", "values", "update", "__dict__"})
_GENERATORS = frozenset({"default_rng", "RandomState", "Random", "Generator", "SeedGenerator"})
#: Statements that decide whether and how often those inside are run, or (of a call) in which scope.
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match)
_SCOPES = (ast.With, ast.AsyncWith)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Deciding:
    """What decides a call, or what it is fed, in a program's own files.

    ``words`` are the strings and attributes that these lines use; ``every_key`` says that they may
    use keys of a dictionary besides, ``draws`` that they draw random numbers. ``arguments`` is the
    text of what is given to the call, at ``place``.
    """

    lines: Mapping[str, frozenset[int]]
    words: frozenset[str]
    every_key: bool
    draws: bool
    arguments: str
    place: tuple[str, frozenset[int]]

    def __contains__(self, line: tuple[str, int]) -> bool:
        """Whether a line, as its file and number, is one of these."""
        return line[1] in self.lines.get(line[0], ())


@dataclass(frozen=True, eq=False)
class _Unit:
    """A statement, without the statements inside it."""

    file: str
    node: ast.stmt
    lines: frozenset[int]
    binds: frozenset[_Key]
    uses: frozenset[_Key]
    words: frozenset[str]
    nodes: tuple[ast.AST, ...]


def deciding(
    texts: Mapping[str, str], file: str, line: int, whole: bool = False, chained: bool = True
) -> Deciding | None:
    """What decides the data of the call at ``line`` of ``file``; None where none is found there.

    ``texts`` are a program's own files by their paths, the script among them. ``whole``: what
    decides the call, with its model, its settings and what is set for the process. ``chained``:
    a draw decides what the next one gives, so where one does, all do.
    """
    program = _Program(texts, whole, chained)
    roots = program.calls_at(file, line)
    if not roots:
        return None
    for statement, given in roots:
        program.start(statement, given)
    program.follow()
    lines: dict[str, set[int]] = {}
    for unit in program.reached:
        lines.setdefault(unit.file, set()).update(unit.lines)
    own = (range(s.node.lineno, (s.node.end_lineno or s.node.lineno) + 1)
           for s, _ in roots if not hasattr(s.node, "body"))  # fmt: skip
    return Deciding(
        {name: frozenset(found) for name, found in lines.items()},
        frozenset(program.words),
        program.every_key,
        program.drawn,
        " ".join(ast.dump(node) for _, given in roots for node in given),
        (roots[0][0].file, frozenset(itertools.chain(*own))),
    )


class _Program:
    """Files with their statements, and those that were reached so far."""

    def __init__(self, texts: Mapping[str, str], whole: bool = False, chained: bool = True) -> None:
        self.whole, self.chained = whole, chained
        self.scripts: dict[str, Script] = {}
        for file, text in texts.items():
            try:
                self.scripts[file] = parse(text)
            except (SyntaxError, ValueError, RecursionError):
                continue
        self.scopes = {file: Scopes(script.tree) for file, script in self.scripts.items()}
        #: a name that stands for a module of the program, or for what another file binds
        self.modules: dict[_Key, ast.AST] = {}
        self.aliases: dict[_Key, _Key] = {}
        self.imported: set[_Key] = set()
        self.units: list[_Unit] = []
        for file, script in self.scripts.items():
            self._import(file, script)
        for file, script in self.scripts.items():
            self.units += [self._unit(file, node) for node in ast.walk(script.tree)
                           if isinstance(node, ast.stmt)]  # fmt: skip
        self.of = {unit.node: unit for unit in self.units}
        #: names of random generators: each draw decides what the next one gives
        self.generators = {key for unit in self.units for key in unit.binds
                           if _makes_generator(unit.nodes)}  # fmt: skip
        self.reached: set[_Unit] = set()
        self.entered: set[_Unit] = set()  # functions of which a parameter decides
        self.keys: set[_Key] = set()
        self.words: set[str] = set()
        self.every_key = False
        self.drawn = False

    # --- reading ---

    def _import(self, file: str, script: Script) -> None:
        for node in ast.walk(script.tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            base = f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
            source = self._module(base.strip("."), file)
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                key = self.scopes[file].importing(node, name), name
                self.imported.add(key)
                module = self._module((base + alias.name).strip("."), file)
                if alias.name == "*" and source is not None:
                    bound = self.scopes[self._file(source)].bound[source]
                    self.aliases |= {(None, each): (source, each) for each in bound}
                elif module is not None and (alias.asname or "." not in alias.name):
                    self.modules[key] = module
                elif source is not None:
                    self.aliases[key] = source, alias.name

    def _file(self, module: ast.AST) -> str:
        return next(file for file, script in self.scripts.items() if script.tree is module)

    def _module(self, dotted: str, importer: str) -> ast.Module | None:
        """The file of a module, that nearest to the one which imports it."""
        ends = tuple(f"{dotted.replace('.', '/')}{end}" for end in (".py", "/__init__.py"))
        found = [f for f in self.scripts if any(f == end or f.endswith(f"/{end}") for end in ends)]
        folder = PurePath(importer).parent
        found.sort(key=lambda f: (folder not in PurePath(f).parents, len(f)))
        return self.scripts[found[0]].tree if dotted and found else None

    def _unit(self, file: str, node: ast.stmt) -> _Unit:
        nodes = tuple(_own(node))
        binds, uses = self._keys(file, node, nodes)
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        spans = [(n.lineno, n.end_lineno or n.lineno) for n in nodes
                 if isinstance(n, ast.expr | ast.arg | ast.keyword)]  # fmt: skip
        ends = [node.lineno, *itertools.chain(*spans)]
        if not hasattr(node, "body"):
            ends.append(node.end_lineno or node.lineno)
        lines = () if docstring else range(min(ends), max(ends) + 1)
        return _Unit(file, node, frozenset(lines), binds, uses, frozenset(_words(nodes)), nodes)

    def _keys(
        self, file: str, node: ast.stmt, nodes: Sequence[ast.AST]
    ) -> tuple[frozenset[_Key], frozenset[_Key]]:
        scopes, script = self.scopes[file], self.scripts[file]
        binds: set[_Key] = set()
        uses: set[_Key] = set()
        stored: set[ast.AST] = set()
        in_class = isinstance(script.parent.get(node), ast.ClassDef)
        for target in nodes:
            if isinstance(target, ast.Attribute | ast.Subscript) and not isinstance(
                target.ctx, ast.Load
            ):
                stored.update(n for n in ast.walk(target.value) if isinstance(n, ast.Name))
        for each in nodes:
            if isinstance(each, ast.Name):
                key = (scopes.owner(each), each.id)
                loaded = isinstance(each.ctx, ast.Load)
                if not loaded or each in stored:
                    binds.add((None, each.id) if in_class else key)
                if loaded or isinstance(node, ast.AugAssign):
                    uses.add(key)
            elif isinstance(each, ast.Attribute):
                uses.add(self._attribute(file, each))
                if not isinstance(each.ctx, ast.Load):
                    binds.add((None, each.attr))
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.asname or alias.name.partition(".")[0] for alias in node.names]
            binds.update((scopes.importing(node, name), name) for name in names)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            scope: ast.AST | None = None if in_class else script.scope(node)
            binds.add((scope, node.name))
        return frozenset(binds), frozenset(uses)

    def _attribute(self, file: str, node: ast.Attribute) -> _Key:
        """``settings.FOLD`` is the name in that module, where it is one of the program."""
        owner = self.scopes[file].owner
        if isinstance(node.value, ast.Name):
            module = self.modules.get((owner(node.value), node.value.id))
        else:
            module = self._module(_dotted(node.value), file)
        return module, node.attr

    # --- following ---

    def calls_at(self, file: str, line: int) -> list[tuple[_Unit, list[ast.expr]]]:
        """The statement at a line in which a model is used, and what is given to it there.

        Of a loop that is watched from that line on: the steps, too.
        """
        here = [unit for unit in self.units if unit.file == file and line in unit.lines]
        calls = [(u, n) for u in here for n in u.nodes if isinstance(n, ast.Call)]
        using = [(unit, call) for unit, call in calls if last_name(call.func) in _FED]
        watching = [(unit, call) for unit, call in calls if last_name(call.func) == "watch"]
        if using or not watching:
            # Whatever else is called where a model was used is the model.
            return [(unit, self._given(call)) for unit, call in (using or calls)[:1]]
        steps = [(u, n) for u in self.units for n in u.nodes
                 if isinstance(n, ast.Call) and last_name(n.func) == "step" and n.args]  # fmt: skip
        within = {n for unit, _ in watching for n in ast.walk(unit.node)}
        steps = [(u, n) for u, n in steps if u.node in within] or steps
        begun = [(unit, self._given(call)) for unit, call in watching if self.whole]
        return begun + [(unit, self._stepped(unit, call)) for unit, call in steps]

    def _given(self, call: ast.Call) -> list[ast.expr]:
        if self.whole:
            return [call.func, *call.args, *(k.value for k in call.keywords)]
        named = [k.value for k in call.keywords if k.arg is None or k.arg in _DATA]
        return [*call.args[:2], *named]

    def _stepped(self, unit: _Unit, call: ast.Call) -> list[ast.expr]:
        """What a step of a loop is given; its state travels, so the statement binds it again."""
        given = [*call.args[1:], *(k.value for k in call.keywords)]
        if self.whole:
            return [*call.args, *given]
        scopes = self.scopes[unit.file]
        return [one for one in given if not {
            (scopes.owner(n), n.id) for n in ast.walk(one) if isinstance(n, ast.Name)
        } & unit.binds]  # fmt: skip

    def start(self, statement: _Unit, given: Sequence[ast.expr]) -> None:
        """What is ``given`` in a statement is to be followed."""
        nodes = [n for one in given for n in ast.walk(one)]
        self._use(self._keys(statement.file, statement.node, nodes)[1])
        self.words |= _words(nodes)
        self.reached.add(statement)
        self._blocks(statement)

    def follow(self) -> None:
        """Reach all that what was started with comes from."""
        before = (-1, -1)
        while before != (len(self.reached), len(self.keys)):
            before = len(self.reached), len(self.keys)
            for unit in self.units:
                if unit not in self.reached and self._decides(unit):
                    self._reach(unit)
                if unit.binds & self.keys:
                    self._whole(unit)

    def _use(self, keys: Collection[_Key]) -> None:
        left = list(keys)
        while left:
            key = left.pop()
            if key not in self.keys:
                self.keys.add(key)
                left += [self.aliases[key]] if key in self.aliases else []

    def _reach(self, unit: _Unit) -> None:
        if unit in self.reached:
            return
        self.reached.add(unit)
        self._use(unit.uses - self._passed_on(unit))
        self.words |= unit.words
        names = {n.id for n in unit.nodes if isinstance(n, ast.Name)}
        starred = any(isinstance(n, ast.keyword) and n.arg is None for n in unit.nodes)
        self.every_key |= starred or bool((names | unit.words) & _ALL_KEYS)
        self.drawn |= "random" in names | unit.words or bool(unit.uses & self.generators)
        self._blocks(unit)

    def _whole(self, unit: _Unit) -> None:
        """What is in a function that is called, and the methods of a class that is used."""
        if isinstance(unit.node, _FUNCTIONS):
            for inner in ast.walk(unit.node):
                if isinstance(inner, ast.stmt):
                    self._reach(self.of[inner])
        elif isinstance(unit.node, ast.ClassDef):
            self._use([(None, n.name) for n in unit.node.body if isinstance(n, _FUNCTIONS)])

    def _blocks(self, unit: _Unit) -> None:
        """Conditions and loops decide about the statements in them; of a call, its scopes, too."""
        kinds = (*_BLOCKS, *_SCOPES) if self.whole else _BLOCKS
        for around in self.scripts[unit.file].ancestors(unit.node):
            if isinstance(around, kinds):
                self._reach(self.of[around])
            elif isinstance(around, (*_FUNCTIONS, ast.ClassDef)):
                return

    def _decides(self, unit: _Unit) -> bool:
        node = unit.node
        if unit.binds & self.keys:
            return True
        if isinstance(node, _FUNCTIONS):
            if any((node, one.arg) in self.keys for one in _parameters(node)):
                self.entered.add(unit)
                return True
            return False
        if self._passed_on(unit) or (self.whole and self._sets(unit)):
            return True
        calls = [n for n in unit.nodes if isinstance(n, ast.Call)]
        if self.chained and self.drawn and any(self._draws(unit, call) for call in calls):
            return True
        call = node.value if isinstance(node, ast.Expr) else None
        reading = _READING if self.whole else _READING | {"compile"}
        if not isinstance(call, ast.Call) or last_name(call.func) in reading:
            return False
        if "seed" in last_name(call.func):
            return True
        options = {word.lstrip("-").replace("-", "_") for word in unit.words if word[:1] == "-"}
        if options:  # parser.add_argument("--rows")
            return bool(options & self.words)
        return any(owner is not None and (owner, name) in self.keys for owner, name in unit.uses)

    def _sets(self, unit: _Unit) -> bool:
        """Whether a statement sets something for the process: a seed, a variable, a policy."""
        node = unit.node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            target: ast.expr = node.value.func
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            target = node.targets[0].value
        else:
            return False
        names = _dotted(target).split(".")
        root = next((n for n in ast.walk(target) if isinstance(n, ast.Name)), None)
        if root is None or not any(map(_SETS.search, names)):
            return False
        return (self.scopes[unit.file].owner(root), root.id) in self.imported

    def _passed_on(self, unit: _Unit) -> set[_Key]:
        """Functions of which a parameter decides, and which a statement calls for no result."""
        if unit.binds & self.keys:
            return set()
        called = {self._called(unit.file, n) for n in unit.nodes if isinstance(n, ast.Call)}
        return {key for key in called if any(self._target(key) in f.binds for f in self.entered)}

    def _target(self, key: _Key) -> _Key:
        seen = set()
        while key in self.aliases and key not in seen:
            seen.add(key)
            key = self.aliases[key]
        return key

    def _called(self, file: str, call: ast.Call) -> _Key:
        if isinstance(call.func, ast.Attribute):
            return self._attribute(file, call.func)
        if isinstance(call.func, ast.Name):
            return self.scopes[file].owner(call.func), call.func.id
        return None, ""

    def _draws(self, unit: _Unit, call: ast.Call) -> bool:
        """Whether a call draws from a generator, and so changes what is drawn next."""
        named = _words(ast.walk(call.func)) | {n.id for n in ast.walk(call.func)
                                               if isinstance(n, ast.Name)}  # fmt: skip
        return "random" in named or bool(unit.uses & self.generators)


def _words(nodes: Iterable[ast.AST]) -> set[str]:
    """Strings and names of attributes."""
    found = [n.value if isinstance(n, ast.Constant) else getattr(n, "attr", None) for n in nodes]
    return {word for word in found if isinstance(word, str)}


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def _makes_generator(nodes: Iterable[ast.AST]) -> bool:
    """Whether a generator is made, and not used up at once, as in ``default_rng(1).normal()``."""
    nodes = tuple(nodes)
    used_up = {n.value for n in nodes if isinstance(n, ast.Attribute)}
    calls = [n for n in nodes if isinstance(n, ast.Call) and n not in used_up]
    return any(last_name(n.func) in _GENERATORS for n in calls)


def _own(node: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement that belong to no statement inside it."""
    left: list[ast.AST] = [node]
    while left:
        each = left.pop()
        yield each
        left += [c for c in ast.iter_child_nodes(each) if not isinstance(c, ast.stmt)]


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Collection[ast.arg]:
    given = node.args
    found = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [one for one in found if one is not None]
