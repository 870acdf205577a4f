"""``whydiff report``: the page, or the Markdown, of an answer, a recording or a study."""

from __future__ import annotations

from pathlib import Path

import click

from whydiff.cli.answering import Targets
from whydiff.cli.options import force_option, markdown_option
from whydiff.cli.output import say
from whydiff.core.errors import WhydiffError


@click.command(name="report", short_help="Make a page of an answer or a recording.")
@click.argument("file")
@click.option(
    "--html", "html_file", metavar="PAGE", help="Where to write it: FILE.html if left out."
)
@click.option("--among", metavar="STUDY", help="Mark A and B of an explanation on these draws.")
@markdown_option
@force_option
def command(
    file: str, html_file: str | None, among: str | None, markdown_file: str | None, force: bool
) -> None:
    """Make a page to look at: one file that opens offline. --markdown makes a comment instead.

    FILE is an answer written by `--json`, a recording (`whydiff record`) or a study. Needs no
    Keras and executes nothing.
    """
    from whydiff.api.report import opened
    from whydiff.core.findings import Explanation
    from whydiff.core.study import Study

    finding = opened(file)
    study = opened(among) if among else None
    if among and not (isinstance(finding, Explanation) and isinstance(study, Study)):
        raise WhydiffError(
            f"--among marks an explanation on a study; {file} and {among} are no such pair",
            "whydiff explain --json FILE and whydiff study make them.",
        )
    targets = Targets(
        html=html_file or (None if markdown_file else str(Path(file).with_suffix(".html"))),
        markdown=markdown_file,
        force=force,
    )
    targets.check()
    targets.write(finding, file, among=study)
    if targets.html:
        say(f"the page is in {targets.html}")
