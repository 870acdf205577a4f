"""A trial of a fix runs files that the script imports with another text than on disk."""

import json
import os
import subprocess
import sys

from whydiff.runner.client import START


def test_changed_files_are_imported_in_place_of_those_on_disk(tmp_path):
    package = tmp_path / "pkg"
    package.mkdir()
    for name, text in (
        ("pkg/__init__.py", ""),
        ("pkg/part.py", "VALUE = 1\n"),
        ("other.py", "VALUE = 2\n"),
        ("train.py", "from pkg.part import VALUE\nimport other, pkg.part\n"
                     "print(VALUE, other.VALUE, pkg.part.__file__, len(pkg.__path__))\n"),
        ("changed.py", "VALUE = 3\n"),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    subprocess.run([sys.executable, "-c", "import pkg.part"], cwd=tmp_path, check=True)  # cached
    job = {
        "script": "train.py", "arguments": [], "output": str(tmp_path / "a.whydiff"),
        "changed": {str(package / "part.py"): str(tmp_path / "changed.py")},
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", START, json.dumps(job)],
        cwd=tmp_path, text=True, capture_output=True,
    )  # fmt: skip
    assert done.stdout.split() == ["3", "2", str(package / "part.py"), "1"], done.stderr
    assert (package / "part.py").read_text() == "VALUE = 1\n"


def test_a_command_runs_from_a_changed_text_with_another_changed_module(tmp_path):
    for name, text in (
        ("part.py", "VALUE = 1\n"),
        ("cli.py", "import part\n\n\ndef main():\n    print('old', part.VALUE)\n"),
        ("changed_part.py", "VALUE = 2\n"),
        ("changed_cli.py", "import part\n\n\ndef main():\n    print('new', part.VALUE)\n"),
    ):
        (tmp_path / name).write_text(text)
    job = {
        "script": str(tmp_path / "cli.py"), "arguments": [], "output": str(tmp_path / "a.whydiff"),
        "module": "cli", "function": "main", "command": "train-it",
        "source": str(tmp_path / "changed_cli.py"),
        "changed": {str(tmp_path / "part.py"): str(tmp_path / "changed_part.py")},
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", START, json.dumps(job)], cwd=tmp_path, text=True,
        capture_output=True, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout == "new 2\n", done.stderr
