"""``whydiff study``: how much do results vary from run to run, and because of what?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.cli.options import environment_options, executor_options, in_place_option, track_option
from whydiff.cli.output import check_target, say
from whydiff.cli.script import (
    Duration,
    ScriptCommand,
    check_one,
    module_option,
    script_arguments,
)


@click.command(
    cls=ScriptCommand, name="study", short_help="Measure how much results vary, and why."
)
@click.argument("script", required=False)
@module_option
@click.option(
    "--vary",
    multiple=True,
    metavar="WHAT",
    help="Random sources to redraw (initialization,data-order,noise; split, data-content=kfold=5, "
    "data-content=bootstrap, arithmetic=one-ulp), or a factor's values (optimizer=adam,sgd, "
    "batch-size=32,128, learning-rate=..., precision=..., shuffle=on,off). Default: all random "
    "sources of the script.",
)
@click.option("--blocks", type=click.IntRange(min=0), help="How often everything is redrawn: 20.")
@click.option("--seed", type=int, help="Decides all the seeds drawn: 0.")
@click.option("--metric", metavar="NAME", help="The logged metric to study.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "fused", "solo", "process"]),
    default="auto",
    metavar="ENGINE",
    help="fused: replicas as one program; solo: one after the other; process: the whole script "
    "each time; auto: the first that works.",
)
@click.option("--fit", type=click.IntRange(min=1), help="Which fit of the script, from 1.")
@click.option(
    "-o", "--output", metavar="FILE", help="The study file; default SCRIPT.study.whydiff."
)
@click.option("--resume", is_flag=True, help="Go on with the study in the file.")
@click.option("--time-limit", type=Duration(), help="For one run of the script: 10m.")
@click.option(
    "--budget",
    type=Duration(),
    help="Begin no replica after this time: 90s, 5m, 1h; --resume goes on.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Runs of the script at a time (process)."
)
@click.option(
    "--shard",
    metavar="I/N",
    help="Train one of N parts, as in 2/8; `whydiff merge` puts them together.",
)
@executor_options
@in_place_option
@environment_options()
@track_option
@answer_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    script: str | None,
    module: str | None,
    output: str | None,
    resume: bool,
    targets: Targets,
    **options: Any,
) -> None:
    """How much do the results of a training vary, and because of which source?

    Runs the script once, watched, then trains replicas of its fit: in every block a base, each
    random source redrawn alone, all the others redrawn, and all redrawn. Fixed factors are
    crossed with the same seeds. Every replica is kept in the study file; `whydiff show` reads
    it, --resume goes on after an interruption or with more --blocks.

    Intervals are 95 % and assume that blocks are independent (each draws its own seeds) and that
    the metric of runs is not far from normal; numbers that never varied get an interval that says
    how often another may come. 20 blocks explore, 50 support a claim, below 5 there is next to
    no interval.
    """
    named = check_one(script, module)
    targets.check()
    like = Path(script or str(module).replace(".", "/"))
    file = Path(output) if output else default_file(like, resume)
    check_target(str(file), "the study")

    from whydiff.api.study import study
    from whydiff.report.progress import Progress

    with Progress() as progress:
        found = study(
            named,
            output=file,
            resume=resume,
            arguments=script_arguments(ctx),
            progress=progress,
            **options,
        )
    targets.give(found, str(file))
    if targets.prints:
        say(f"every replica is in {file}")


def default_file(script: Path, resume: bool) -> Path:
    """The first free of ``train.study.whydiff``, ``train.study-2.whydiff``, ... in the current
    folder; with ``resume`` the last that is there."""
    number, last = 1, Path(f"{script.stem}.study.whydiff")
    while True:
        name = Path(f"{script.stem}.study{'' if number == 1 else f'-{number}'}.whydiff")
        if not name.exists():
            return last if resume else name
        number, last = number + 1, name
