"""Writing answers: JSON to a file or stdout, and only where that will work."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from whydiff.cli.options import STDOUT
from whydiff.core.disk import ANSWER, MARKDOWN, PAGE, check_replaced, write_whole
from whydiff.core.errors import WhydiffError
from whydiff.core.visible import json_spelled, plain, spelled


def check_target(name: str, what: str) -> None:
    """Refuse a file that could not be written, before hours are spent on its content."""
    if name == STDOUT:
        raise WhydiffError(f"{what} cannot be written to stdout", "Name a file.")
    path = Path(name)
    if path.is_dir():
        raise WhydiffError(f"{name} is a directory", f"Name a file for {what}.")
    if not path.absolute().parent.is_dir():
        raise WhydiffError(
            f"there is no directory {path.parent} to write {what} to", "Make it first."
        )
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise WhydiffError(f"{name} cannot be written", "Check the permissions, or name another.")


def check_json(name: str, force: bool = False) -> None:
    """Refuse a file that JSON could not be written to, or that is not ours to replace."""
    check_target(name, "the JSON")
    # `whydiff check --json a.py b.py`: meant as a script, not as the place of the answer
    check_replaced(
        Path(name),
        ANSWER,
        "Name another file, write `--json` last to print to stdout, or replace it with --force.",
        force,
    )


def check_markdown(name: str, force: bool = False) -> None:
    """Refuse a file that Markdown could not be written to, or that is not ours to replace."""
    check_target(name, "the Markdown")
    check_replaced(Path(name), MARKDOWN, "Name another file, or replace it with --force.", force)


def check_page(name: str, force: bool = False) -> None:
    """Refuse a file that a page could not be written to, or that is not ours to replace."""
    check_target(name, "the page")
    check_replaced(Path(name), PAGE, "Name another file, or replace it with --force.", force)


def say(text: str) -> None:
    """A line to the person, on stderr; paths and names in it steer no terminal."""
    click.echo(f"whydiff: {spelled(text)}", err=True)


def write_json(name: str, value: Any, option: str = "--json") -> None:
    """Write a result as JSON; ``-`` is stdout. ``option`` is the way to name another file."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    text = json_spelled(text)  # names come from scripts: nothing steers the terminal it is read in
    if name == STDOUT:
        click.echo(text.encode() + b"\n", nl=False)  # UTF-8, whatever the terminal speaks
        return
    write_text(name, text + "\n", option)


def write_text(name: str, text: str, option: str) -> None:
    """Write a whole file or none; ``option`` is the way to name another."""
    try:
        write_whole(Path(name), text)
    except OSError as error:
        raise WhydiffError(
            f"cannot write {name}: {error.strerror}", f"Name another file with {option}."
        ) from None


def write_page(name: str, finding: Any, source: str = "", among: Any = None) -> None:
    """Write the page of a finding; ``source`` is the file it was read from.

    ``among`` is a study on whose draws the A and B of an explanation are marked.
    """
    from whydiff.report import html_page

    text = html_page(finding, source, among)
    write_text(name, text, "--html")
