"""The seed that a script has already: a constant, a setting, an option of its command line.

A line that seeds something should use it, so that one number still governs the whole script.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from whydiff.script_text.edits import Function, Script
from whydiff.script_text.imports import Names, binds
from whydiff.script_text.settings import is_seed_name, unread_seeds

_PARSES = ("parse_args", "parse_known_args", "parse_intermixed_args")
#: libraries whose functions draw seeds, or make generators of them
_DRAWING = frozenset({"numpy", "keras", "tensorflow", "torch", "jax", "sklearn"})
_HOLDERS = ("dict", "types.SimpleNamespace", "SimpleNamespace", "argparse.Namespace")


@dataclass(frozen=True, eq=False)
class OwnSeed:
    """An expression that holds the script's seed once ``statement`` has been executed.

    ``option`` is the command-line option that sets it, "" where there is none; it is ``unset``
    where the expression is None unless that option is given. ``elsewhere`` is where its value
    comes from: nothing in the script says that it is a number.
    """

    text: str
    statement: ast.stmt
    option: str = ""
    unset: bool = False
    elsewhere: bool = False


@dataclass(frozen=True)
class _Option:
    flag: str  # "--seed"
    name: str  # "seed"
    unset: bool


def own_seed(script: Script, names: Names, at: ast.AST, parameters: bool = True) -> str:
    """The expression that holds the script's seed just before ``at``, "" if there is none.

    Without ``parameters`` those of functions are left out: they may hold another one in every call.
    """
    unset = {option.name for option in _options(script) if option.unset}
    for function in _functions_around(script, at) if parameters else ():
        text = seed_in(function, script, names)
        if text and text.rpartition(".")[2] not in unset:
            return text
    seeds = [s for s in own_seeds(script, names) if not s.unset and _known(script, s, at)]
    nearest = [s for s in seeds if _scope(script, s.statement) is _scope(script, at)]
    return (nearest or seeds)[0].text if seeds else ""


def seed_option(script: Script, names: Names) -> str:
    """The option of the command line that sets a seed that is None otherwise, "" if none.

    Of argparse, click, typer, absl flags and Python Fire.
    """
    parsed = [s.option for s in own_seeds(script, names) if s.option and s.unset]
    flags = [option.flag for option in _absl_options(script, names) if option.unset]
    entries = [_flag(n) for f in _entry_functions(script, names) for n in _unset_parameters(f)]
    return next(iter([*parsed, *flags, *entries]), "")


def seed_in(function: Function, script: Script, names: Names) -> str:
    """The seed that a function is given: a parameter, a setting of one, or an absl flag; "" if
    none."""
    for parameter in _parameters(function):
        if is_seed_name(parameter) and not rebound(function, parameter):
            clicked = _decorated(function, parameter)
            if clicked is None or _whole(clicked):
                return parameter
    given = {argument.arg for argument in _arguments(function)}
    given -= {"self"} if function.name == "__init__" else set()  # which has nothing yet
    inside = (n for n in ast.walk(function) if isinstance(n, ast.expr))
    for node in inside:  # cfg.seed, self.cfg["seed"]
        root = _seed_below(node)
        if root is not None and root.id in given and not rebound(function, root.id):
            return script.segment(node)
    text = _kept_seed(function, script) or _parsed_seed(function, script)
    if text := text or _read_beside(function, script, given):
        return text
    here = {id(node) for node in ast.walk(function)}
    for root, text in unread_seeds(script, names):
        if id(root) in here and root.id in given and not rebound(function, root.id):
            return text
    holder = _absl_holder(script, names)
    defined = _absl_options(script, names)
    option = next((o for o in defined if not o.unset), None)
    if not holder or option or defined:
        return f"{holder}.{option.name}" if holder and option else ""
    anywhere = (n for n in ast.walk(script.tree) if isinstance(n, ast.expr))  # another file's flags
    read = (n for n in anywhere if (root := _seed_below(n)) is not None and root.id == holder)
    return next(map(script.segment, read), "")


def _parsed_seed(function: Function, script: Script) -> str:
    """``args.seed`` where the function is called with ``parser.parse_args()``; "" if it is not, or
    the option has no value unless it is given."""
    option = next((o for o in _options(script) if not o.unset), None)
    parameters = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    calls = (n for n in ast.walk(script.tree) if isinstance(n, ast.Call))
    parsed = (
        name
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == function.name
        for name, given in zip(parameters, call.args, strict=False)
        if _parses(given) and not rebound(function, name)
    )
    name = next(parsed, "") if option is not None else ""
    return f"{name}.{option.name}" if name and option is not None else ""


def _kept_seed(function: Function, script: Script) -> str:
    """The seed of what ``__init__`` is given and keeps: ``settings.seed``, where a method of its
    class reads ``self.settings.seed``; "" if none."""
    owner = script.scope(function)
    if function.name != "__init__" or not isinstance(owner, ast.ClassDef):
        return ""
    kept = {
        ast.unparse(node.targets[0]): node.value.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Name)
        and node.value.id in _parameters(function)
        and not rebound(function, node.value.id)
    }
    for node in (n for n in ast.walk(owner) if isinstance(n, ast.expr)):
        text = script.segment(node) if _seed_below(node) is not None else ""
        held = next((name for name in kept if text.startswith((f"{name}.", f"{name}["))), "")
        if held.startswith("self."):
            return kept[held] + text[len(held) :]
    return ""


def _read_beside(function: Function, script: Script, given: Collection[str]) -> str:
    """``cfg.seed`` where another function is given a ``cfg`` as well and reads its seed; for a
    method ``self.seed``, where ``__init__`` keeps one or another method reads it; "" if none."""
    owner = script.scope(function)
    method = isinstance(owner, ast.ClassDef)
    for other in (
        n for n in ast.walk(script.tree) if isinstance(n, Function) and n is not function
    ):
        shared = {*given} & {a.arg for a in _arguments(other)}
        shared -= set() if method and script.scope(other) is owner else {"self"}
        for node in (n for n in ast.walk(other) if isinstance(n, ast.Attribute | ast.Subscript)):
            root = _seed_below(node, stored=_keeps_a_value(script, other, node))
            if root is None or root.id not in shared:
                continue
            if not rebound(function, root.id) and not rebound(other, root.id):
                return script.segment(node)
    return ""


def _keeps_a_value(script: Script, function: Function, target: ast.expr) -> bool:
    """Whether ``__init__`` assigns a number, or a parameter that is one, to a target."""
    made = script.parent[target]
    if function.name != "__init__" or not isinstance(made, ast.Assign | ast.AnnAssign):
        return False
    if isinstance(made.value, ast.Name):
        return made.value.id in _parameters(function)
    return _whole(made.value)


def _arguments(function: Function) -> list[ast.arg]:
    return [node for node in ast.walk(function.args) if isinstance(node, ast.arg)]


def _absl_options(script: Script, names: Names) -> list[_Option]:
    """``flags.DEFINE_integer("seed", 17, "...")``."""
    found = []
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        given = [a.value for a in call.args[:2] if isinstance(a, ast.Constant)]
        defines = names.called(call).endswith("flags.DEFINE_integer")
        if defines and len(given) == 2 and isinstance(given[0], str) and is_seed_name(given[0]):
            found.append(_Option(f"--{given[0]}", given[0], given[1] is None))
    return found


def _absl_holder(script: Script, names: Names) -> str:
    """The name of ``flags.FLAGS`` in a script."""
    for node in script.tree.body:
        if isinstance(node, ast.Assign) and names.dotted(node.value).endswith("flags.FLAGS"):
            target = node.targets[0]
            return target.id if isinstance(target, ast.Name) else ""
    return next((b.name for b in names.bindings if b.target == "absl.flags.FLAGS"), "")


def _entry_functions(script: Script, names: Names) -> Iterator[Function]:
    """Functions whose parameters are options: of click and typer, or handed to Fire."""
    given = {
        a.id
        for call in ast.walk(script.tree)
        if isinstance(call, ast.Call) and names.called(call) in ("fire.Fire", "typer.run")
        for a in call.args
        if isinstance(a, ast.Name)
    }
    for function in (n for n in ast.walk(script.tree) if isinstance(n, Function)):
        decorated = any("command" in ast.unparse(d) for d in function.decorator_list)
        if decorated or function.name in given:
            yield function


def _unset_parameters(function: Function) -> Iterator[str]:
    """Options for a seed that is None where it is not given."""
    for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
        if not is_seed_name(argument.arg):
            continue
        clicked = _decorated(function, argument.arg)
        missing = argument.arg not in _parameters(function)  # its default is None
        if missing or (isinstance(clicked, ast.Constant) and clicked.value is None):
            yield argument.arg


def _decorated(function: Function, parameter: str) -> ast.expr | None:
    """The default that ``@click.option("--seed", default=...)`` gives a parameter.

    Without one it is None; where no decorator names the parameter, so is the answer.
    """
    for call in (d for d in function.decorator_list if isinstance(d, ast.Call)):
        flags = [str(a.value) for a in call.args if isinstance(a, ast.Constant)]
        if any(f.lstrip("-").replace("-", "_") == parameter for f in flags):
            keywords = {k.arg: k.value for k in call.keywords}
            return keywords.get("default", ast.Constant(None))
    return None


def _flag(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"


def own_seeds(script: Script, names: Names) -> list[OwnSeed]:
    """Every expression that the script itself makes its seed, in the order of the text."""
    options = _options(script)
    classes = {
        node.name: attribute
        for node in script.tree.body
        if isinstance(node, ast.ClassDef) and (attribute := _class_seed(node))
    }
    parsers = {
        f.name
        for f in ast.walk(script.tree)
        if isinstance(f, Function)
        and any(isinstance(r, ast.Return) and _parses(r.value) for r in ast.walk(f))
    }
    found = []
    for node in ast.walk(script.tree):
        if isinstance(node, ast.ClassDef) and node.name in classes:
            found.append(OwnSeed(f"{node.name}.{classes[node.name]}", node))
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Tuple) and target.elts and _parses(node.value):
            target = target.elts[0]  # args, rest = parser.parse_known_args()
        if not isinstance(target, ast.Name) or isinstance(script.scope(node), ast.ClassDef):
            continue
        called = names.called(node.value)
        if _parses(node.value) or called in parsers:
            found += [OwnSeed(f"{target.id}.{o.name}", node, o.flag, o.unset) for o in options]
        elif is_seed_name(target.id) and (
            _whole(node.value) or _from_outside(node.value, names) or _seed_of(node.value)
        ):
            found.append(OwnSeed(target.id, node))
        elif is_seed_name(target.id) and _handed_out(node.value, names):
            found.append(OwnSeed(target.id, node, elsewhere=True))
        elif called in classes:
            found.insert(0, OwnSeed(f"{target.id}.{classes[called]}", node))
        else:
            found += [OwnSeed(text, node) for text in _held(target.id, node.value, names)]
    parsed = {
        target.id
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Assign)
        and (_parses(node.value) or names.called(node.value) in parsers)
        for target in ast.walk(node.targets[0])
        if isinstance(target, ast.Name)
    }
    known = {_root(s) for s in found} | parsed | {_absl_holder(script, names)}
    found += _read(script, names, known)
    once = [s for s in found if _assigned_once(script, s)]
    return sorted(once, key=lambda s: s.text.split(".")[0] in classes)


def _read(script: Script, names: Names, known: Collection[str]) -> Iterator[OwnSeed]:
    """Seeds that come from elsewhere and are read here: ``cfg.seed``, ``cfg["seed"]`` of what a
    function returned, ``settings.SEED``, or an imported ``SEED``; and those that stand beside what
    is read (:mod:`~whydiff.script_text.settings`). Those of ``known`` names are left out."""
    made = {
        node.targets[0].id: node
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call | ast.Subscript | ast.Attribute | ast.Name)
        and names.called(node.value) not in _HOLDERS
    }
    imported = {b.name: b.statement for b in names.bindings if b.scope is script.tree}
    done = {*known}
    for node in (n for n in ast.walk(script.tree) if isinstance(n, ast.expr)):
        root = _seed_below(node)
        if isinstance(node, ast.Name) and node.id in imported and is_seed_name(node.id):
            root = node
        parent = script.parent.get(node)
        if (
            root is None
            or root.id in done
            or (isinstance(parent, ast.Call) and parent.func is node)
        ):
            continue
        statement: ast.stmt | None = made.get(root.id) or imported.get(root.id)
        if statement is not None and not names.dotted(node).endswith("random.seed"):
            done.add(root.id)
            yield OwnSeed(script.segment(node), _whole_with(script, statement), elsewhere=True)
    for name, text in unread_seeds(script, names):
        if name.id in made and name.id not in done:
            done.add(name.id)
            yield OwnSeed(text, _whole_with(script, made[name.id]), elsewhere=True)


def _whole_with(script: Script, statement: ast.stmt) -> ast.stmt:
    """``with open(...) as file: cfg = load(file)`` for what stands in it."""
    while isinstance(around := script.parent.get(statement), ast.With):
        statement = around
    return statement


def _seed_below(node: ast.expr, stored: bool = False) -> ast.Name | None:
    """The name that ``cfg.train.seed`` or ``cfg["seed"]`` begins with, where that is read, or also
    where it is ``stored``."""
    key = node.slice if isinstance(node, ast.Subscript) else None
    keyed = isinstance(key, ast.Constant) and is_seed_name(str(key.value))
    read = stored or isinstance(getattr(node, "ctx", None), ast.Load)
    if not (keyed or _seed_of(node)) or not read:
        return None
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
            return None
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _held(name: str, value: ast.expr, names: Names) -> Iterator[str]:
    """Seeds in a dictionary or namespace of settings."""
    if isinstance(value, ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            text = key.value if isinstance(key, ast.Constant) else ""
            if isinstance(text, str) and is_seed_name(text) and _whole(item):
                yield f'{name}["{text}"]'
    elif isinstance(value, ast.Call) and names.called(value) in _HOLDERS:
        for keyword in value.keywords:
            if keyword.arg and is_seed_name(keyword.arg) and _whole(keyword.value):
                subscript = names.called(value) == "dict"
                yield f'{name}["{keyword.arg}"]' if subscript else f"{name}.{keyword.arg}"


def _class_seed(cls: ast.ClassDef) -> str:
    """The attribute of a class of settings that is a seed with a value."""
    for node in cls.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and is_seed_name(target.id) and _whole(node.value):
                return target.id
    return ""


def _options(script: Script) -> list[_Option]:
    found = []
    for call in (n for n in ast.walk(script.tree) if isinstance(n, ast.Call)):
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        flags = [str(a.value) for a in call.args if isinstance(a, ast.Constant)]
        given = {k.arg: k.value for k in call.keywords}
        if method != "add_argument" or not flags or "action" in given or "nargs" in given:
            continue
        long = next((f for f in flags if f.startswith("--")), flags[0])
        dest = given.get("dest")
        name = str(dest.value) if isinstance(dest, ast.Constant) else long.lstrip("-")
        name = name.replace("-", "_")
        kind = given.get("type")
        default = given.get("default")
        number = isinstance(kind, ast.Name) and kind.id == "int"
        unset = default is None or (isinstance(default, ast.Constant) and default.value is None)
        if is_seed_name(name) and name.isidentifier() and (number or _whole(default)):
            required = not long.startswith("-") or "required" in given
            found.append(_Option(long, name, unset and not required))
    return found


def _parses(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _PARSES
    )


def _whole(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _from_outside(node: ast.expr, names: Names) -> bool:
    """``int(os.environ.get("SEED", 0))``, ``int(sys.argv[1])``, ``int(input())``: the person's
    choice."""
    if names.called(node) != "int":
        return False
    text = {names.dotted(n) for n in ast.walk(node)}
    calls = {c for n in ast.walk(node) if (c := names.called(n))}
    allowed = {"int", "os.environ.get", "os.getenv", "len", "input"}
    asked = text & {"os.environ", "os.getenv", "sys.argv"} or "input" in calls
    return calls <= allowed and bool(asked)


def _handed_out(node: ast.expr, names: Names) -> bool:
    """``settings.seed()``, ``cfg.get("seed", 0)``: a seed that another file or a mapping holds, and
    none that is drawn, or read from a clock."""
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
    asked = [a.value for c in calls for a in c.args if isinstance(a, ast.Constant)]
    by_key = any(isinstance(a, str) and is_seed_name(a) for a in asked)
    imported = {b.target.partition(".")[0] for b in names.bindings}
    roots = {names.called(c).partition(".")[0] for c in calls} - {"int"}
    drawn = roots & {*sys.stdlib_module_names} | roots & _DRAWING
    return bool(calls) and not drawn and (by_key or (bool(roots) and roots <= imported))


def _seed_of(node: ast.expr) -> bool:
    """``args.seed``: another name for it."""
    return isinstance(node, ast.Attribute) and is_seed_name(node.attr)


def _root(seed: OwnSeed) -> str:
    """The name that an expression begins with."""
    return re.split(r"[.\[]", seed.text)[0]


def _assigned_once(script: Script, seed: OwnSeed) -> bool:
    root = _root(seed)
    scope = script.scope(seed.statement)
    stored = [
        n
        for n in ast.walk(script.tree)
        if isinstance(n, ast.Name)
        and n.id == root
        and not isinstance(n.ctx, ast.Load)
        and script.scope(n) is scope
    ]
    return len(stored) <= 1 and not script.loops(seed.statement)


def _known(script: Script, seed: OwnSeed, at: ast.AST) -> bool:
    """Whether the statement that makes the seed has been executed where ``at`` stands."""
    root = _root(seed)
    scope, made_in = _scope(script, at), _scope(script, seed.statement)
    if scope is made_in:
        if (seed.statement.end_lineno or seed.statement.lineno) >= _line(at):
            return False
        return script.parent[seed.statement] in (made_in, *script.ancestors(at))
    functions = _functions_around(script, at)
    if made_in is not script.tree or any(binds(f, root) for f in functions):
        return made_in in functions
    return bool(functions)


def _functions_around(script: Script, at: ast.AST) -> list[Function]:
    """Functions in whose body a node stands, innermost first; a default stands outside of it."""
    found: list[Function] = []
    inner = at
    for node in script.ancestors(at):
        if isinstance(node, Function) and inner in node.body:
            found.append(node)
        inner = node
    return found


def _scope(script: Script, at: ast.AST) -> ast.AST:
    return next(iter(_functions_around(script, at)), script.tree)


def _parameters(function: Function) -> list[str]:
    """Parameters that hold a value: one whose default is None may hold none."""
    named = [*function.args.posonlyargs, *function.args.args]
    defaults = function.args.defaults
    values: list[ast.expr | None] = [None] * (len(named) - len(defaults)) + list(defaults)
    pairs = [*zip(named, values, strict=True)]
    pairs += zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return [a.arg for a, d in pairs if not (isinstance(d, ast.Constant) and d.value is None)]


def rebound(function: Function, name: str) -> bool:
    """Whether a function gives a name, such as one of its parameters, another value."""
    return any(
        isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load)
        for n in ast.walk(function)
    )


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)
