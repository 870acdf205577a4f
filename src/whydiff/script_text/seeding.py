"""One seed for the whole script: where it has to stand, and whether it stands there already."""

from __future__ import annotations

import ast
import itertools
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass

from whydiff.core.words import listed
from whydiff.script_text.edits import (
    Edit,
    Place,
    Script,
    block_of,
    first_line,
    is_docstring,
    place_before,
)
from whydiff.script_text.imports import SEED, Names
from whydiff.script_text.own_seed import own_seeds

#: functions that seed a global generator
GLOBAL_SEEDS = frozenset(
    {SEED, "numpy.random.seed", "random.seed", "tensorflow.random.set_seed", "torch.manual_seed"}
)

_GENERATORS = {
    "random.seed": "Python's `random`",
    "numpy.random.seed": "NumPy",
    "tensorflow.random.set_seed": "TensorFlow",
    "torch.manual_seed": "torch",
}

#: calls that neither draw nor build: a seed may stand after them
_HARMLESS = (
    "os.environ",
    "os.chdir",
    "os.makedirs",
    "os.path",
    "os.getenv",
    "os.exec",
    "sys.path",
    "pathlib.Path",
    "warnings",
    "logging",
    "argparse",
    "matplotlib",
    "tensorflow.config",
    "tensorflow.get_logger",
    "jax.config",
    "torch.set_",
    "keras.config",
    "keras.backend.set_",
    "keras.mixed_precision",
    "print",
    *GLOBAL_SEEDS,
)

#: packages of Python itself
_STANDARD = frozenset(sys.stdlib_module_names)
#: libraries beside which an import of Keras belongs
_LIBRARIES = frozenset(
    {"jax", "keras", "matplotlib", "numpy", "pandas", "pytest", "scipy", "sklearn", "tensorflow",
     "torch"}
)  # fmt: skip
#: statements behind which Keras is imported otherwise
_DECIDES = re.compile(r"environ|putenv|config")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Seeding:
    """Edits that seed; ``prelude`` is the code to run first where the text offers no place."""

    edits: tuple[Edit, ...] = ()
    prelude: str = ""
    how: str = ""


def seeded(script: Script, names: Names) -> bool:
    """Whether the script sets Keras's seed at the top, before it draws or builds anything."""
    for statement in _opening(script, names):
        if isinstance(statement, ast.Expr) and names.called(statement.value) == SEED:
            return True
    return False


def seed_script(
    script: Script,
    names: Names,
    backend: str,
    first_use: int = 0,
    data: bool = True,
    otherwise: str = "0",
) -> Seeding:
    """Set one seed before anything is drawn or built.

    ``first_use`` is the first module-level line known to build or train, 0 if unknown; ``data``
    says that something else may be drawn above it. A seed that the script sets already for NumPy
    or TensorFlow alone is taken over; else its own seed is used where it is known before that line,
    and ``otherwise`` where it has none.
    """
    how = "Sets one seed for Python, NumPy and the backend before anything is drawn or built."
    opening = _opening(script, names, first_use)
    partial = next((s for s in opening if _partial_seed(s, names)), None)
    place = place_before(script, partial) if partial else _place_after(script, opening)
    value = _seed_text(script, partial) if partial else otherwise
    if first_use and not data:  # nothing that counts was drawn above it: it may do anything else
        further = [s for s in script.tree.body if (s.end_lineno or s.lineno) < first_use]
    else:
        further = _opening(script, names, first_use, own=True)
    own = None if partial else _own_seed(script, names, further)
    if own is not None:
        value, place = own
    if partial:
        how = (
            "Sets Keras's own seed too: initializers and Dropout draw from Python's `random`, "
            "which the script's seeds do not reach."
        )
        seeding = {names.called(n) for n in ast.walk(script.tree)} & GLOBAL_SEEDS
        if "random.seed" in seeding:
            how = besides(seeding)
    late = _late_import(script, names, place, 0 if data else first_use)
    place = late or place
    call = names.seed_call(place.statement) if place else None
    if place is None or call is None:
        return Seeding(prelude=seeding_prelude(script.text), how=how)
    lines = [f"{call.function}({value})", *torch_seed(names, backend, value, place)]
    needed = import_edit(script, names, call.needs) if call.needs else None
    if needed is not None and "environ" in script.text[needed.start : place.offset]:
        needed = None  # a variable may decide what the import does
    if call.needs and needed is None:
        lines.insert(0, call.needs)
    edits = (
        [needed, _paragraph(script, place, lines)] if needed else [_paragraph(script, place, lines)]
    )
    return Seeding(tuple(edits), how=how)


def written_seed(script: Script, names: Names) -> str:
    """The number that a script writes into the calls that set its global seeds; "0" if none."""
    seeds = {
        call.args[0].value
        for call in ast.walk(script.tree)
        if isinstance(call, ast.Call) and names.called(call) in GLOBAL_SEEDS and call.args
        if isinstance(call.args[0], ast.Constant) and type(call.args[0].value) is int
    }
    return str(seeds.pop()) if len(seeds) == 1 else "0"


