"""Every command and all Python on the pages run as they stand, on a small ``train.py``.

Commands whose output a page shows are ``test_commands.py``'s, the rules' code ``tests/lint``'s.
"""

import importlib.util
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

_spec = importlib.util.spec_from_file_location("written", Path(__file__).with_name("written.py"))
written = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(written)

BIN = Path(sys.executable).parent
#: where this very project is installed the plugin is found by itself
INSTALLED = any(e.value == "whydiff.pytest_plugin" for e in entry_points(group="pytest11"))
_SAVE = "import keras; keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)]).save('{}')"
#: file that a page takes for granted -> what makes it
MAKES = {
    "a.keras": f'python -c "{_SAVE.format("a.keras")}"',
    "b.keras": f'python -c "{_SAVE.format("b.keras")}"',
    "a.whydiff": "whydiff record train.py -o a.whydiff",
    "b.whydiff": "whydiff record other.py -o b.whydiff",
    "build/here.whydiff": "whydiff record train.py -o build/here.whydiff",
    "answer.json": "whydiff explain train.py --json answer.json",
    "train.study.whydiff": "whydiff study train.py --blocks 2",
    "whole.whydiff": "whydiff study train.py --blocks 2 -o whole.whydiff",
}
#: verb -> exit codes of an answer
ANSWERS = {"bisect": (0, 3), "diff": (0, 1), "check": (0, 1), "compare": (0, 3)}
RUNNABLE = [page for page in written.PAGES if written.commands(page)]
#: pages whose Python is no script: rules with their counter-examples, a test that pytest runs
OTHERS = {"docs/check.md", "docs/lock.md"}
PYTHON = [
    page
    for page in written.PAGES
    if written.name(page) not in OTHERS and written.blocks(page, "python")
]


@pytest.fixture
def folder(tmp_path):
    """Where a reader of the pages might stand: scripts of the names that the pages use."""
    text = Path(__file__).with_name("train.py").read_text()
    for name in ("train.py", "a.py"):
        (tmp_path / name).write_text(text)
    for name in ("other.py", "b.py"):
        (tmp_path / name).write_text(text.replace("0.01", "0.02"))
    test = re.search(
        r"```python\n(def test_training.*?)```", (written.ROOT / "docs/lock.md").read_text(), re.S
    )
    (tmp_path / "test_train.py").write_text(test[1])
    commit(tmp_path, "v1.2", text.replace("0.01", "0.02"), text)
    (tmp_path / "build").mkdir()
    (tmp_path / "examples").symlink_to(written.ROOT / "examples")
    return tmp_path


def commit(folder, tag, *texts):
    """A repository in which ``train.py`` had these texts, the first under a tag."""
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=folder, check=True)
    for text in texts:
        (folder / "train.py").write_text(text)
        subprocess.run([*git, "add", "train.py"], cwd=folder, check=True)
        subprocess.run([*git, "commit", "-qm", "Train"], cwd=folder, check=True)
        if text == texts[0]:
            subprocess.run([*git, "tag", tag], cwd=folder, check=True)


def environment(settings=()):
    return {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "OMP_NUM_THREADS": "1",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        **dict(settings),
    }


def prepare(words, folder):
    """What the command reads is there, and what it writes is not."""
    if words[:2] == ["whydiff", "study"] and "--resume" not in words:
        (folder / "train.study.whydiff").unlink(missing_ok=True)
    if words[:2] == ["whydiff", "verify"] and not (folder / "train.lock").exists():
        run("whydiff lock train.py", folder)
    targets = {words[i + 1] for i, w in enumerate(words) if w in ("-o", "--html", "--json")}
    for target in targets:
        (folder / target).unlink(missing_ok=True)
    for word in words:
        file = word.rpartition(":")[0] if re.search(r":\d+$", word) else word
        if file in MAKES and file not in targets and not (folder / file).exists():
            run(MAKES[file], folder)


def run(command, folder):
    settings, words = written.words_of(command)
    prepare(words, folder)
    if words == ["whydiff", "check"]:
        words.append("train.py")  # pre-commit names the files
    if words[0] == "pytest":
        plugin = () if INSTALLED else ("-p", "whydiff.pytest_plugin")
        words = [sys.executable, "-m", "pytest", *plugin, *words[1:]]
    done = subprocess.run(
        words, cwd=folder, env=environment(settings), capture_output=True, text=True
    )
    answers = ANSWERS.get(words[1], (0,))
    if settings:  # across backends 8 replicas may not settle it: inconclusive
        answers = (*answers, 3)
    assert done.returncode in answers, f"{command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", RUNNABLE, ids=written.name)
def test_commands_run(page, folder):
    for command in written.commands(page):
        run(command, folder)


@pytest.mark.parametrize("page", PYTHON, ids=written.name)
def test_python_runs(page, folder):
    code = written.BEFORE.get(written.name(page), "") + "\n".join(written.blocks(page, "python"))
    for file in MAKES:
        if re.search(f'(?<!output=)"{file}', code):  # read, not written
            prepare([file], folder)
    (folder / "page.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
