"""What a person changed between two git revisions is named with its commit, of whichever kind."""

import hashlib
import json
import subprocess

import numpy as np
import pytest

import whydiff
from whydiff.cli import main
from whydiff.core.errors import WhydiffError

TRAIN = """
import json
import keras
import numpy as np
import yaml
from own.prep import scaled

settings = yaml.safe_load(open("settings.yaml")) | json.load(open("model.json"))
keras.utils.set_random_seed(settings["seed"])
x = scaled(np.loadtxt("data/x.csv", delimiter=",").astype("float32"))
model = keras.Sequential([keras.layers.Dense(settings["units"], "relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(settings["rate"]), "mse")
model.fit(x, x.sum(axis=1), epochs=1, batch_size=16, verbose=0)
"""
ROWS = "".join(f"{row % 7 / 7},{row % 5 / 5},{row % 3 / 3}\n" for row in range(32))
FILES = {
    "train.py": TRAIN,
    "own/prep.py": "def scaled(x):\n    return x * 2\n",
    "settings.yaml": "seed: 1\nlog_every: 0.01\nrate: 0.01\n",
    "model.json": '{\n  "units": 4\n}\n',
    "data/x.csv": ROWS,
}


def git(folder, *arguments):
    settings = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "protocol.file.allow=always"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder, subject, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", subject)
    return f"commit {git(folder, 'rev-parse', 'HEAD')[:10]} ({subject})"


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-qb", "main")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    return folder


def details(found):
    assert found.reproduced
    return {cause.source: cause.detail for cause in found.causes if cause.status == "confirmed"}


@pytest.mark.thorough
def test_settings_and_data_in_files_are_named(project):
    commit(project, "Begin", FILES)
    commit(project, "Log", {"settings.yaml": FILES["settings.yaml"].replace("0.01\nr", "0.1\nr")})
    rate = commit(project, "Faster", {"settings.yaml": "seed: 1\nlog_every: 0.1\nrate: 0.1\n"})
    units = commit(project, "Wider", {"model.json": '{\n  "units": 6\n}\n'})
    data = commit(project, "Correct", {"data/x.csv": ROWS.replace("0.2,", "0.25,")})
    found = details(whydiff.explain("train.py", a_rev="HEAD~4", b_rev="HEAD", fix=False))
    assert f"settings.yaml:3: rate: 0.01 vs. rate: 0.1; {rate}" in found["optimizer"]
    assert f'model.json:2: "units": 4 vs. "units": 6; {units}' in found["architecture"]
    assert f"data/x.csv, which the script reads, changed; {data}" in found["data-content"]
    git(project, "checkout", "-q", "HEAD~4")  # today's files may be the older ones
    (project / "own/prep.py").write_text("def scaled(x):\n    return x * 3\n")
    found = details(whydiff.explain("train.py", a_rev="main~3", fix=False))
    assert set(found) == {"data-content"}
    assert found["data-content"].endswith("x * 2 vs. return x * 3; not committed yet)")


@pytest.mark.thorough
def test_large_files_and_submodules_are_named(project, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-qb", "main")
    commit(library, "One", {"prep.py": FILES["own/prep.py"]})
    text = TRAIN.replace('np.loadtxt("data/x.csv", delimiter=",")', 'np.load("data/x.npy")')
    by_path = 'import sys\nsys.path.insert(0, "own")\nfrom prep import scaled'
    text = text.replace("from own.prep import scaled", by_path)
    files = {name: given for name, given in FILES.items() if "/" not in name}
    files |= {"train.py": text, ".gitattributes": "*.npy filter=lfs -text\n"}
    git(project, "submodule", "--quiet", "add", str(library), "own")

    def pointer(factor):
        made = tmp_path / "x.npy"
        np.save(made, factor * np.loadtxt(ROWS.splitlines(), delimiter=","))
        name = hashlib.sha256(made.read_bytes()).hexdigest()
        held = project / ".git/lfs/objects" / name[:2] / name[2:4] / name
        held.parent.mkdir(parents=True, exist_ok=True)
        made.rename(held)
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{name}\nsize 1\n"

    git(project, "config", "filter.lfs.clean", "cat")
    commit(project, "Begin", {**files, "data/x.npy": pointer(1)})
    measured = commit(project, "Measure again", {"data/x.npy": pointer(1.5)})
    (found,) = details(
        whydiff.explain("train.py", a_rev="HEAD~1", b_rev="HEAD", fix=False)
    ).values()
    assert f"data/x.npy, which the script reads, changed; {measured}" in found
    commit(library, "Two", {"prep.py": FILES["own/prep.py"].replace("2", "3")})
    git(project / "own", "pull", "-q", "origin", "main")
    renewed = commit(project, "Renew the library", {})
    (found,) = details(
        whydiff.explain("train.py", a_rev="HEAD~1", b_rev="HEAD", fix=False)
    ).values()
    assert f"own/prep.py:2: return x * 2 vs. return x * 3; {renewed}" in found


@pytest.mark.long
def test_diff_runs_each_side_once_and_names_what_changed(project, capsys):
    commit(project, "Begin", {name: text for name, text in FILES.items() if "data" not in name})
    faster = commit(project, "Faster", {"settings.yaml": "seed: 1\nlog_every: 0.01\nrate: 0.1\n"})
    (project / ".git/info/exclude").write_text("data/\n")
    (project / "data").mkdir()
    (project / "data/x.csv").write_text(ROWS)
    (project / "own/prep.py").write_text("def scaled(x):\n    return x * 3\n")
    with pytest.raises(SystemExit) as ended:
        main(["diff", "train.py", "--a-rev", "HEAD~1", "--json", "-"])
    assert ended.value.code == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["a"], found["b"]) == ("train.py at HEAD~1", "train.py")
    details = {s["source"]: s["detail"] for s in found["sources"] if s["status"] == "differs"}
    assert set(details) == {"optimizer", "data-content"}
    assert details["optimizer"].endswith(f"settings.yaml:3: rate: 0.01 vs. rate: 0.1; {faster})")
    change = "own/prep.py:2: return x * 2 vs. return x * 3; not committed yet"
    assert details["data-content"].endswith(f"({change})")
    assert "What git does not track is there, too, as it is now: data/." in found["notes"]
    assert found["evidence"]["command"] == "whydiff diff train.py --a-rev 'HEAD~1'"
    assert "whydiff-" not in json.dumps(found)


def test_recordings_are_compared_as_they_are(project):
    for name in ("a.whydiff", "b.whydiff"):
        (project / name).touch()
    with pytest.raises(WhydiffError, match="recordings are compared as they are"):
        whydiff.diff("a.whydiff", "b.whydiff", a_rev="HEAD")
    with pytest.raises(WhydiffError, match="two recordings can be compared, or two scripts"):
        whydiff.diff("a.whydiff", "train.py")
