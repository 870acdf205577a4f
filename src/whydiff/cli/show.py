"""``whydiff show``: what is in a recording or a study."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from whydiff.cli.output import write_json
from whydiff.core.errors import WhydiffError


@click.command(name="show", short_help="Print what is in a recording or a study.")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--metric", metavar="NAME", help="The metric of a study to show.")
@click.option("--verbose", is_flag=True, help="Show all the evidence of a study.")
def command(file: str, as_json: bool, metric: str | None, verbose: bool) -> None:
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

    from whydiff.report import execution_dict, print_answer
    from whydiff.storage import kind, load

    if kind(file) == "study":
        _show_study(file, as_json, metric, verbose)
        return
    execution = load(Path(file))
    if as_json:
        write_json("-", execution_dict(execution))
    else:
        print_answer(execution, sys.stdout)


def _show_study(file: str, as_json: bool, metric: str | None, verbose: bool) -> None:
    from whydiff.experiments.study.answer import read
    from whydiff.report import print_answer

    study = read(file, metric)
    if as_json:
        write_json("-", study.to_dict())
    else:
        print_answer(study, sys.stdout, verbose=verbose)
