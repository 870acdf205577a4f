"""``whydiff verify``: is it still the training that was locked?"""

from __future__ import annotations

from typing import Any

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.cli.options import environment_options, ignore_sources_option, in_place_option
from whydiff.cli.script import (
    Duration,
    ScriptCommand,
    check_one,
    module_option,
    script_arguments,
)


@click.command(cls=ScriptCommand, name="verify", short_help="Is it still the locked training?")
@click.argument("script", required=False)
@module_option
@click.option("--lock", metavar="FILE", help="The lock; train.lock beside train.py.")
@click.option(
    "--require",
    type=click.Choice(["bitwise", "rounding", "statistical"]),
    default="bitwise",
    help="The level to demand; bitwise by default.",
)
@click.option("--metric", metavar="NAME", help="The logged metric for the level statistical.")
@click.option(
    "--margin",
    type=float,
    metavar="X",
    help="How far its means may be apart, in its "
    "unit; default: 1 standard deviation of a reseeded training.",
)
@click.option(
    "--a-rev", default="", metavar="REVISION",
    help="Explain a failure against this git revision; default: that of the lock.",
)  # fmt: skip
@click.option("--no-explain", is_flag=True, help="Only say that it differs; run nothing more.")
@click.option(
    "--budget", type=Duration(), default="10m", show_default=True,
    help="Time for the explanation.",
)  # fmt: skip
@ignore_sources_option
@in_place_option
@environment_options()
@answer_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    script: str | None,
    module: str | None,
    margin: float | None,
    no_explain: bool,
    targets: Targets,
    **options: Any,
) -> None:
    """Train a script again and compare with its lock, at the strictest level that holds.

    \b
    bitwise      every initial value, batch, step, log and weight agrees bit for bit
    rounding     the same data and settings; no further apart than one ULP makes it
    statistical  replicas with other seeds have the same mean, within a margin

    The level statistical assumes that the metric of replicas is close to normal; it is right with
    95 % on either side of the margin. With the default margin it takes some 23 replicas in the
    lock (whydiff lock --replicas 23) to find equal trainings equal.

    If the required level does not hold, an explanation follows: the script is run as it was in the
    git revision that holds the lock (--a-rev names another one, such as the base of a pull
    request) and as it is now, and hybrids of both say what caused it.

    Exits with 0 if the required level holds, 1 if it does not, 2 in case of trouble, 3 if it
    cannot be decided. Arguments after -- are the script's; without them those of the lock.
    """
    target = check_one(script, module)
    targets.check()
    if margin is not None and margin <= 0:
        raise click.UsageError(f"--margin {margin} leaves no room; give a positive number.")

    from whydiff.api.verify import verify
    from whydiff.report.progress import Progress

    with Progress() as progress:
        result = verify(
            target,
            script_arguments(ctx) or None,
            margin=margin,
            explain=not no_explain,
            progress=progress,
            **options,
        )
    targets.give(result)
    ctx.exit(result.exit_code)
