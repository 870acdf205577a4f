"""Two git revisions of one program: explained, located, and nothing of the person's changed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import whydiff
from whydiff.core.errors import WhydiffError
from whydiff.core.progress import Silent
from whydiff.core.question import SideOptions
from whydiff.experiments.explain.sides import run_script
from whydiff.runner.client import run_of
from whydiff.runner.revisions import check_out
from whydiff.runner.running import runs_of
from whydiff.runner.targets import target_of

TRAIN = """
import keras
import numpy as np
from own.settings import RATE

keras.utils.set_random_seed(1)
x = np.loadtxt("data/x.csv", delimiter=",").astype("float32")
model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(learning_rate=RATE), loss="mse")
model.fit(x, x.sum(axis=1), epochs=2, batch_size=16, verbose=0)
open("weights.txt", "w").write(str(model.get_weights()))
"""


def git(folder, *arguments):
    settings = ["-c", "user.name=n", "-c", "user.email=e@x"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A package below src/, on PYTHONPATH as an editable install is, and data git ignores."""
    folder = tmp_path / "project"
    (folder / "src" / "own").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "src" / "own" / "__init__.py").touch()
    numbers = [[(7 * row + 3 * column) % 11 / 11 for column in range(3)] for row in range(32)]
    rows = [",".join(map(str, row)) for row in numbers]
    (folder / "data" / "x.csv").write_text("\n".join(rows))
    (folder / ".gitignore").write_text("data/\n__pycache__/\n")
    (folder / "train.py").write_text(TRAIN)
    (folder / "README").write_text("A project.\n")
    git(folder, "init", "-qb", "main")
    for rate, subject in ((0.001, "Begin"), (0.01, "Train faster")):
        (folder / "src" / "own" / "settings.py").write_text(f"RATE = {rate}\n")
        (folder / "requirements.txt").write_text(f"numpy\nsix=={1 if rate < 0.01 else 2}\n")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", subject)
        git(folder, "tag", subject.partition(" ")[0].lower())
    (folder / "README").write_text("A project under work.\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder / "src"), *_own_path()]))
    return folder


def _own_path():
    given = os.environ.get("PYTHONPATH")
    return [given] if given else []


def state(folder):
    return {
        str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()
    }


@pytest.mark.long
def test_a_changed_setting_is_found_with_its_line_and_commit(project):
    before = state(project)
    found = whydiff.explain("train.py", a_rev="begin", fix=False)
    (cause,) = found.causes
    assert (cause.source, cause.status, cause.share) == ("optimizer", "confirmed", 1.0)
    wrote = git(project, "rev-parse", "HEAD")[:10]
    assert cause.detail == (
        "learning_rate: 0.001 vs. 0.01 (src/own/settings.py:1: RATE = 0.001 vs. "
        f"RATE = 0.01; commit {wrote} (Train faster))"
    )
    assert (found.a["script"], found.a["revision"]) == ("train.py", "begin")
    assert (found.b["script"], found.b.get("revision")) == ("train.py", None)
    (packages,) = [note for note in found.notes if note.startswith("requirements.txt")]
    assert packages == (
        "requirements.txt asks for other packages in A and B: six==1 vs. six==2. "
        "Both ran with what is installed here; --a-with six==1 --b-with six==2 gives each its own."
    )
    assert any("weights.txt" in note for note in found.notes)  # written on a copy only
    assert "whydiff-" not in json.dumps(found.to_dict(), default=str)
    assert "--a-rev begin" in found.evidence["command"]
    assert state(project) == before


def test_a_module_of_today_in_a_script_of_another_revision_is_refused(project, tmp_path):
    checkout = check_out("begin", project, tmp_path / "place")
    run = run_of(target_of("train.py", checkout), SideOptions(), checkout)
    script = checkout.folder / "train.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(project / 'src')!r})\nimport own\n")
    runs = runs_of([], False, Silent(), "once", [checkout])
    with pytest.raises(WhydiffError, match=r"train\.py at begin imported own of today, not that"):
        run_script(runs, run, tmp_path, "a", Silent())


@pytest.mark.parametrize(
    ("named", "file"), [("train.py", "train.py"), ("-m own.settings", "src/own/settings.py")]
)
def test_targets_are_those_of_the_revision(project, tmp_path, named, file):
    checkout = check_out("begin", project, tmp_path / "place")
    assert target_of(named, checkout).script == checkout.folder / file


def test_a_target_outside_of_the_repository_is_refused(project, tmp_path):
    checkout = check_out("begin", project, tmp_path / "place")
    with pytest.raises(WhydiffError, match=r"-m json\.tool is not part of begin of"):
        target_of("-m json.tool", checkout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train.py", "--a-rev", "v9"], "has no revision 'v9'"),
        (["later.py", "--a-rev", "begin"], "later.py does not exist in begin"),
        (["gone.py", "--a-rev", "begin"], "there is no script gone.py among the files as they are"),
    ],
)
def test_trouble_is_one_message(project, arguments, said):
    (project / "later.py").write_text("print(1)\n")
    git(project, "add", "later.py")
    git(project, "commit", "-qm", "Later")
    code = "from whydiff.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "explain", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 2 and said in done.stderr
    assert "Traceback" not in done.stderr
    assert Path(project / "later.py").exists()


def test_a_revision_that_fails_is_told_in_the_names_of_its_files(project, tmp_path):
    (project / "train.py").write_text("import os\nraise RuntimeError(os.path.abspath('x.csv'))\n")
    git(project, "commit", "-qam", "Break")
    checkout = check_out("HEAD", project, tmp_path / "place")
    run = run_of(target_of("train.py", checkout), SideOptions(), checkout)
    with pytest.raises(WhydiffError) as failed:
        run_script(runs_of([], False, Silent(), "once", [checkout]), run, tmp_path, "a", Silent())
    said = str(failed.value)
    assert 'File "train.py", line 2' in said and "RuntimeError: x.csv" in said
    assert str(tmp_path / "place") not in said and "name another one" in failed.value.way_out


@pytest.mark.long
def test_compare_trains_a_revision_against_today(project):
    before = state(project)
    found = whydiff.compare("train.py", a_rev="begin", max_pairs=2, metric="loss", seed=3)
    assert found.question == "Is train.py (B) better than train.py at begin (A)?"
    assert [pair.identical for pair in found.pairs] == [False] * 2
    (difference,) = found.differences
    wrote = git(project, "rev-parse", "HEAD")[:10]
    assert (difference.source, difference.detail) == (
        "optimizer",
        "learning_rate: 0.001 vs. 0.01 (src/own/settings.py:1: RATE = 0.001 vs. "
        f"RATE = 0.01; commit {wrote} (Train faster))",
    )
    assert state(project) == before


def test_compare_refuses_a_revision_of_a_function():
    with pytest.raises(WhydiffError, match="a function has no revision v1"):
        whydiff.compare(lambda: None, b_rev="v1")


@pytest.mark.long
def test_a_recording_keeps_its_revision_and_what_was_not_committed(project):
    for output, changes in (("changed.whydiff", "README"), ("clean.whydiff", "none")):
        whydiff.record("train.py", output=output)
        facts = whydiff.load(output).environment
        assert facts["git revision"] == git(project, "rev-parse", "HEAD")
        assert facts["uncommitted changes"] == changes
        git(project, "checkout", "-q", "README")
