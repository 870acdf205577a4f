"""``whydiff lock``: keep what identifies a training in a small file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from whydiff.cli.options import executor_options, force_option, in_place_option
from whydiff.cli.output import check_not_script, check_target, say
from whydiff.cli.script import (
    Duration,
    ScriptCommand,
    check_one,
    module_option,
    script_arguments,
)


@click.command(cls=ScriptCommand, name="lock", short_help="Keep a training as the reference.")
@click.argument("script", required=False)
@module_option
@click.option("-o", "--output", metavar="FILE", help="The lock; train.lock beside train.py.")
@click.option(
    "--replicas",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Also train N times with other seeds, for `verify --require statistical`: 23 "
    "tell equal trainings within its default margin.",
)
@click.option(
    "--budget",
    type=Duration(),
    help="For all that is run: 90s, 5m, 1h; replicas trained by then are kept.",
)
@executor_options
@force_option
@in_place_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    script: str | None,
    module: str | None,
    output: str | None,
    **options: Any,
) -> None:
    """Train a script and keep the training as the reference that `whydiff verify` compares with.

    The lock is text, small enough to commit and to review: settings, surroundings, and of every fit
    what it logged and digests. The file .lock.details beside it, to be committed too, holds what
    verify needs to say where and how far a training differs. Locking an unchanged training writes
    the same text again.
    """
    target = check_one(script, module)
    if output:
        check_target(output, "the lock")
        if script:
            check_not_script(output, Path(script))

    from whydiff.api.lock import lock
    from whydiff.report.progress import Progress
    from whydiff.storage.lockread import details_path

    with Progress() as progress:
        written = lock(target, script_arguments(ctx), output, progress=progress, **options)
    size = written.stat().st_size + details_path(written).stat().st_size
    say(f"locked in {written} and {details_path(written).name} ({size / 1000:.0f} kB); commit both")
