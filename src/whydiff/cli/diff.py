"""``whydiff diff``: compare two recorded fits without training anything."""

from __future__ import annotations

import sys

import click

from whydiff.cli.options import STDOUT, force_option, html_option, json_option
from whydiff.cli.output import check_answer, write_json, write_page


@click.command(name="diff", short_help="Compare two recorded fits.")
@click.argument("a", metavar="A[:I]")
@click.argument("b", metavar="B[:J]")
@json_option
@html_option
@force_option
@click.pass_context
def command(
    ctx: click.Context, a: str, b: str, json_file: str | None, html_file: str | None, force: bool
) -> None:
    """Compare two recorded fits: where do they first diverge, and in what do they differ?

    `a.whydiff:2` is the second fit in a recording; without a number it is the last. Exits with 0
    if the fits agree bit for bit, 1 if they differ, 2 in case of trouble, also where they agree
    as far as they were recorded and one of them was cut short. Needs no Keras.
    """
    check_answer(json_file, html_file, force)

    from whydiff.api.diff import diff
    from whydiff.report import print_answer

    result = diff(a, b)
    if json_file != STDOUT:
        print_answer(result, sys.stdout)
    if json_file:
        write_json(json_file, result.to_dict())
    if html_file:
        write_page(html_file, result)
    if not result.identical:
        ctx.exit(1)
    ctx.exit(2 if result.incomplete else 0)
