"""Trouble reaches a person as one message, a way out and exit code 2; never as a traceback."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from whydiff.core.recipe import Batching, Content, Order, Recipe
from whydiff.storage import Writer, load
from whydiff.testing import HANGS

#: Sees a single step; then does what the test wants.
TRAINING = """
import os, sys, keras, numpy as np
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((8, 2)), np.ones(8), verbose=0)
print("trained", flush=True)
"""


def whydiff(*arguments, **options):
    command = [sys.executable, "-c", "from whydiff.cli import main; main()", *map(str, arguments)]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, **options)


def is_trouble(done, *words):
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    first, *way_out = done.stderr.splitlines()
    assert first.startswith("whydiff: ")
    assert way_out
    for word in words:
        assert str(word) in done.stderr


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "run.whydiff"
    Writer(path, "train.py", []).close(0)
    return path


def test_a_recording_of_a_newer_version(recording):
    connection = sqlite3.connect(recording)
    connection.execute("PRAGMA user_version=9")
    connection.close()
    is_trouble(whydiff("show", recording), recording, "format 9", "Install")
    is_trouble(whydiff("diff", recording, recording), recording, "format 9", "Install")


def test_a_recording_cut_off(recording):
    recording.write_bytes(recording.read_bytes()[:5000])
    is_trouble(whydiff("show", recording), recording, "damaged", "make the recording again")


def test_names_cannot_steer_the_terminal(tmp_path):
    path = tmp_path / "run.whydiff"
    Writer(path, "\x1b]0;owned\x07\x1b[2Jtrain.py", ["[red]"]).close(0)
    done = whydiff("show", path)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "[red]" in done.stdout


def test_a_full_disk_under_the_output(recording):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", "from whydiff.cli import main; main()", "show", recording]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    is_trouble(done, "cannot write the answer", "No space left")


def test_a_closed_output_is_told_and_one_that_nobody_reads_is_not_a_difference(recording):
    """``show >&-`` and ``show | head -1``: 1 would mean that something differs."""
    reading, writing = os.pipe()
    os.close(reading)
    for verb in (["show", recording, "--json"], ["show", recording]):
        command = [sys.executable, "-c", "from whydiff.cli import main; main()", *verb]
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
        assert (done.returncode, done.stderr) == (2, "")
    os.close(writing)
    closed = ["sh", "-c", '"$@" >&-', "sh", *command]
    is_trouble(subprocess.run(closed, capture_output=True, text=True), "cannot write the answer")
    closed[2] = '"$@" >&- 2>&-'
    assert subprocess.run(closed).returncode == 2


def test_surroundings_that_lack_what_is_usual(tmp_path):
    """No HOME, no UTF-8, no folder for temporary files, arguments that are no text."""
    path = tmp_path / "a.whydiff"
    Writer(path, "tr\udcff\u2603.py", ["\udcff\x9b", "\u2603"]).close(0)
    (tmp_path / "b\udcff.py").write_text("import sys; sys.exit(print(ascii(sys.argv[1:])))\n")
    bare = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0", "TMPDIR": "/nonexistent"}  # fmt: skip
    start = [sys.executable, "-c", "from whydiff.cli import main; main()"]
    for words, code in (
        (["show", path], 0),
        (["show", path, "--json"], 0),
        (["diff", path, path], 2),  # nothing was trained
        (["report", path, "--html", "a.html"], 0),
        (["check", "b\udcff.py"], 0),
        (["record", "b\udcff.py", "-o", "b.whydiff", "--", "\udcff"], 2),
        (["lock", "b\udcff.py", "--", "\udcff"], 2),
    ):
        done = subprocess.run([*start, *words], env=bare, cwd=tmp_path, capture_output=True)
        assert done.returncode == code and b"Traceback" not in done.stderr, done
        assert b"\xff" not in done.stdout + done.stderr and b"\x9b" not in done.stdout
        if words[0] == "record":
            assert done.stdout == b"['\\udcff']\n" and b"never imported Keras" in done.stderr


#: Runs what follows with a disk of 64 KiB as $0, or else files of 20 KiB at most, and lists $0.
SMALL = """
mount -t tmpfs -o size=64k tmpfs "$0" 2>/dev/null || ulimit -f 20
"$@"; code=$?
ls -A "$0"
exit $code
"""


@pytest.mark.long
# Every verb runs scripts by the same function; thoroughly a second one.
@pytest.mark.parametrize("verb", ["explain", pytest.param("lock", marks=pytest.mark.thorough)])
def test_a_full_disk_under_temporary_files(tmp_path, verb):
    script, small = tmp_path / "train.py", tmp_path / "small"
    script.write_text(TRAINING)
    small.mkdir()
    own = [sys.executable, "-c", "from whydiff.cli import main; main()", verb, "train.py"]
    apart = ["unshare", "-rm"]  # a name space in which anybody may mount
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        apart = []
    done = subprocess.run(
        [*apart, "sh", "-c", SMALL, small, *own], cwd=tmp_path, text=True, capture_output=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "TMPDIR": str(small),
             "JAX_ENABLE_COMPILATION_CACHE": "0"},
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr, done
    trouble = done.stderr.split("whydiff: ")[-1]
    assert str(small) in trouble and ("is full" in trouble or "cannot" in trouble)
    assert "TMPDIR" in trouble or not apart
    assert done.stdout == "" and sorted(p.name for p in tmp_path.iterdir()) == ["small", "train.py"]


def test_a_place_that_cannot_be_written_is_told_before_the_script_runs(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("print('ran')")
    for place in ("/proc/run.whydiff", tmp_path / "missing" / "run.whydiff", script):
        done = whydiff("record", script, "-o", place)
        is_trouble(done, tmp_path / "missing" if "missing" in str(place) else place)
        assert "ran" not in done.stdout
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    if os.geteuid():  # root may write anywhere
        is_trouble(whydiff("record", script, "-o", folder / "run.whydiff"), folder)


def test_an_older_recording_is_not_taken_for_that_of_a_script_without_keras(recording, tmp_path):
    script = tmp_path / "train.py"
    script.write_text("print('own output'); raise SystemExit(7)")
    done = whydiff("record", script, "-o", recording)
    is_trouble(done, "never imported Keras", "exited with 7")
    assert done.stdout == "own output\n"


@pytest.mark.long
@pytest.mark.parametrize(
    ("end", "code", "own"),
    [
        ("sys.exit(5)", 5, 5),
        ("os.kill(os.getpid(), 9)", -signal.SIGKILL, None),
    ],
)
def test_the_scripts_own_end_is_shown_and_its_steps_are_kept(tmp_path, end, code, own):
    script, path = tmp_path / "train.py", tmp_path / "run.whydiff"
    script.write_text(TRAINING + end)
    done = whydiff("record", script, "-o", path)
    assert done.returncode == code
    assert done.stdout == "trained\n"
    assert ("was ended by signal 9" in done.stderr) == (own is None)
    execution = load(path)
    assert execution.exit_code == own
    assert len(execution.fits[0].steps) == 1


@pytest.mark.long
def test_a_disk_that_fills_up_stops_the_recording_and_not_the_training(tmp_path, monkeypatch):
    script, path = tmp_path / "train.py", tmp_path / "run.whydiff"
    # What JAX keeps of its own would be cut off, too, and then be read by other tests.
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "0")
    # Room for an empty recording and no more, as soon as the libraries are imported.
    script.write_text(
        TRAINING.replace(
            "model =",
            "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (20_000, 20_000))\nmodel =",
            1,
        )
    )
    done = whydiff("record", script, "-o", path)
    assert (done.returncode, done.stdout) == (2, "trained\n")
    assert "recording stopped" in done.stderr
    assert "Traceback" not in done.stderr
    assert load(path).trouble


def test_a_comparison_with_a_fit_that_was_cut_short_says_so(tmp_path):
    content = Content(np.zeros((4, 2), np.uint64))
    recipe = Recipe((), Order(), (), content, Batching(), {}, {}, {}, {}, (), *[{}] * 7)
    whole, cut = tmp_path / "whole.whydiff", tmp_path / "cut.whydiff"
    for path in (whole, cut):
        writer = Writer(path, "train.py", [])
        writer.begin_fit(1, "Sequential", (), recipe, {})
        for n in range(6):
            writer.step(1, 0, [n] * 5)
        if path is whole:
            writer.end_fit(1, recipe, (), 1.0, {})
        writer.close(0 if path is whole else 1)
    done = whydiff("diff", cut, cut)
    assert done.returncode == 2
    assert "As far as both were recorded, the two fits are identical" in done.stdout
    assert "cut short after 6 steps" in " ".join(done.stdout.split())
    assert whydiff("diff", whole, whole).returncode == 0


@pytest.mark.long
def test_what_a_script_leaves_to_its_exit_is_done(tmp_path):
    """Handlers run, and worker processes end: nobody waits for output that they could write."""
    script = tmp_path / "train.py"
    leaving = (
        "import atexit, multiprocessing, time\n"
        "atexit.register(print, 'handled', flush=True)\n"
        "context = multiprocessing.get_context('forkserver')\n"
        "context.Process(target=time.sleep, args=(10**7,), daemon=True).start()\n"
    )
    script.write_text(TRAINING + "if __name__ == '__main__':\n" + textwrap.indent(leaving, "    "))
    done = whydiff("record", script, "-o", tmp_path / "a.whydiff", timeout=HANGS)
    assert (done.returncode, done.stdout.split()[-2:]) == (0, ["trained", "handled"])


@pytest.mark.long
@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("lock", ["fit 1 was not watched", "Nothing incomplete is locked"]),
        pytest.param(
            "study", ["the whole script is run again", "nor prints a number"],
            marks=pytest.mark.thorough,
        ),
    ],
)  # fmt: skip
def test_a_fit_that_cannot_be_watched_to_its_end(verb, told, tmp_path):
    script = Path(__file__).parent.parent / "scripts" / "distributed.py"
    done = whydiff(verb, script, cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    why = "whydiff: fit 1 is no longer watched: RuntimeError: batches of a DistributedDataset"
    for words in (why, *told):
        assert words in done.stderr


@pytest.mark.long
def test_an_unwatched_fit_is_explained_from_what_was_recorded(tmp_path):
    """Nothing is confirmed: neither hybrids nor a fix could be seen to the end."""
    script = Path(__file__).parent.parent / "scripts" / "distributed.py"
    answer = tmp_path / "answer.json"
    done = whydiff("explain", script, "--json", answer, cwd=tmp_path)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    explained = json.loads(answer.read_text())
    assert [c["source"] for c in explained["causes"]] == ["initialization"]
    assert explained["causes"][0]["status"] == "suspected"
    assert not explained["remedy"]["verified"]
    assert "was not watched to its end" in " ".join(explained["notes"])
