"""Files that a backend's library opens in C++: noted from the path that it is given."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from whydiff.core.files import Used
from whydiff.keras_backend.patches import Patches
from whydiff.recorder import native_files
from whydiff.recorder.opened import Opened


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    opened = Opened()
    opened.watching = True
    opened._leave = ()
    monkeypatch.setattr("whydiff.recorder.opened.in_library", lambda name: False)
    monkeypatch.setattr(native_files, "OPENED", opened)
    return opened


def watch(backend: str, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        native_files, "keras", SimpleNamespace(backend=SimpleNamespace(backend=lambda: backend))
    )
    monkeypatch.setitem(native_files.sys.modules, backend, module)
    native_files.watch_native_files(SimpleNamespace(), Patches())  # type: ignore[arg-type]


def test_what_torch_saves_is_written(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    torch = SimpleNamespace(save=lambda state, f, **options: saved.append((state, f, options)))
    watch("torch", torch, monkeypatch)
    torch.save({"a": 1}, tmp_path / "a.pt")
    torch.save({"b": 1}, f=str(tmp_path / "b.pt"), pickle_protocol=4)
    torch.save({"c": 1}, None)  # a file that is open already was seen when it was opened
    assert [f for _, f, _ in saved] == [tmp_path / "a.pt", str(tmp_path / "b.pt"), None]
    written = {str(tmp_path / name): Used(written=True) for name in ("a.pt", "b.pt")}
    assert opened.files == written


def test_a_checkpoint_of_tensorflow_is_told_by_its_index(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Checkpoint:
        def _write(self, prefix: str, options: Any = None) -> None: ...

        def read(self, save_path: str | None, options: Any = None) -> None: ...

    watch("tensorflow", SimpleNamespace(train=SimpleNamespace(Checkpoint=Checkpoint)), monkeypatch)
    (tmp_path / "ckpt-1.index").write_bytes(b"x")
    Checkpoint().read(None)
    Checkpoint().read(save_path=str(tmp_path / "ckpt-1"))
    Checkpoint()._write(str(tmp_path / "ckpt-2"), options=None)
    assert opened.files[str(tmp_path / "ckpt-1.index")].read
    assert opened.files[str(tmp_path / "ckpt-2.index")] == Used(written=True)
