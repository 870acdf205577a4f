"""Temporary folders: nothing is left of them, and a full disk is named as what it is."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.temporary import temporary_folder

Usage = namedtuple("Usage", "total used free")


def test_trouble_on_a_full_disk_is_that_of_the_disk(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**30, 2**30, 3 * 1024))
    full = pytest.raises(WhydiffError, match=r"is full \(3 KiB are left\).*: it is empty")
    with full as raised, temporary_folder() as name:
        raise WhydiffError("it is empty", "make it again")
    assert str(Path(name).parent) in str(raised.value) and "TMPDIR" in raised.value.way_out
    assert not Path(name).exists()
    # No trouble: a person asks for the end.
    with pytest.raises(KeyboardInterrupt), temporary_folder() as name:
        raise KeyboardInterrupt
    assert not Path(name).exists()


def test_trouble_where_there_is_room_stays_what_it_is(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**30, 0, 2**30))
    own = WhydiffError("it is empty", "make it again")
    with pytest.raises(WhydiffError) as raised, temporary_folder() as name:
        raise own
    assert raised.value is own and not Path(name).exists()


def test_no_folder_can_be_made(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    refused = pytest.raises(WhydiffError, match="no temporary folder can be made")
    with refused as raised, temporary_folder():
        pass
    assert "TMPDIR" in raised.value.way_out
