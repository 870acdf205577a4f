"""What a job on GitHub shows of an answer: a step summary, and annotations at lines of files.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from whydiff.report.document import Document, Place
from whydiff.report.markdown import SUMMARY, markdown
from whydiff.report.terminal import clean

#: GitHub shows so many annotations of one kind and step
MOST = 10
#: characters of an annotation that are worth reading beside a line
LONGEST = 1_000


def workflow_commands(document: Document, environment: Mapping[str, str]) -> Iterator[str]:
    """A workflow command per place that the document names, at most so many as GitHub shows.

    ``environment`` is the job's: files are named from the root of its checkout.
    """
    shown: dict[str, int] = {}
    for place in document.places:
        shown[place.level] = shown.get(place.level, 0) + 1
        if shown[place.level] <= MOST:
            yield _command(place, environment)


def _command(place: Place, environment: Mapping[str, str]) -> str:
    properties = {"title": place.title}
    if place.file:
        properties = {"file": from_checkout(place.file, environment), **properties}
        if place.line:
            properties["line"] = str(place.line)
            if place.column:
                properties["col"] = str(place.column)
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{place.level} {written}::{_data(place.message)}"


def from_checkout(file: str, environment: Mapping[str, str]) -> str:
    """The path of a file from the root of the checkout, as GitHub names files."""
    root, path = environment.get("GITHUB_WORKSPACE"), Path(file)
    if root and path.resolve().is_relative_to(Path(root).resolve()):
        path = path.resolve().relative_to(Path(root).resolve())
    return path.as_posix()


def _data(text: str) -> str:
    text = clean(text)[:LONGEST]
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def write_summary(document: Document, environment: Mapping[str, str]) -> bool:
    """Append the document to the job's step summary; False where there is none.

    Raises OSError where it cannot be written.
    """
    name = environment.get("GITHUB_STEP_SUMMARY")
    if not name:
        return False
    path = Path(name)
    room = SUMMARY - (path.stat().st_size if path.exists() else 0)
    text = markdown(document, room - 2)
    if len(text.encode()) + 2 <= room:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    return True


class Quoted:
    """Within it nothing that is printed is a workflow command, whatever names are in it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._token = secrets.token_hex(16)

    def __enter__(self) -> None:
        self._stream.write(f"::stop-commands::{self._token}\n")

    def __exit__(self, *_: object) -> None:
        self._stream.write(f"::{self._token}::\n")
