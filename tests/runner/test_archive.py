"""What is sent to a worker: enough to run the script, and nothing by accident."""

import json
import subprocess
import sys

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.machine import THREAD_VARIABLES
from whydiff.runner.executors.archive import archived, pins, whydiff_words, worker_environment
from whydiff.runner.executors.commands import Command, run_command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "train.py", "other.py", "data.csv", ".git/config", "sub/part.py", "sub/data.npy",
        "__pycache__/train.pyc", "old.whydiff", "old.whydiff.parts/1.whydiff", "env/pyvenv.cfg",
        "env/lib.py", "big/data.bin",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_the_folder_of_the_script_goes_along(folder):
    found = archived(folder / "train.py")
    assert found.script == "train.py"
    assert set(found.files) == {
        "train.py", "other.py", "data.csv", "sub/part.py", "sub/data.npy", "big/data.bin",
    }  # fmt: skip
    assert found.files["sub/part.py"] == b"sub/part.py"


def test_a_script_in_a_folder_keeps_its_path(folder):
    found = archived(folder / "sub" / "part.py")
    assert found.script == "sub/part.py" and set(found.files) == {"sub/part.py", "sub/data.npy"}


def test_a_script_elsewhere_is_seen_from_its_own_folder(folder, monkeypatch):
    monkeypatch.chdir(folder / "big")
    assert archived(folder / "sub" / "part.py").script == "part.py"


def test_with_ship_python_files_and_what_is_named(folder):
    found = archived(folder / "train.py", [folder / "data.csv", folder / "sub"])
    assert set(found.files) == {"train.py", "other.py", "data.csv", "sub/part.py", "sub/data.npy"}
    with pytest.raises(WhydiffError, match="lies outside of") as refused:
        archived(folder / "train.py", [folder.parent])
    assert "folder that all workers see" in refused.value.way_out
    with pytest.raises(WhydiffError, match="no such file"):
        archived(folder / "train.py", [folder / "none.csv"])


def test_too_much_is_refused_with_the_size_and_a_way_out(folder):
    (folder / "big" / "data.bin").write_bytes(bytes(3 << 20))
    with pytest.raises(WhydiffError, match="3 MiB, the limit is 2 MiB") as refused:
        archived(folder / "train.py", limit=2 << 20)
    assert "--ship" in refused.value.way_out
    assert len(archived(folder / "train.py", [folder / "data.csv"], 2 << 20).files) == 4


def test_threads_are_those_set_here_else_all_are_set(monkeypatch):
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("HOME_OF_MINE", "x")
    found = worker_environment(3)
    assert found["KERAS_BACKEND"] == "jax" and "HOME_OF_MINE" not in found
    assert {found[name] for name in THREAD_VARIABLES} == {"3"}
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    found = worker_environment(3)
    assert found["OMP_NUM_THREADS"] == "8" and "MKL_NUM_THREADS" not in found


def test_a_worker_with_the_same_versions_runs_whydiff():
    ended = run_command(Command(whydiff_words(["--version"])))
    assert ended.exit_code == 0 and ended.said.startswith("whydiff, version")


def test_a_worker_with_other_versions_says_which():
    words = list(whydiff_words(["--version"]))
    wanted = json.loads(pins())
    words[words.index(pins())] = json.dumps({**wanted, "numpy": "1.0", "unheard-of": "2"})
    ended = run_command(Command(tuple(words)))
    assert ended.exit_code == 1
    assert ended.said == (
        f"whydiff: this worker has numpy {wanted['numpy']}, not 1.0; "
        "install the same versions there"
    )


def test_nothing_but_the_adapter_imports_its_library():
    code = (
        "import sys, whydiff.runner.executors.tasks, whydiff.runner.executors.commands\n"
        "from whydiff.runner.executors import workers_of\nworkers_of('processes:2')\n"
        "sys.exit(', '.join({'dask', 'distributed', 'ray', 'executorlib', 'loky', 'numpy'}"
        " & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
