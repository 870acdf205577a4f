"""``whydiff diff``: compare two trainings without training any again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.cli.options import (
    further_arguments,
    ignore_sources_option,
    in_place_option,
    sides_options,
)
from whydiff.cli.script import ScriptCommand, asked, check_targets, script_arguments


@click.command(cls=ScriptCommand, name="diff", short_help="Compare two recorded fits.")
@click.argument("a", metavar="A[:I]")
@click.argument("b", metavar="[B[:J]]", required=False)
@further_arguments
@sides_options
@ignore_sources_option
@in_place_option
@answer_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    a: str,
    b: str | None,
    targets: Targets,
    **options: Any,
) -> None:
    """Compare two recorded fits: where do they first diverge, and in what do they differ?

    \b
    a.whydiff b.whydiff        two recordings: nothing is run, and no Keras is needed
    SCRIPT SCRIPT_B            two scripts, each of which is run once
    SCRIPT --a-rev/--b-rev     two git revisions of it, or one and the files as they are now
    SCRIPT --a-with/--b-with   other versions of packages (--b-with keras==3.10.0), also
                               --b-asof 2025-06-01 and --b-python PATH

    `a.whydiff:2` is the second fit in a recording; without a number it is the last. A number that
    `whydiff show` gives to a prediction or evaluation names that call. Nothing is trained again,
    so that what differs is not proven to be a cause: `whydiff explain` does that. Exits with 0 if
    both agree bit for bit, 1 if they differ, 2 in case of trouble, also where they agree as far as
    they were recorded and one of them was cut short.
    """
    targets.check()
    path, path_b = (a, b) if ".whydiff" in a else check_targets(a, b, options)

    from whydiff.api.diff import diff
    from whydiff.report.progress import Progress

    with Progress() as progress:
        given = script_arguments(ctx)
        result = diff(path, path_b, arguments=given, progress=progress, **options)
    if ".whydiff" not in a:
        result = replace(result, evidence={**result.evidence, "command": asked(ctx)})
    targets.give(result)
    if not result.identical:
        ctx.exit(1)
    ctx.exit(2 if result.incomplete else 0)
