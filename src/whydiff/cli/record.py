"""``whydiff record``: watch a script train and keep what was seen in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from whydiff.cli.options import keep_option
from whydiff.cli.output import check_not_script, check_target, say
from whydiff.cli.script import ScriptCommand, check_one, module_option, script_arguments
from whydiff.cli.signals import end_by_signal
from whydiff.core.words import count

if TYPE_CHECKING:
    from whydiff.api.record import RecordResult


@click.command(cls=ScriptCommand, name="record", short_help="Watch a script train.")
@click.argument("script", required=False)
@module_option
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to keep the recording.")
@click.option("--force", is_flag=True, help="Replace FILE even if it is no recording.")
@keep_option
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Digest weights, optimizer and loss after every Nth step only: for short steps.",
)
@click.pass_context
def command(
    ctx: click.Context,
    script: str | None,
    module: str | None,
    output: str,
    force: bool,
    keep: str,
    every: int,
) -> None:
    """Run a script and record every training in it, and every evaluate and predict.

    The script's output and exit code are its own. The recording is one file; `whydiff show`
    prints what is in it and `whydiff diff` compares two.
    """
    target = check_one(script, module)
    check_target(output, "the recording")
    if script:
        check_not_script(output, Path(script))

    from whydiff.api.record import record

    result = record(
        target, script_arguments(ctx), Path(output), force=force, keep=keep, every=every
    )
    code, sealed = result.exit_code, result.sealed
    first = f"recorded in {result.path}"
    if sealed.older:
        first = f"nothing was trained; {result.path} is still the older recording"
    if result.watched:  # or it was said why not
        say("; ".join([f"{first}", *_remarks(result)]))
        if sealed.programs:
            say(sealed.programs)
    if code < 0:
        end_by_signal(-code)
    ctx.exit(code or (2 if sealed.trouble else 0))


def _remarks(result: RecordResult) -> list[str]:
    """What is not in the recording, and how the script ended where no exit code says it."""
    sealed, said = result.sealed, []
    if sealed.calls and not sealed.fits:
        said.append(f"no training, {count(sealed.calls, 'other call')}")
    elif not (sealed.fits or sealed.trouble or sealed.older):
        why = " (processes that the script starts are not watched)" * (not sealed.programs)
        said.append(f"no training was observed{why}")
    if sealed.beside:
        said.append(f"not watched: {sealed.beside} that trained beside another, in a thread")
    if sealed.replaced:
        said.append(f"not watched: what the script became by os.exec, {sealed.replaced}")
    if sealed.trouble:
        said.append(f"the recording stopped before the script did: {sealed.trouble}")
    if result.exit_code < 0:
        said.append(f"the script was ended by signal {-result.exit_code}")
    return said
