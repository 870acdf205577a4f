"""Writing answers: JSON to a file or stdout, and only where that will work."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from whydiff.cli.options import STDOUT
from whydiff.core.disk import Kind, check_replaced, write_whole
from whydiff.core.errors import WhydiffError
from whydiff.core.visible import fitted, json_spelled, plain, spelled


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


def check_own(
    name: str,
    what: str,
    kind: Kind,
    force: bool,
    way_out: str = "Name another file, or replace it with --force.",
) -> None:
    """Refuse a file that ``what`` could not be written to, or that is not ours to replace."""
    check_target(name, what)
    check_replaced(Path(name), kind, way_out, force)


def check_not_script(name: str, script: Path) -> None:
    """Refuse the script's own file as the place of what comes of it."""
    if Path(name).exists() and Path(name).samefile(script):
        raise WhydiffError(f"{name} is the script itself", "Name another file with -o.")


def say(text: str) -> None:
    """A line to the person, on stderr; paths and names in it steer no terminal."""
    click.echo(fitted(f"whydiff: {spelled(text)}", sys.stderr), err=True)


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
