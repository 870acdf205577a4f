"""``whydiff report``: the page of an answer, a recording or a study."""

from __future__ import annotations

from pathlib import Path

import click

from whydiff.cli.output import check_target, write_page


@click.command(name="report", short_help="Make a page of an answer or a recording.")
@click.argument("file")
@click.option(
    "--html", "html_file", metavar="PAGE", help="Where to write it: FILE.html if left out."
)
def command(file: str, html_file: str | None) -> None:
    """Make a page to look at: one file that opens offline.

    FILE is an answer written by `--json`, a recording (`whydiff record`) or a study. Needs no
    Keras and executes nothing.
    """
    target = html_file or str(Path(file).with_suffix(".html"))
    check_target(target, "the page")

    from whydiff.workflows.report import opened

    finding = opened(file)
    write_page(target, finding, file)
    click.echo(f"whydiff: the page is in {target}", err=True)
