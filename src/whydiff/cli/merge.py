"""``whydiff merge``: the parts of a study, trained on several machines, as one study."""

from __future__ import annotations

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.cli.output import check_target, say


@click.command(name="merge", short_help="Put parts of a study together.")
@click.argument("parts", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output", metavar="FILE", required=True, help="The study file to write.")
@click.option("--metric", metavar="NAME", help="The logged metric to study.")
@answer_options
def command(parts: tuple[str, ...], output: str, metric: str | None, targets: Targets) -> None:
    """Put the parts that `whydiff study --shard 1/8`, `2/8`, ... wrote together as one study.

    On equal processors the result equals the study that one machine would have trained, bit for
    bit. A part that is missing may follow later: the answer says which, and `whydiff study
    --resume` trains it here. Parts of another study, and a replica that two parts hold, are
    refused.
    """
    targets.check()
    check_target(output, "the study")

    from whydiff.api.merge import merge

    targets.give(merge(parts, output, metric), output)
    if targets.prints:
        say(f"every replica is in {output}")
