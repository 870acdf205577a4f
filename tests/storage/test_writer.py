"""The writer: what it refuses, what it leaves behind, what it costs, who may call it."""

import os
import sqlite3
import subprocess
import sys
import threading

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.recording import Draw, Epoch
from whydiff.storage import Writer, load
from whydiff.storage.opening import filesystem

DIGESTS = [1, 2, 3, 4, 2**64 - 1]


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "missing" / "run.whydiff", "is not a folder"),
        (lambda folder: folder, "it is a folder"),
        (lambda folder: folder / "train.py", "will not replace"),
        (lambda folder: folder / "train.py" / "run.whydiff", "is not a folder"),
        (lambda folder: folder.__class__("/proc/run.whydiff"), "cannot record into"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(tmp_path, make, message):
    script = tmp_path / "train.py"
    script.write_text("print('precious')")
    path = make(tmp_path)
    with pytest.raises(WhydiffError, match=message) as caught:
        Writer(path, "train.py", [])
    assert str(path) in str(caught.value)
    assert caught.value.way_out
    assert script.read_text() == "print('precious')"


def test_an_older_recording_is_replaced_with_its_companions(tmp_path, execution, write):
    path = tmp_path / "run.whydiff"
    write(path, execution)
    for suffix in ("-wal", "-shm", "-journal"):
        (tmp_path / f"run.whydiff{suffix}").write_bytes(b"old")
    Writer(path, "other.py", []).close(3)
    assert names(tmp_path) == ["run.whydiff"]
    assert load(path).script == "other.py"
    assert load(path).fits == ()


def test_a_script_that_waits_for_all_its_threads_does_not_wait_for_the_writer(tmp_path, execution):
    before = threading.enumerate()
    writer = Writer(tmp_path / "run.whydiff", "train.py", [])
    fit = execution.fits[0]
    writer.begin_fit(1, fit.model, fit.stack, fit.recipe, {})
    writer.step(1, 0, DIGESTS)
    assert threading.enumerate() == before
    writer.close(0)


def test_an_empty_file_is_replaced(tmp_path):
    path = tmp_path / "run.whydiff"
    path.touch()
    Writer(path, "train.py", []).close(0)
    assert load(path).exit_code == 0


@pytest.mark.parametrize("name", ["a b?#%41.whydiff", "größe.whydiff", "'; --", "-x"])
def test_awkward_file_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = tmp_path.__class__(name)
    writer = Writer(path, "train.py", [])
    assert load(path).exit_code is None
    writer.close(0)
    assert load(path).exit_code == 0
    assert names(tmp_path) == [name]


def test_a_closed_recording_is_one_file_and_reading_adds_none(tmp_path, execution, write):
    path = tmp_path / "run.whydiff"
    writer = write(path, execution)
    writer.step(1, 0, DIGESTS)
    writer.close(1)
    load(path)
    assert names(tmp_path) == ["run.whydiff"]
    assert load(path).exit_code == 0


def test_a_live_recording_is_readable(tmp_path, recipe):
    path = tmp_path / "run.whydiff"
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {"early": 1})
    writer.step(1, 0, DIGESTS)
    writer.end_epoch(1, Epoch(0, 1, {"loss": 1.0}), np.arange(3), np.array([3]))
    (fit,) = load(path).fits
    assert (fit.finished, len(fit.steps), len(fit.epochs)) == (False, 1, 1)
    assert fit.notes == {"early": 1}
    assert fit.seconds > 0
    assert fit.recipe.optimizer == recipe.optimizer
    writer.end_fit(1, recipe, (), 9.0, {"late": 2})
    (fit,) = load(path).fits
    assert (fit.finished, fit.seconds, fit.notes) == (True, 9.0, {"early": 1, "late": 2})
    writer.close(0)


def test_a_fit_begun_again_starts_empty(tmp_path, recipe):
    writer = Writer(tmp_path / "run.whydiff", "train.py", [])
    for count in (5, 2):
        writer.begin_fit(1, "Sequential", (), recipe, {})
        for _ in range(count):
            writer.step(1, 0, DIGESTS)
    writer.close(0)
    assert len(load(tmp_path / "run.whydiff").fits[0].steps) == 2


def test_draws_are_replaced_by_number(tmp_path):
    writer = Writer(tmp_path / "run.whydiff", "train.py", [])
    writer.ledger(
        [Draw(2, "initializer", "Zeros", None, False), Draw(1, "initializer", "A", 1, True)]
    )
    writer.ledger([Draw(2, "initializer", "Zeros", 7, False, layer="dense/bias", fit=1)])
    writer.close(0)
    ledger = load(tmp_path / "run.whydiff").ledger
    assert [(d.number, d.seed, d.layer) for d in ledger] == [(1, 1, None), (2, 7, "dense/bias")]


