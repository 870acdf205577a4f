"""The layout: who may import whom, and how little a question for help loads."""

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
