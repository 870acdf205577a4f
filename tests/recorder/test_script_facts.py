"""What a recording keeps of the script's text and of the repository around it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from whydiff.recorder.environment import hardware, script_facts

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def script(folder: Path) -> Path:
    path = folder / "train.py"
    path.write_text("import keras\n")
    return path


def repository(git: Path, **files: str) -> None:
    for name, text in {"HEAD": "ref: refs/heads/main\n", **files}.items():
        file = git / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_the_digest_is_that_of_the_text(tmp_path: Path) -> None:
    path = script(tmp_path)
    before = script_facts(str(path))["script digest"]
    assert len(before) == 32
    path.write_text("import keras  # changed\n")
    assert script_facts(str(path))["script digest"] != before
    assert script_facts(str(tmp_path / "missing.py")) == {}


@pytest.mark.parametrize(
    "files",
    [
        {"refs__heads__main": f"{COMMIT}\n"},
        {"packed-refs": f"# pack-refs\n{COMMIT} refs/heads/main\n"},
        {"HEAD": f"{COMMIT}\n"},
    ],
)
def test_the_revision_is_what_head_names(tmp_path: Path, files: dict[str, str]) -> None:
    repository(tmp_path / ".git", **files)
    (tmp_path / "deep").mkdir()
    assert script_facts(str(script(tmp_path / "deep")))["git revision"] == COMMIT


def test_a_worktree_is_followed(tmp_path: Path) -> None:
    main, work = tmp_path / "main", tmp_path / "work"
    own = main / ".git" / "worktrees" / "work"
    repository(main / ".git", refs__heads__topic=f"{COMMIT}\n")
    repository(own, HEAD="ref: refs/heads/topic\n", commondir="../..\n")
    work.mkdir()
    (work / ".git").write_text(f"gitdir: {own}\n")
    assert script_facts(str(script(work)))["git revision"] == COMMIT


def test_an_unborn_branch_has_none(tmp_path: Path) -> None:
    repository(tmp_path / ".git")
    assert "git revision" not in script_facts(str(script(tmp_path)))


def test_settings_of_the_arithmetic_are_recorded_and_those_of_other_things_are_not(monkeypatch):
    monkeypatch.setattr(os, "environ", {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_USE_LEGACY_KERAS": "1",
                                        "TF_VAR_region": "north", "HOME": "/"})  # fmt: skip
    told = hardware(SimpleNamespace(hardware=dict))
    assert {n: v for n, v in told.items() if "flags" in n} == {"flags.TF_ENABLE_ONEDNN_OPTS": "0"}
