"""A training that is killed or runs out of disk leaves a recording that can be read."""

import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.storage import Writer, arrays, load

#: Records steps whose digests follow from their number; says when an epoch was written.
TRAINING = """
import resource, sys
from pathlib import Path
import numpy as np
from whydiff.core.recipe import *
from whydiff.core.recording import *
from whydiff.storage import Writer
from whydiff.storage import opening

path, fits, epochs, steps, limit, mounts = sys.argv[1:]
if mounts:
    opening._MOUNTS = Path(mounts)
facts = [{}] * 7
content = Content(np.zeros((50, 2), np.uint64))
recipe = Recipe((), Order(), (), content, Batching(), {"class": "SGD"}, {}, {}, {}, (), *facts)
writer = Writer(Path(path), "train.py", [])
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
for fit in range(1, int(fits) + 1):
    writer.begin_fit(fit, "Sequential", (), recipe, {})
    writer.tensors(fit, "initial", {"weights:a": np.full(5000, fit)})
    for epoch in range(int(epochs)):
        for n in range(int(steps)):
            writer.step(fit, epoch, [fit, epoch, epoch * int(steps) + n, 2**64 - 1, 0])
        writer.end_epoch(fit, Epoch(epoch, int(steps), {"loss": 1 / (epoch + 1)}),
                         np.random.default_rng(epoch).permutation(50), np.array([25, 25]))
        if not writer.trouble:
            print(fit, epoch, flush=True)
    writer.end_fit(fit, recipe, (), 1.0, {})
writer.close(0)
print("trained")
"""


KILLED, FULL = "trainings killed by SIGKILL", "disks full under a recording"


def training(path, fits, epochs, steps, limit=0, mounts=""):
    arguments = [path, fits, epochs, steps, limit, mounts]
    return subprocess.Popen(
        [sys.executable, "-c", TRAINING, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check(path, acknowledged, steps, tally):
    """Every acknowledged epoch is there, and all that is there is right."""
    execution = load(path)
    assert execution.exit_code is None
    seen = {(fit.index, epoch.index) for fit in execution.fits for epoch in fit.epochs}
    tally[KILLED, "killed"] += 1
    tally[KILLED, "epochs written before"] += len(acknowledged)
    tally[KILLED, "of them lost"] += len(set(acknowledged) - seen)
    assert seen >= set(acknowledged)
    for fit in execution.fits:
        assert len(fit.steps) >= steps * len(fit.epochs)
        count = np.arange(len(fit.steps), dtype=np.uint64)
        assert (fit.step_epochs == count // steps).all()
        assert (fit.steps[:, 0] == fit.index).all()
        assert (fit.steps[:, 2] == count).all()
        for epoch, order in zip(fit.epochs, fit.recipe.data_order.epochs, strict=False):
            assert (order == np.random.default_rng(epoch.index).permutation(50)).all()
        kept = arrays(path, fit.index, "initial")
        assert not kept or (kept["weights:a"] == fit.index).all()
    return execution


@pytest.mark.parametrize("network", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_kill_minus_nine_at_any_moment(tmp_path, tally, network, seed):
    chance = random.Random(seed)
    path, mounts = tmp_path / "run.whydiff", ""
    if network:
        mounts = tmp_path / "mounts"
        mounts.write_text(f"server:/data {tmp_path} nfs rw 0 0\n")
    steps = chance.choice([1, 7, 500])
    process = training(path, 10**6, chance.choice([1, 30]), steps, mounts=mounts)
    acknowledged = []
    for _ in range(chance.randrange(1, 60)):
        fit, epoch = process.stdout.readline().split()
        acknowledged.append((int(fit), int(epoch)))
    time.sleep(chance.random() / 50)
    process.kill()
    process.communicate()
    # Fits that are over have their recipe at the end; only epochs of the last can be in flight.
    execution = check(path, acknowledged, steps, tally)
    assert all(fit.finished for fit in execution.fits[:-1])


def test_steps_of_an_unfinished_epoch_are_written_too(tmp_path, recipe):
    path = tmp_path / "run.whydiff"
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    made = 0
    while not (seen := len(load(path).fits[0].steps)):
        writer.step(1, 0, [made] * 5)
        made += 1
        time.sleep(0.02)
    assert 0 < seen <= made
    writer.close(None)
    assert (load(path).fits[0].steps == np.arange(made)[:, None]).all()


AS_SOMEBODY_ELSE = """
import os, sys
from whydiff.storage import load
if os.geteuid() == 0:
    os.setuid(65534)
assert not os.access(os.path.dirname(sys.argv[1]), os.W_OK)
print(len(load(sys.argv[1]).fits))
"""


@pytest.mark.parametrize("lost", [(), ("-shm",), ("-wal", "-shm")])
def test_what_a_kill_left_in_a_read_only_folder(tmp_path, lost):
    path = tmp_path / "run.whydiff"
    process = training(path, 10**6, 2, 3)
    for _ in range(20):
        process.stdout.readline()
    process.kill()
    process.communicate()
    fits = len(load(path).fits)
    # pytest's folders are private to the user; somebody else needs a public one.
    folder = Path(tempfile.mkdtemp())
    try:
        for file in tmp_path.iterdir():
            if not any(file.name.endswith(suffix) for suffix in lost):
                shutil.copyfile(file, folder / file.name)
        folder.chmod(0o555)
        command = [sys.executable, "-c", AS_SOMEBODY_ELSE, folder / path.name]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if "-wal" not in lost:
            assert int(done.stdout) == fits
        assert {file.name for file in folder.iterdir()} == {
            file.name for file in tmp_path.iterdir() if not file.name.endswith(lost or "//")
        }
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("limit", [150_000, 300_000, 1_000_000])
def test_a_full_disk_stops_the_recording_and_not_the_training(tmp_path, tally, limit):
    path = tmp_path / "run.whydiff"
    process = training(path, 20, 5, 300, limit=limit)
    out, err = process.communicate()
    assert process.returncode == 0, err
    *lines, last = out.splitlines()
    assert last == "trained"
    assert len(lines) < 100
    assert len(err.splitlines()) == 1
    assert err.startswith("whydiff: recording stopped (")
    assert err.rstrip().endswith("; the training goes on")
    acknowledged = [tuple(map(int, line.split())) for line in lines]
    execution = load(path)
    seen = {(fit.index, epoch.index) for fit in execution.fits for epoch in fit.epochs}
    tally[FULL, "filled"] += 1
    tally[FULL, "epochs written before"] += len(acknowledged)
    tally[FULL, "of them lost"] += len(set(acknowledged) - seen)
    assert seen == set(acknowledged)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda writer: writer.environment({"model": object()}), "object at model"),
        (lambda writer: writer.environment({"a": {1: 2}}), "key 1 at a"),
        (lambda writer: writer.step(7, 0, [1, 2, 3, 4, 5]), "fit 7 was not begun"),
        (lambda writer: writer.step(1, 0, [1, 2, 3]), "step: "),
        (lambda writer: writer.end_epoch(7, None, np.arange(2), np.arange(2)), "fit 7 was not"),
        (lambda writer: writer.tensors(1, "final", {"w": np.array(["text"])}), "w is an array"),
    ],
)
def test_a_value_that_cannot_be_kept_stops_the_recording(tmp_path, recipe, capsys, call, told):
    path = tmp_path / "run.whydiff"
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    writer.step(1, 0, [1, 2, 3, 4, 5])
    writer.end_fit(1, recipe, (), 1.0, {})
    for _ in range(2):
        call(writer)
    writer.environment({"later": 1})
    writer.step(1, 0, [1, 2, 3, 4, 5])
    writer.close(4)
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert told in writer.trouble
    back = load(path)
    assert (back.trouble, back.exit_code) == (writer.trouble, 4)
    assert (back.fits[0].finished, len(back.fits[0].steps)) == (True, 1)
    assert [file.name for file in tmp_path.iterdir()] == ["run.whydiff"]


@pytest.mark.parametrize("kind", [int, float, str, bytes])
def test_what_sqlite_is_told_to_write_otherwise_is_not_recorded(tmp_path, recipe, kind):
    path = tmp_path / "run.whydiff"
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    changed = dict(sqlite3.adapters)
    sqlite3.register_adapter(kind, lambda value: "x")
    try:
        writer.environment({"other": 1})
        assert f"write {kind.__name__} otherwise" in writer.trouble
    finally:
        sqlite3.adapters.clear()
        sqlite3.adapters.update(changed)
    writer.close(0)
    back = load(path)
    assert ("other" in back.environment, len(back.fits)) == (False, 1)


def test_a_recording_without_its_log_says_so_or_reads(tmp_path):
    path = tmp_path / "run.whydiff"
    process = training(path, 10**6, 2, 3)
    process.stdout.readline()
    process.kill()
    process.communicate()
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"run.whydiff{suffix}").unlink(missing_ok=True)
    try:
        assert load(path).exit_code is None
    except WhydiffError as error:
        assert str(path) in str(error)


