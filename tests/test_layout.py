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
