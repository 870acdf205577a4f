"""``whydiff show``: what is in a recording or a study."""

from __future__ import annotations

from pathlib import Path

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.core.errors import WhydiffError


@click.command(name="show", short_help="Print what is in a recording or a study.")
@click.argument("file")
@click.option("--metric", metavar="NAME", help="The metric of a study to show.")
@answer_options
def command(file: str, metric: str | None, targets: Targets) -> None:
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

    targets.check()

    from whydiff.report import execution_dict
    from whydiff.storage import kind, load

    if kind(file) == "study":
        from whydiff.experiments.study.answer import read

        targets.give(read(file, metric), file)
        return
    execution = load(Path(file))
    targets.give(execution, file, execution_dict(execution))