#: Steps of very different length. Says after each commit how many are kept for sure.
IRREGULAR = """
import random, sys, time
import numpy as np
from pathlib import Path
from whydiff.core.recipe import *
from whydiff.storage import Writer

commit = Writer._commit
def committed(self, *args, **kwargs):
    sure = self._counts.get(1, 0)
    done = commit(self, *args, **kwargs)
    if done:
        sys.stdout.write(f"kept {sure}\\n")
        sys.stdout.flush()
    return done
Writer._commit = committed

chance = random.Random(int(sys.argv[2]))
content = Content(np.zeros((50, 2), np.uint64))
recipe = Recipe((), Order(), (), content, Batching(), {}, {}, {}, {}, (), *[{}] * 7)
writer = Writer(Path(sys.argv[1]), "train.py", [])
writer.begin_fit(1, "Sequential", (), recipe, {})
for n in range(10**9):
    sys.stdout.write(f"step {n}\\n")
    writer.step(1, 0, [n] * 5)
    time.sleep(chance.choice([0.0005] * 300 + [0.3, 2.5]))
"""


@pytest.mark.thorough
def test_fifty_kills_each_lose_at_most_what_was_not_committed(tmp_path, tally):
    """That a commit comes on time, however long a step takes, is the test above of a live file."""
    chance = random.Random(0)
    for number in range(50):
        path = tmp_path / f"{number}.whydiff"
        process = subprocess.Popen(
            [sys.executable, "-c", IRREGULAR, str(path), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = []
        commits = chance.randrange(1, 5)
        while sum(line.startswith("kept") for line in lines) < commits:
            lines.append(process.stdout.readline())
        time.sleep(chance.random())  # any moment of what follows
        process.kill()
        lines += process.communicate()[0].splitlines(keepends=True)
        whole = [line.split() for line in lines if line.endswith("\n")]
        sure = max(int(count) for word, count in whole if word == "kept")
        steps = load(path).fits[0].steps
        tally[KILLED, "killed"] += 1
        tally[KILLED, "steps committed before"] += sure
        tally[KILLED, "of them lost"] += max(0, sure - len(steps))
        assert len(steps) >= sure
        assert (steps == np.arange(len(steps), dtype=np.uint64)[:, None]).all()
