"""``whydiff bisect``: where did the result change, between which two revisions or versions?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.cli.options import ignore_sources_option, in_place_option
from whydiff.cli.script import (
    Duration,
    ScriptCommand,
    asked,
    module_option,
    one_named,
    script_arguments,
)
from whydiff.core.searches import OPEN, UNREPEATABLE

_UNDECIDED = 3


@click.command(
    cls=ScriptCommand,
    name="bisect",
    short_help="Find the commit, release or day that changed a result.",
)
@click.argument("script", required=False)
@module_option
@click.option("--good", required=True, metavar="POINT", help="Where the result was as it should.")
@click.option("--bad", required=True, metavar="POINT", help="Where it is not.")
@click.option("--over", default="", metavar="asof", help="With asof: the points are days.")
@click.option(
    "--with",
    "packages",
    multiple=True,
    metavar="REQUIREMENT",
    help="At every point: keras==3.10.0, or '-r requirements.txt' as each commit has it.",
)
@click.option("--metric", metavar="NAME", help="Compare the mean of this metric, with --beyond.")
@click.option(
    "--beyond",
    type=click.FloatRange(min=0),
    metavar="X",
    help="A point differs where the metric moved by more than this.",
)
@click.option(
    "--max-pairs",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="With --beyond: skip a point if it is not clear after so many pairs.",
)
@click.option("--budget", type=Duration(), help="Of the explanation: 90s, 5m, 1h.")
@click.option("--fix", is_flag=True, help="Try a fix of what is found.")
@ignore_sources_option
@in_place_option
@answer_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    script: str | None,
    module: str | None,
    good: str,
    bad: str,
    targets: Targets,
    **options: Any,
) -> None:
    """Where did the result change?

    \b
    --good v1.2 --bad HEAD                     the commits between two revisions
    --good "keras==3.8" --bad "keras==3.15"    the releases between two versions
    --over asof --good 2025-01-01 --bad 2025-06-01
                                               what was the newest on each day between

    Runs the point in the middle, again and again: of n points at most log2(n) + 1. A point holds
    as long as it ends as the good one does, bit for bit or up to rounding, which is measured; or,
    with --metric and --beyond, as long as the metric's mean did not move by more. Points that
    cannot be run are skipped. The two points between which it changed are explained. What was
    found at a point is kept in the file of --json and not run again.

    Exits with 0 if there is an answer, 3 if it could not be told, 2 in case of trouble.
    """
    named = one_named(script, module)
    targets.check()

    from whydiff.api.bisect import bisect
    from whydiff.report.progress import Progress

    with Progress() as progress:
        found = bisect(
            named,
            good,
            bad,
            arguments=script_arguments(ctx),
            file=targets.kept_in,
            progress=progress,
            **options,
        )
    found = replace(found, command=asked(ctx))
    targets.give(found)
    if found.verdict in (OPEN, UNREPEATABLE):
        ctx.exit(_UNDECIDED)
