"""``whydiff diff``: compare two recorded fits without training anything."""

from __future__ import annotations

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.cli.options import ignore_sources_option


@click.command(name="diff", short_help="Compare two recorded fits.")
@click.argument("a", metavar="A[:I]")
@click.argument("b", metavar="B[:J]")
@ignore_sources_option
@answer_options
@click.pass_context
def command(
    ctx: click.Context, a: str, b: str, ignore_sources: tuple[str, ...], targets: Targets
) -> None:
    """Compare two recorded fits: where do they first diverge, and in what do they differ?

    `a.whydiff:2` is the second fit in a recording; without a number it is the last. A number that
    `whydiff show` gives to a prediction or evaluation names that call. Exits with 0 if both agree
    bit for bit, 1 if they differ, 2 in case of trouble, also where they agree as far as they were
    recorded and one of them was cut short. Needs no Keras.
    """
    targets.check()

    from whydiff.api.diff import diff

    result = diff(a, b, ignore_sources=ignore_sources)
    targets.give(result)
    if not result.identical:
        ctx.exit(1)
    ctx.exit(2 if result.incomplete else 0)