def torch_seed(names: Names, backend: str, value: str, place: Place) -> list[str]:
    """The line that seeds torch beside Keras's seed, which does so only where torch is the backend;
    [] where it is, or the script has no torch."""
    torch = names.name_of("torch", place.statement.lineno)
    return [f"{torch}.manual_seed({value})"] if torch and backend not in ("torch", "") else []


def besides(functions: Collection[str]) -> str:
    """What one seed for all adds to the functions that a script seeds with."""
    alone = listed([name for function, name in _GENERATORS.items() if function in functions])
    return f"Sets one seed for Python, NumPy and the backend: the script seeds {alone} alone."


def seeding_prelude(text: str) -> str:
    """Code that seeds before the first line of the script runs."""
    if "KERAS_BACKEND" in text:  # importing Keras first would settle the backend too early
        return "import random\nimport numpy\n\nrandom.seed(0)\nnumpy.random.seed(0)\n"
    return "import keras\n\nkeras.utils.set_random_seed(0)\n"


def _own_seed(script: Script, names: Names, opening: list[ast.stmt]) -> tuple[str, Place] | None:
    """The script's own seed and the place just below, where that is in the opening."""
    last = max((i for i, s in enumerate(opening) if _has_import(s)), default=-1)
    for seed in own_seeds(script, names):
        if seed.unset or seed.statement not in opening:
            continue
        below = max(opening.index(seed.statement), last) + 1
        following = script.tree.body[below : below + 1]
        place = place_before(script, following[0]) if following else None
        if place is not None:
            return seed.text, place
    return None


def import_edit(script: Script, names: Names, line: str) -> Edit | None:
    """Add an import among those at the top, where the file's own order has it; None where no line
    can be put in there."""
    opening = _opening(script, names)
    beside = _neighbour(script, opening, ast.parse(line).body[0])
    if beside is not None:
        statement, below = beside
        place = place_before(script, statement)
        if place is not None and not _shares_a_line(script, statement):
            last = statement.end_lineno or statement.lineno
            at = script.offset(last + 1, 0) if below else place.offset
            # The project's own modules stand in a block of their own.
            apart = script.newline if not below and not _root(statement) else ""
            return Edit(at, at, line + script.newline + apart)
    place = _place_after(script, opening)
    return _paragraph(script, place, [line]) if place else None


def _neighbour(
    script: Script, opening: list[ast.stmt], new: ast.stmt
) -> tuple[ast.stmt, bool] | None:
    """The import beside which a library's import belongs, and whether it goes below that one.

    A block of imports ends at an empty line; that of the libraries is taken, and in it the place
    by name, ``import`` before ``from``. What is set between imports stays above, and what may
    decide how Keras is imported (``os.environ``) in any case.
    """
    blocks: list[list[ast.stmt]] = []
    set_here = False
    for statement in opening:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            if not is_docstring(statement) and not isinstance(statement, _DEFINITIONS):
                set_here = True
                blocks = [] if _DECIDES.search(script.segment(statement)) else blocks
            continue
        blocks, set_here = [] if set_here else blocks, False
        if blocks and statement.lineno == (blocks[-1][-1].end_lineno or 0) + 1:
            blocks[-1].append(statement)
        else:
            blocks.append([statement])
    others = [[s for s in block if _root(s) not in _STANDARD] for block in blocks]
    known = [block for block in others if any(_root(s) in _LIBRARIES for s in block)]
    block = next(iter(known or [b for b in others if b]), [])
    if not block:
        return (blocks[-1][-1], True) if blocks else None
    alike = [s for s in block if type(s) is type(new)]
    lower = [s for s in alike if _root(s) <= _root(new)]
    if lower:
        return lower[-1], True
    if isinstance(new, ast.ImportFrom) and not alike:
        return block[-1], True
    return (alike or block)[0], False


def _root(statement: ast.stmt) -> str:
    """The package that an import statement names first; "" of one relative to the file."""
    if isinstance(statement, ast.ImportFrom):
        return "" if statement.level else (statement.module or "").partition(".")[0]
    return statement.names[0].name.partition(".")[0] if isinstance(statement, ast.Import) else ""


def _shares_a_line(script: Script, statement: ast.stmt) -> bool:
    """Whether another statement stands on a statement's last line."""
    last = statement.end_lineno
    return any(s is not statement and s.lineno == last for s in script.tree.body)


def _opening(script: Script, names: Names, first_use: int = 0, own: bool = False) -> list[ast.stmt]:
    """The module-level statements before the first that draws, builds or runs something.

    With ``own`` those that make the script's own seed (``cfg = load()``) may run something.
    """
    found = []
    seeds = own_seeds(script, names) if own else []
    made = {seed.statement for seed in seeds if seed.elsewhere}
    for statement in script.tree.body:
        last = statement.end_lineno or statement.lineno
        if (first_use and last >= first_use) or not (
            statement in made or harmless(statement, names)
        ):
            break
        found.append(statement)
    return found


