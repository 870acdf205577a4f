"""``whydiff show``: what is in a recording or a study."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from whydiff.cli.options import STDOUT, force_option, json_option
from whydiff.cli.output import check_answer, write_json
from whydiff.core.errors import WhydiffError


@click.command(name="show", short_help="Print what is in a recording or a study.")
@click.argument("file")
@json_option
@force_option
@click.option("--metric", metavar="NAME", help="The metric of a study to show.")
@click.option("--verbose", is_flag=True, help="Show all: every epoch, weight and seed.")
def command(
    file: str, json_file: str | None, force: bool, metric: str | None, verbose: bool
) -> None:
    """Print what is in a recording (script, surroundings, fits, losses, draws) or a study (the
    answer, also of one that was cut short).

    Needs no Keras and executes nothing.
    """
    if Path(file).is_dir():
        raise WhydiffError(f"{file} is a directory", "Name a recording in it.")
    if not Path(file).exists():
        raise WhydiffError(
            f"there is no recording {file}", "`whydiff record SCRIPT -o FILE` makes one."
        )

    check_answer(json_file, force=force)

    from whydiff.report import execution_dict, print_answer
    from whydiff.storage import kind, load

    if kind(file) == "study":
        from whydiff.experiments.study.answer import read

        study = read(file, metric)
        if json_file != STDOUT:
            print_answer(study, sys.stdout, verbose=verbose)
        if json_file:
            write_json(json_file, study.to_dict())
        return
    execution = load(Path(file))
    if json_file != STDOUT:
        print_answer(execution, sys.stdout, verbose=verbose)
    if json_file:
        write_json(json_file, execution_dict(execution))
