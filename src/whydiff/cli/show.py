"""``whydiff show``: what is in a recording."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from whydiff.cli.output import write_json
from whydiff.core.errors import WhydiffError


@click.command(name="show", short_help="Print what is in a recording.")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: str, as_json: bool) -> None:
    """Print what is in a recording: script, surroundings, fits, losses, draws.

    Needs no Keras and executes nothing.
    """
    if Path(file).is_dir():
        raise WhydiffError(f"{file} is a directory", "Name a recording in it.")
    if not Path(file).exists():
        raise WhydiffError(
            f"there is no recording {file}", "`whydiff record SCRIPT -o FILE` makes one."
        )

    from whydiff.report import execution_dict, print_execution
    from whydiff.store import load

    execution = load(Path(file))
    if as_json:
        write_json("-", execution_dict(execution))
    else:
        print_execution(execution, sys.stdout)
