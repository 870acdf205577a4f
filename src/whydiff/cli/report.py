"""``whydiff report``: the page of an answer, a recording or a study."""

from __future__ import annotations

from pathlib import Path

import click

from whydiff.cli.options import force_option
from whydiff.cli.output import check_page, say, write_page
from whydiff.core.errors import WhydiffError


@click.command(name="report", short_help="Make a page of an answer or a recording.")
@click.argument("file")
@click.option(
    "--html", "html_file", metavar="PAGE", help="Where to write it: FILE.html if left out."
)
@click.option("--among", metavar="STUDY", help="Mark A and B of an explanation on these draws.")
@force_option
def command(file: str, html_file: str | None, among: str | None, force: bool) -> None:
    """Make a page to look at: one file that opens offline.

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
    target = html_file or str(Path(file).with_suffix(".html"))
    check_page(target, force)
    write_page(target, finding, file, study)
    say(f"the page is in {target}")
