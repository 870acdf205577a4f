"""``whydiff matrix``: what does a script end in under many versions of its packages?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.cli.options import in_place_option
from whydiff.cli.script import (
    Duration,
    ScriptCommand,
    asked,
    check_one,
    module_option,
    script_arguments,
)


@click.command(
    cls=ScriptCommand,
    name="matrix",
    short_help="Run a script under many versions and group what ends alike.",
)
@click.argument("script", required=False)
@module_option
@click.option(
    "--over",
    multiple=True,
    metavar="PACKAGE",
    help="Try its last series of releases, or the versions named: keras, keras==3.8,3.10.",
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="REQUIREMENTS",
    help="Try these together: keras==3.8,jax==0.4.38.",
)
@click.option("--metric", metavar="NAME", help="The metric to tell results in.")
@click.option(
    "--budget",
    type=Duration(),
    help="For all that is run: 90s, 5m, 1h; the same command with the file of --json goes on.",
)
@in_place_option
@answer_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    script: str | None,
    module: str | None,
    over: tuple[str, ...],
    sets: tuple[str, ...],
    targets: Targets,
    **options: Any,
) -> None:
    """What does a script end in under many versions of its packages?

    \b
    --over keras                     the newest release of each of its last five series
    --over "keras==3.8,3.10"         these versions
    --over keras --over jax          every combination
    --set "keras==3.8,jax==0.4.38"   a set of requirements; may be repeated

    Every set is an environment made by uv from the one that is installed, and kept. The script
    runs once in each; sets are grouped by equal initial weights, first loss, final weights and
    metric, and what rounding does is told from real changes. What was found is kept in the file of
    --json and not run again. `whydiff explain --b-with` says why two sets differ.

    Exits with 0 if there is an answer, 2 in case of trouble.
    """
    if not over and not sets:
        raise click.UsageError('Name packages or sets: --over keras, --set "keras==3.8".')
    path = check_one(script, module)
    targets.check()

    from whydiff.api.matrix import matrix
    from whydiff.report.progress import Progress

    with Progress() as progress:
        found = matrix(
            path,
            over=over,
            sets=sets,
            arguments=script_arguments(ctx),
            file=targets.kept_in,
            progress=progress,
            **options,
        )
    targets.give(replace(found, command=asked(ctx)))
