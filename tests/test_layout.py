"""The layout: who may import whom, and how little a question for help loads."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_imports_keep_the_contracts():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["explain", "--help"], ["study", "--help"], ["compare", "--help"], ["--version"]],
)
def test_help_loads_no_heavy_library(arguments):
    code = (
        "import sys\n"
        "from whydiff.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'keras', 'numpy', 'rich', 'scipy', 'tensorflow', 'jax', 'torch'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_where_keras_2_is_the_only_keras_nothing_is_imported_that_changes_keras_3():
    code = (
        "import sys, whydiff.runner.child.keras2; sys.exit('whydiff.replay.pinned' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_functions_are_imported_when_used():
    code = "import sys, whydiff; sys.exit(bool({'numpy', 'keras'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


SOURCE = ROOT / "src/whydiff"
INTERNALS = SOURCE / "keras_backend/internals.py"


def _parsed(file):
    return ast.walk(ast.parse(file.read_text()))


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _names(node):
    """What a node may name an attribute by: ``x.name`` or a string, as for getattr."""
    if isinstance(node, ast.Attribute):
        own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        return [] if own else [node.attr]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def test_only_one_module_knows_the_private_parts_of_keras():
    """Among the packages that see Keras's objects: in others such a string is a setting's name."""
    private = {
        name
        for node in _parsed(INTERNALS)
        for name in _names(node)
        if re.fullmatch(r"_[a-z]\w+", name)
    }
    assert {"_flatten_layers", "_deferred_initialize", "_value"} <= private
    private -= {"_get_iterator"}  # the way in: `keras_backend.patches` replaces it
    found = [
        f"{file.relative_to(SOURCE)}:{node.lineno}: {name}"
        for package in ("keras_backend", "recorder", "replay", "runner", "experiments", "api")
        for file in (SOURCE / package).rglob("*.py")
        if file != INTERNALS
        for node in _parsed(file)
        for name in [*_names(node), *_imported(node)]
        if name in private or name.startswith("keras.src")
    ]
    assert not found, "\n".join(found)


#: What runs inside the script, while it trains.
INSIDE = [
    *(SOURCE / "keras_backend").rglob("*.py"),
    *(SOURCE / "recorder").rglob("*.py"),
    SOURCE / "runner/child/watching.py",
    SOURCE / "runner/child/startup/sitecustomize.py",
]
_ALL_ERRORS = {"Exception", "BaseException"}


def _catches_all(kinds):
    return kinds is None or bool(_ALL_ERRORS & {node.id for node in ast.walk(kinds)
                                                if isinstance(node, ast.Name)})  # fmt: skip


def _lets_through(handler):
    """Whether a handler raises again, or asks whose the error is."""
    called = [ast.unparse(node.func) for node in ast.walk(handler) if isinstance(node, ast.Call)]
    asked = any(name.rpartition(".")[2] == "pass_on" for name in called)
    return asked or any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def test_nothing_that_runs_inside_a_script_swallows_what_the_script_threw():
    """See ``whydiff.core.interrupting``: a time limit may strike anywhere."""
    found = []
    for file in INSIDE:
        # What stands outside of functions runs before the script does.
        functions = [one for one in _parsed(file) if isinstance(one, ast.FunctionDef)]
        for node in {part for one in functions for part in ast.walk(one)}:
            if isinstance(node, ast.ExceptHandler):
                wrong = _catches_all(node.type) and not _lets_through(node)
            elif isinstance(node, ast.Call) and "suppress" in ast.unparse(node.func):
                wrong = any(_catches_all(kind) for kind in node.args)
            else:
                continue
            if wrong:
                found.append(f"{file.relative_to(SOURCE)}:{node.lineno}")
    assert not found, "\n".join(found)


def test_no_code_of_ours_runs_where_an_object_ends():
    """What a handler of a signal raises there is printed as ignored, and lost."""
    runs = re.compile(r"Weak\w+(Dictionary|Set)\(|weakref\.finalize|def __del__|gc\.callbacks")
    found = [f"{file.relative_to(SOURCE)}: {m[0]}" for file in INSIDE
             for m in runs.finditer(file.read_text())]  # fmt: skip
    assert not found, "\n".join(found)
