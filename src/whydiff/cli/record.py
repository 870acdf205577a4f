"""``whydiff record``: watch a script train and keep what was seen in one file."""

from __future__ import annotations

from pathlib import Path

import click

from whydiff.cli.output import check_target
from whydiff.cli.script import ScriptCommand, check_script, script_arguments
from whydiff.core.errors import WhydiffError


@click.command(cls=ScriptCommand, name="record", short_help="Watch a script train.")
@click.argument("script")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to keep the recording.")
@click.pass_context
def command(ctx: click.Context, script: str, output: str) -> None:
    """Run a script and record every training in it.

    The script's output and exit code are its own. The recording is one file; `whydiff show`
    prints what is in it and `whydiff diff` compares two.
    """
    path = check_script(script)
    check_target(output, "the recording")
    if Path(output).exists() and Path(output).samefile(path):
        raise WhydiffError(f"{output} is the script itself", "Name another file with -o.")

    from whydiff.api.record import record

    result = record(path, script_arguments(ctx), Path(output))
    click.echo(f"whydiff: recorded in {result.path}", err=True)
    code = result.exit_code
    if code < 0:
        click.echo(f"whydiff: {script} was ended by signal {-code}", err=True)
    ctx.exit(code if code >= 0 else 128 - code)  # as a shell reports a signal
