"""``whydiff calls``: what can be compared in a script, numbered."""

from __future__ import annotations

from pathlib import Path

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.cli.options import in_place_option
from whydiff.cli.script import (
    ScriptCommand,
    check_target_script,
    module_option,
    one_named,
    script_arguments,
)


@click.command(
    cls=ScriptCommand, name="calls", short_help="List what can be compared in a script, numbered."
)
@click.argument("script", required=False)
@module_option
@in_place_option
@answer_options
@click.pass_context
def command(
    ctx: click.Context, script: str | None, module: str | None, in_place: bool, targets: Targets
) -> None:
    """List every fit, evaluate, predict and model called in a script, in order and numbered.

    The numbers are those that `whydiff explain SCRIPT --calls I,J` and `--fits I,J` take. The
    script runs once, as it is; a recording in its place is read, as `whydiff show` does.

    Exits with 0 if there is a list, 2 in case of trouble.
    """
    named = one_named(script, module)
    is_recording = Path(named).suffix == ".whydiff" and Path(named).is_file()
    path = named if is_recording else check_target_script(named)
    targets.check()

    from whydiff.api.calls import calls
    from whydiff.report import execution_dict
    from whydiff.report.progress import Progress

    with Progress() as progress:
        execution = calls(path, script_arguments(ctx), in_place, progress)
    source = named if is_recording else ""
    targets.give(execution, source, execution_dict(execution))
