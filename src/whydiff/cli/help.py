"""``whydiff help``: what the catalogue says of a source, a mechanism or a rule."""

from __future__ import annotations

import sys

import click

from whydiff.cli.group import VERBS


@click.command(name="help", short_help="Explain a source, a mechanism or a rule.")
@click.argument("word", required=False)
@click.pass_context
def command(ctx: click.Context, word: str | None) -> None:
    """Print the catalogue's entry of a source of difference (data-order), of a mechanism that an
    answer names (batchnorm-not-converged), or of a rule of check (WD101).

    Without a word it lists the sources. The same entries are pages of the documentation.
    """
    parent = ctx.parent
    if word in VERBS and parent is not None and isinstance(parent.command, click.Group):
        verb = parent.command.get_command(parent, word)
        if verb is not None:
            click.echo(verb.get_help(click.Context(verb, info_name=word, parent=parent)))
            return

    from whydiff.report.documents.catalogue import entry, overview
    from whydiff.report.terminal import screen_blocks, write

    write(screen_blocks(entry(word) if word else overview()), sys.stdout)
