"""Files laid out as traps: what would hang, fill the memory, or reach beyond the recording.

What reading a trap may cost is counted: instructions of SQLite, and bytes of memory.
"""

import functools
import os
import signal
import sqlite3
import tracemalloc
import zlib
from contextlib import contextmanager

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.storage import Writer, arrays, load
from whydiff.testing import HANGS

#: Instructions of SQLite's virtual machine; a sound recording of this size takes 20 thousand.
MOST_INSTRUCTIONS = 2_000_000
#: Bytes that Python and NumPy hold at once while a trap is read.
MOST_BYTES = 64 << 20


@contextmanager
def counted():
    """Fails where SQLite executes too much or too much memory is held; a wait ends in an hour."""

    class Counting(sqlite3.Connection):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.set_progress_handler(tick, 1000)

    executed = 0

    def tick():
        nonlocal executed
        executed += 1000
        return executed > MOST_INSTRUCTIONS  # interrupts the statement

    def late(*_):
        raise AssertionError("it waits for ever")

    connect = sqlite3.connect
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    tracemalloc.start()
    sqlite3.connect = functools.partial(connect, factory=Counting)
    try:
        yield
        assert executed <= MOST_INSTRUCTIONS
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        sqlite3.connect = connect
        tracemalloc.stop()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def refused(path, match):
    with counted(), pytest.raises(WhydiffError, match=match) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert caught.value.way_out


def test_a_reader_that_follows_a_trap_is_noticed(tmp_path, recipe, multiply, monkeypatch):
    path = tmp_path / "run.whydiff"
    laid_out(path, recipe, multiply)
    monkeypatch.setattr("whydiff.storage.reader.check_pages", lambda db, table: None)
    with pytest.raises(AssertionError), counted(), pytest.raises(WhydiffError, match="interrupted"):
        load(path)


def test_a_sound_recording_stays_within_the_bounds(tmp_path, recipe):
    path = tmp_path / "run.whydiff"
    many_steps(path, recipe)
    with counted():
        assert len(load(path).fits[0].steps) == 3000


def many_steps(path, recipe, count=3000):
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    for n in range(count):
        writer.step(1, 0, [n] * 5)
    writer.close(0)


def laid_out(path, recipe, multiply):
    many_steps(path, recipe)
    multiply(path, "step")


def test_pages_that_multiply(tmp_path, recipe, multiply):
    path = tmp_path / "run.whydiff"
    laid_out(path, recipe, multiply)
    refused(path, "in table 'step'")


def test_many_orders_that_inflate_without_end(recorded):
    # Each of them alone is within what an honest order shrinks to; together they are not.
    length = 2**24
    bomb = zlib.compress(bytes(4 * length), 9)
    connection = sqlite3.connect(recorded, isolation_level=None)
    connection.execute("BEGIN")
    for number in range(200):
        row = (str(number), "<i4", length, bomb)
        connection.execute("INSERT INTO series VALUES(?, ?, ?, ?)", row)
    connection.execute("COMMIT")
    connection.close()
    refused(recorded, "inflate beyond all measure")


def test_a_long_training_without_shuffling_is_no_bomb(tmp_path, recipe):
    writer = Writer(tmp_path / "run.whydiff", "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    from whydiff.core.recording import Epoch

    for epoch in range(20):  # a stream whose samples are all new
        order = np.arange(epoch * 100_000, (epoch + 1) * 100_000)
        writer.end_epoch(1, Epoch(epoch, 3125, {}), order, np.full(3125, 32))
    writer.close(0)
    assert len(load(tmp_path / "run.whydiff").fits[0].recipe.data_order.epochs) == 20


def test_a_journal_that_names_a_file_to_delete(recorded, tmp_path):
    victim = tmp_path / "thesis.tex"
    victim.write_bytes(b"")
    name = os.fsencode(victim)
    (tmp_path / "run.whydiff-journal").write_bytes(
        bytes.fromhex("d9d505f920a163d7")
        + bytes(512 - 8)
        + (2**30).to_bytes(4, "big")
        + name
        + len(name).to_bytes(4, "big")
        + (sum(name) % 2**32).to_bytes(4, "big")
        + bytes.fromhex("d9d505f920a163d7")
    )
    refused(recorded, "names a further file")
    assert victim.exists()


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal"])
def test_a_pipe_is_not_waited_for(recorded, tmp_path, suffix):
    pipe = tmp_path / f"run.whydiff{suffix}"
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    refused(recorded, "a pipe")
    if not suffix:
        with counted(), pytest.raises(WhydiffError, match="it is a pipe"):
            Writer(pipe, "train.py", [])


def test_a_folder_beside_a_recording(recorded, tmp_path):
    (tmp_path / "run.whydiff-wal").mkdir()
    refused(recorded, "is a folder")


def test_a_link_to_what_a_kill_left_is_read_with_its_log(tmp_path, recipe):
    path, link = tmp_path / "run.whydiff", tmp_path / "folder" / "link.whydiff"
    link.parent.mkdir()
    link.symlink_to(path)
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    writer.tensors(1, "initial", {"a": np.ones(3)})
    assert len(load(link).fits) == 1
    assert list(arrays(link, 1, "initial")) == ["a"]
    writer.close(0)


def test_recording_onto_a_link_leaves_its_target_alone(recorded, tmp_path):
    before = recorded.read_bytes()
    link = tmp_path / "link.whydiff"
    link.symlink_to(recorded)
    (tmp_path / "link.whydiff-wal").symlink_to(recorded)
    Writer(link, "other.py", []).close(0)
    assert recorded.read_bytes() == before
    assert load(link).script == "other.py"
    loop = tmp_path / "loop.whydiff"
    loop.symlink_to(loop)
    refused(loop, "cannot read|does not exist")