def harmless(statement: ast.stmt, names: Names) -> bool:
    """Whether a statement neither draws nor builds: a definition, an import, a setting."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return True
    if isinstance(statement, ast.For | ast.While | ast.AsyncFor):
        return False
    calls = (n for n in ast.walk(statement) if isinstance(n, ast.Call))
    return all(names.called(c).startswith(_HARMLESS) or _quiet(c, names) for c in calls)


def _quiet(call: ast.Call, names: Names) -> bool:
    """Methods of an argument parser and the like, conversions of what they return, and the script's
    own classes that hold nothing but settings."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in {"add_argument", "parse_args", "parse_known_args", "setdefault"}
    called = names.called(call)
    if called in {"int", "float", "str", "bool", "dict", "Path", "input"}:
        return True
    return any(
        isinstance(node, ast.ClassDef)
        and node.name == called
        and not any(isinstance(part, _DEFINITIONS) for part in node.body)
        for node in names.script.tree.body
    )


def _place_after(script: Script, opening: list[ast.stmt]) -> Place | None:
    """The line after the last import of the opening."""
    last = max((i for i, s in enumerate(opening) if _has_import(s)), default=-1)
    if last < 0 and opening and is_docstring(opening[0]):
        last = 0
    following = script.tree.body[last + 1 : last + 2]
    return place_before(script, following[0]) if following else None


def _has_import(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    guarded = isinstance(statement, ast.If | ast.Try | ast.With)
    return guarded and any(isinstance(n, ast.Import | ast.ImportFrom) for n in ast.walk(statement))


def _partial_seed(statement: ast.stmt, names: Names) -> bool:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    call = statement.value
    named = names.called(call) in GLOBAL_SEEDS - {SEED} and len(call.args) == 1
    if not named or not isinstance(call.args[0], ast.Constant | ast.Name):
        return False
    # The name Keras is called by must be there already, or the seed would need an import too.
    seed = names.seed_call(statement)
    return seed is not None and not seed.needs and _is_number(call.args[0], names)


def _is_number(node: ast.expr, names: Names) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    values = [
        s.value
        for s in names.script.tree.body
        if isinstance(s, ast.Assign)
        and any(isinstance(t, ast.Name) and ast.dump(t) == _stored(node) for t in s.targets)
    ]
    return len(values) == 1 and isinstance(values[0], ast.Constant)


def _stored(node: ast.expr) -> str:
    return ast.dump(ast.Name(node.id, ast.Store())) if isinstance(node, ast.Name) else ""


def _seed_text(script: Script, statement: ast.stmt) -> str:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return script.segment(call.args[0]) if isinstance(call, ast.Call) else "0"


def _late_import(script: Script, names: Names, place: Place | None, first_use: int) -> Place | None:
    """Where Keras is imported only later: the line after that.

    So it is where the backend is chosen before, which an import of ours further up would settle,
    and where nothing is drawn above ``first_use``, 0 if that is not known.
    """
    call = names.seed_call(place.statement) if place is not None else None
    if place is None or call is None or not call.needs:
        return None
    chosen = "KERAS_BACKEND" in script.text[place.offset :]
    for b in names.bindings:
        if b.target not in ("keras", "tensorflow") and not b.target.startswith("keras."):
            continue
        block = block_of(script, b.statement)
        after = block[block.index(b.statement) + 1 :]
        if not chosen:
            if b.statement not in script.tree.body or b.statement.lineno >= first_use:
                continue
            after = [*itertools.dropwhile(_has_import, after)]
        return place_before(script, after[0]) if after else None
    return None


def _paragraph(script: Script, place: Place, lines: list[str]) -> Edit:
    """Put lines before a statement, above its comments, set off from definitions."""
    number = first_line(place.statement)
    top = number
    while top > 1 and script.lines[top - 2].lstrip().startswith("#"):
        top -= 1
    if top > 1 and script.lines[top - 2].strip():
        top = number  # the comment belongs to the block above as well
    after_imports = isinstance(place.statement, ast.FunctionDef | ast.ClassDef)
    if after_imports:
        while top > 2 and not script.lines[top - 2].strip():
            top -= 1
        lines = ["", *lines]
    elif (
        top > 1
        and not script.lines[top - 2].strip()
        and (top < number or is_docstring(place.statement))
    ):
        lines = [*lines, ""]  # a comment or a text below is about what follows
    edit = Place(script.starts[top - 1], place.indent, place.newline, place.statement)
    done = edit.insert(*lines)
    if after_imports:
        done = Edit(done.start, done.end, done.new.lstrip(" \t"))
    return done
