"""``whydiff check``: traps in a script's text, before any run."""

from __future__ import annotations

import sys

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.cli.output import check_own, say, write_json
from whydiff.core.disk import SARIF
from whydiff.core.errors import WhydiffError
from whydiff.core.problem import Checked, Problem
from whydiff.core.visible import fitted


@click.command(name="check", short_help="List traps in scripts, without running them.")
@click.argument("scripts", nargs=-1, required=True)
@click.option("--select", metavar="RULES", help="Only these: WD101,seeded-once,WD2.")
@click.option("--ignore", metavar="RULES", help="All but these.")
@click.option("--sarif", "sarif_file", metavar="FILE", help="Write SARIF 2.1.0 for code scanning.")
@answer_options
@click.option("--rules", is_flag=True, is_eager=True, expose_value=False,
              callback=lambda ctx, _, value: _list_rules(ctx) if value else None,
              help="List the rules and exit.")  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context,
    scripts: tuple[str, ...],
    select: str | None,
    ignore: str | None,
    sarif_file: str | None,
    targets: Targets,
) -> None:
    """Read scripts and list uncontrolled randomness and other traps, each with its remedy.

    Nothing is executed. A folder stands for all its *.py files; a notebook is read by its cells.
    `# whydiff: ignore[WD101]` on a line silences a rule there. Exits with 0 if nothing was found, 1
    if something was, 2 in case of trouble.
    """
    targets.check()
    if sarif_file:
        check_own(sarif_file, "the SARIF", SARIF, targets.force)

    from whydiff.api.check import check_file, files
    from whydiff.lint import selected
    from whydiff.report.documents.check import print_problems

    rules = selected(_words(select), _words(ignore))
    read = files(scripts)
    problems: list[Problem] = []
    unread: list[tuple[str, str]] = []
    for file in read:
        try:
            problems += check_file(file, rules)
        except WhydiffError as error:  # the others are read all the same
            unread.append((str(file), str(error)))
            say(f"{error}")
    checked = Checked(len(read), tuple(problems), tuple(unread))
    targets.give(checked, show=lambda: print_problems(checked, sys.stdout))
    if sarif_file:
        from whydiff.report.sarif import sarif

        write_json(sarif_file, sarif(checked, rules), "--sarif")
    ctx.exit(2 if unread else 1 if problems else 0)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(w.strip() for w in (text or "").split(",") if w.strip())


def _list_rules(ctx: click.Context) -> None:
    from whydiff.lint import RULES

    for rule in RULES:
        click.echo(fitted(f"{rule.id}  {rule.name}: {rule.title}", sys.stdout))
    ctx.exit(0)
