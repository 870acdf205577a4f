"""Files that a backend's library opens in C++: noted from the path that it is given."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from whydiff.core.files import Used
from whydiff.keras_backend.base import OpensFile
from whydiff.recorder import native_files
from whydiff.recorder.native_files import told
from whydiff.recorder.opened import Opened


@pytest.fixture
def opened(monkeypatch):
    opened = Opened()
    opened.watching = True
    opened._leave = ()
    monkeypatch.setattr("whydiff.recorder.opened.in_library", lambda name: False)
    monkeypatch.setattr(native_files, "OPENED", opened)
    return opened


def test_what_a_function_is_about_to_write_is_noted_and_nothing_else_changed(
    opened: Opened, tmp_path: Path
) -> None:
    saved = []
    library = argparse.Namespace(save=lambda state, f, **more: saved.append((state, f, more)))
    save = told(OpensFile(library, "save", "f", writes=True))
    save({"a": 1}, tmp_path / "a.pt")
    save({"b": 1}, f=str(tmp_path / "b.pt"), pickle_protocol=4)
    save({"c": 1}, None)  # a file that is open already was seen when it was opened
    assert [f for _, f, _ in saved] == [tmp_path / "a.pt", str(tmp_path / "b.pt"), None]
    assert saved[1][2] == {"pickle_protocol": 4}
    written = {str(tmp_path / name): Used(written=True) for name in ("a.pt", "b.pt")}
    assert opened.files == written


def test_a_checkpoint_is_told_by_the_file_that_lists_its_tensors(
    opened: Opened, tmp_path: Path
) -> None:
    library = argparse.Namespace(read=lambda self, save_path=None: save_path)
    read = told(OpensFile(library, "read", "save_path", writes=False, suffix=".index"))
    (tmp_path / "ckpt-1.index").write_bytes(b"x")
    assert read(None, None) is None and not opened.files
    assert read(None, save_path=str(tmp_path / "ckpt-1")) == str(tmp_path / "ckpt-1")
    assert opened.files[str(tmp_path / "ckpt-1.index")].read
