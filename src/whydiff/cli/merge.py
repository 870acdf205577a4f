"""``whydiff merge``: the parts of a study, trained on several machines, as one study."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from whydiff.cli.options import STDOUT, force_option, html_option, json_option
from whydiff.cli.output import check_answer, check_target, say, write_json, write_page


@click.command(name="merge", short_help="Put parts of a study together.")
@click.argument("parts", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output", metavar="FILE", required=True, help="The study file to write.")
@click.option("--metric", metavar="NAME", help="The logged metric to study.")
@json_option
@html_option
@force_option
@click.option("--verbose", is_flag=True, help="Show all the evidence.")
def command(
    parts: tuple[str, ...],
    output: str,
    metric: str | None,
    json_file: str | None,
    html_file: str | None,
    force: bool,
    verbose: bool,
) -> None:
    """Put the parts that `whydiff study --shard 1/8`, `2/8`, ... wrote together as one study.

    On equal processors the result equals the study that one machine would have trained, bit for
    bit. A part that is missing may follow later: the answer says which, and `whydiff study
    --resume` trains it here. Parts of another study, and a replica that two parts hold, are
    refused.
    """
    check_answer(json_file, html_file, force)
    check_target(output, "the study")

    from whydiff.api.merge import merge

    found = merge(parts, output, metric)
    if json_file != STDOUT:
        from whydiff.report import print_answer

        print_answer(found, sys.stdout, verbose=verbose)
        say(f"every replica is in {Path(output)}")
    if json_file:
        write_json(json_file, found.to_dict())
    if html_file:
        write_page(html_file, found, output)
