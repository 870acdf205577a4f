"""Every way in: what a script sees of itself is what it sees when Python runs it that way."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.question import SideOptions
from whydiff.runner.client import run_of
from whydiff.runner.running import Runs
from whydiff.runner.targets import (
    Target,
    command_of,
    module_elsewhere,
    module_file,
    of_another_python,
    target_of,
)

SAYS = """
import sys
from .parts import NAME
def main():
    print(__name__, __package__, __file__, sys.argv[1:], NAME, sys.path[0])
    return 3
if __name__ == "__main__":
    print(__spec__.name)
    sys.exit(main())
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A src layout, its folder of sources on PYTHONPATH, and a command that pip installed."""
    package = tmp_path / "src" / "project"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text("NAME = 'parts'\n")
    (package / "train.py").write_text(SAYS)
    (package / "__main__.py").write_text(SAYS)
    notes = tmp_path / "src" / "project-1.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: project\nVersion: 1\n")
    (notes / "entry_points.txt").write_text("[console_scripts]\ntrain-it = project.train:main\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "src"))
    return package


def outcome(named, folder, *arguments):
    """Exit code and output of a target, run by us."""
    run = run_of(target_of(named), SideOptions(arguments=arguments))
    with Runs().run(run, folder, "a") as ran:
        return ran.exit_code, (folder / "a.log").read_text()


@pytest.mark.parametrize("module", ["project.train", "project"])
def test_a_module_runs_as_python_runs_it(project, tmp_path, module):
    plain = subprocess.run(
        [sys.executable, "-m", module, "--lr", "1"], capture_output=True, text=True
    )
    assert plain.returncode == 3, plain.stderr
    assert outcome(f"-m {module}", tmp_path, "--lr", "1") == (3, plain.stdout)


def test_a_package_is_named_as_a_person_writes_it(project):
    target = target_of("-m project")
    assert (target.module, target.text) == ("project.__main__", "-m project")
    assert run_of(target, SideOptions()).text == "-m project"


def test_an_installed_command_is_its_function(project, tmp_path):
    target = target_of("train-it")
    assert target == Target(Path("src/project/train.py"), "project.train", "main", "train-it")
    code, said = outcome("train-it", tmp_path, "--lr", "1")
    assert code == 3
    assert said.startswith(f"project.train project {project / 'train.py'} ['--lr', '1'] parts")


def test_a_changed_text_runs_in_the_place_of_a_module(project, tmp_path):
    changed = tmp_path / "changed.py"
    changed.write_text(SAYS.replace("return 3", "return 4"))
    for named in ("-m project.train", "train-it"):
        run = run_of(target_of(named))
        run = type(run)(**{**vars(run), "source": changed})
        with Runs().run(run, tmp_path, "a") as ran:
            assert ran.exit_code == 4
            assert str(project / "train.py") in (tmp_path / "a.log").read_text()


def test_finding_a_module_imports_nothing(project):
    (project / "__init__.py").write_text("raise SystemExit('imported')")
    assert module_file("project.train") == Path("src/project/train.py")
    assert module_file("project") is None and module_file("project.none") is None


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("-m project.none", "there is no module project.none"),
        ("no-such-command", "there is no script no-such-command"),
        ("missing.py", "there is no script missing.py"),
    ],
)
def test_what_is_not_there_is_named(project, named, said):
    with pytest.raises(WhydiffError, match=said):
        target_of(named)


def test_a_module_that_only_holds_the_function_of_a_command(project):
    said = "holds main(), which the installed command train-it calls: `whydiff explain train-it`."
    file = target_of("train-it").script
    assert command_of("project.train", file) == command_of("", file) == f"{file} {said}"
    assert command_of("project", file.parent / "__init__.py") == ""


NO_MODULE = "Traceback:\nModuleNotFoundError: No module named '{}'\nlast words of a library"
RELATIVE = "ImportError: attempted relative import with no known parent package"


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (NO_MODULE.format("project.parts"), "project lies in src, where Python does not look"),
        (NO_MODULE.format("tools"), "Set PYTHONPATH=., or install the project"),
        (NO_MODULE.format("pandas"), ""),
        (RELATIVE, "with -m project.train in place of the script. Set PYTHONPATH=src,"),
        ("ValueError: 3", ""),
    ],
)
def test_what_helps_a_script_whose_project_is_not_found(project, output, says):
    (project.parents[1] / "tools.py").touch()
    said = module_elsewhere(output, Path("src/project/train.py"))
    assert says in said and bool(says) == bool(said)


def test_a_notebook_runs_cell_by_cell_in_its_own_folder(tmp_path):
    texts = [
        "%connect_info\n%env NAME=value\nimport os\nfiles = !ls\nhere = os.getcwd()\n"
        "print(os.environ['NAME'], files)",
        "print(here, __name__)\nx = 1",
        "raise ValueError(x)",
    ]
    written = {"cells": [{"cell_type": "code", "source": [t]} for t in texts]}
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "train.ipynb").write_text(json.dumps(written))
    code, said = outcome(folder / "train.ipynb", tmp_path)
    assert code == 1
    lines = said.splitlines()
    assert "value ['train.ipynb']" in lines and f"{folder} __main__" in lines
    assert 'train.ipynb (cell 3)", line 1' in said and "ValueError: 1" in said


def test_the_folders_of_a_persons_own_pytest_stay_theirs(tmp_path, monkeypatch):
    """pytest removes all but the last few of them."""
    (tmp_path / "test_it.py").write_text("def test_one(tmp_path):\n    print(tmp_path); assert 0\n")
    monkeypatch.chdir(tmp_path)
    ran = tmp_path / "ran"
    ran.mkdir()
    _, said = outcome("test_it.py::test_one", ran)
    assert f"{ran}/pytest-of-" in said
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", str(tmp_path))
    _, said = outcome("test_it.py::test_one", ran)
    assert f"{tmp_path}/pytest-of-" in said


def test_a_test_runs_alone_and_from_a_changed_text(tmp_path, monkeypatch):
    (tmp_path / "test_it.py").write_text(
        "def test_one():\n    print('one'); assert 1 == 2\n\n\ndef test_two():\n    print('two')\n"
    )
    changed = tmp_path / "changed.py"
    changed.write_text("def test_one():\n    print('changed')\n")
    monkeypatch.chdir(tmp_path)
    target = target_of("test_it.py::test_one")
    assert (target.script, target.text) == (Path("test_it.py"), "test_it.py::test_one")
    code, said = outcome("test_it.py::test_one", tmp_path)
    assert code == 1 and "1 failed" in said and "two" not in said
    run = replace(run_of(target, SideOptions(arguments=("-s",))), source=changed)
    with Runs().run(run, tmp_path, "b", serve=False) as ran:
        assert ran.exit_code == 0 and "changed" in (tmp_path / "b.log").read_text()
    with pytest.raises(WhydiffError, match="no script nowhere"):
        target_of("nowhere.py::test_one")


def test_a_command_of_another_python_says_which(project, tmp_path, monkeypatch):
    python = tmp_path / "other" / "bin" / "python3.11"
    python.parent.mkdir(parents=True)
    python.touch()
    command = python.parent / "fit-it"
    command.write_text(f"#!{python}\nimport sys\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(python.parent))
    with pytest.raises(WhydiffError) as refused:
        target_of("fit-it")
    assert f"{command} is there. It belongs to another Python" in refused.value.way_out
    assert f"--a-python {python} --b-python {python}" in refused.value.way_out
    missing = "ModuleNotFoundError: No module named 'churn'"
    assert module_elsewhere(missing, command) == of_another_python(command)
    assert module_elsewhere(missing, command, ours=False) == ""
    for line in (f"#!{sys.executable}", "#!/bin/sh", "#!/gone/python3", "import sys", ""):
        command.write_text(line)
        assert of_another_python(command) == ""
    assert of_another_python(tmp_path / "gone") == ""