def test_equal_orders_and_samples_are_stored_once(recorded):
    connection = sqlite3.connect(recorded)
    count = "SELECT (SELECT count(*) FROM series), (SELECT count(*) FROM samples)"
    # Two fits with two epochs each: a permutation, the identity, one way to cut; x and weights.
    assert connection.execute(count).fetchone() == (3, 2)
    connection.close()


def test_a_step_costs_at_most_64_bytes(tmp_path, recipe):
    sizes = []
    for steps in (0, 10_000):
        path = tmp_path / f"{steps}.whydiff"
        writer = Writer(path, "train.py", [])
        writer.begin_fit(1, "Sequential", (), recipe, {})
        for n in range(steps):
            writer.step(1, n // 500, [n * 2**40, *DIGESTS[1:]])
        writer.close(0)
        sizes.append(path.stat().st_size)
    assert len(load(path).fits[0].steps) == 10_000
    assert (sizes[1] - sizes[0]) / 10_000 <= 64


def test_threads_may_write_at_once(tmp_path, recipe):
    writer = Writer(tmp_path / "run.whydiff", "train.py", [])
    for fit in (1, 2, 3):
        writer.begin_fit(fit, "Sequential", (), recipe, {})

    def train(fit):
        for n in range(2000):
            writer.step(fit, n // 1000, [n] * 5)
            if n % 1000 == 999:
                writer.end_epoch(fit, Epoch(n // 1000, 1000, {}), np.arange(5), np.array([5]))

    threads = [threading.Thread(target=train, args=(fit,)) for fit in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close(0)
    assert writer.trouble == ""
    for fit in load(tmp_path / "run.whydiff").fits:
        assert (fit.steps == np.arange(2000)[:, None]).all()
        assert len(fit.epochs) == len(fit.recipe.data_order.epochs) == 2


def test_a_forked_process_writes_nothing(tmp_path, recipe):
    path = tmp_path / "run.whydiff"
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    writer.step(1, 0, DIGESTS)
    child = os.fork()
    if child == 0:
        writer.step(1, 0, DIGESTS)
        writer.environment({"child": True})
        writer.close(9)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writer.step(1, 0, DIGESTS)
    writer.close(0)
    back = load(path)
    assert back.exit_code == 0
    assert "child" not in back.environment
    assert len(back.fits[0].steps) == 2


def test_an_interrupt_leaves_nothing_half_written(tmp_path, recipe):
    class Interrupting(dict):
        def items(self):
            yield "written", 1
            raise KeyboardInterrupt

    writer = Writer(tmp_path / "run.whydiff", "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    writer.step(1, 0, DIGESTS)
    with pytest.raises(KeyboardInterrupt):
        writer.environment(Interrupting())
    writer.step(1, 0, DIGESTS)
    writer.close(130)
    back = load(tmp_path / "run.whydiff")
    assert (len(back.fits[0].steps), back.trouble, back.exit_code) == (2, "", 130)
    assert list(back.environment) == ["digest.algorithm"]


MOUNTS = r"""/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
//server/share /mnt/my\040share cifs rw 0 0
host: /home/ada/ssh fuse.sshfs rw 0 0
/dev/vdb /home/ada/local ext4 rw 0 0
tmpfs /mnt tmpfs rw 0 0
odd line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/homeless", "ext4"),
        ("/home/ada", "nfs4"),
        ("/home/ada/ssh/x", "fuse.sshfs"),
        ("/home/ada/local", "ext4"),
        ("/mnt/my share/x", "cifs"),
        ("/mnt/other", "tmpfs"),
    ],
)
def test_the_filesystem_of_a_folder(tmp_path, folder, kind):
    assert filesystem(tmp_path.__class__(folder), MOUNTS) == kind


@pytest.mark.parametrize(("kind", "companion"), [("nfs4", "-journal"), ("ext4", "-wal")])
def test_no_shared_memory_on_network_filesystems(tmp_path, recipe, monkeypatch, kind, companion):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/data {tmp_path} {kind} rw 0 0\n")
    monkeypatch.setattr("whydiff.storage.opening._MOUNTS", mounts)
    path = tmp_path / "run.whydiff"
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    assert (tmp_path / f"run.whydiff{companion}").exists()
    assert (tmp_path / "run.whydiff-shm").exists() == (companion == "-wal")
    assert load(path).fits[0].finished is False
    writer.close(0)
    assert names(tmp_path) == ["mounts", "run.whydiff"]
    assert load(path).exit_code == 0


def test_two_processes_do_not_write_one_recording(tmp_path, recipe):
    path = tmp_path / "run.whydiff"
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    second = (
        "import pathlib, sys, whydiff.storage as s; s.Writer(pathlib.Path(sys.argv[1]), '', [])"
    )
    command = [sys.executable, "-c", second, path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "another process" in done.stderr and "WhydiffError" in done.stderr
    writer.close(0)
    assert len(load(path).fits) == 1
