"""``report``: open whatever has a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from whydiff.core.disk import kind_of_file
from whydiff.core.errors import WhydiffError
from whydiff.storage import kind, load
from whydiff.storage.answers import read_answer

_SQLITE = b"SQLite format 3\x00"


def opened(file: str | Path) -> Any:
    """What ``file`` holds: the answer of ``--json``, a recording or a study.

    Loading executes nothing. Raises WhydiffError for anything else.
    """
    path = Path(file)
    if path.is_dir():
        raise WhydiffError(f"{file} is a directory", "Name a file in it.")
    try:
        if kind_of_file(path):
            raise WhydiffError(f"cannot read {file}: it is {kind_of_file(path)}", "Name a file.")
        with path.open("rb") as stream:
            begins = stream.read(len(_SQLITE))
    except FileNotFoundError:
        raise WhydiffError(
            f"there is no file {file}", "Name a file written by --json, or a recording."
        ) from None
    except OSError as error:
        raise WhydiffError(f"cannot read {file}: {error.strerror}", "Check its path.") from None
    if begins == _SQLITE:
        if kind(path) == "study":
            from whydiff.experiments.study.answer import read

            return read(path)
        return load(path)
    return read_answer(path)
