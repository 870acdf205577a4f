"""``whydiff check``: traps in a script's text, before any run."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from whydiff.cli.options import STDOUT, force_option, json_option
from whydiff.cli.output import check_answer, say, write_json
from whydiff.core.errors import WhydiffError


@click.command(name="check", short_help="List traps in scripts, without running them.")
@click.argument("scripts", nargs=-1, required=True)
@click.option("--select", metavar="RULES", help="Only these: WD101,seeded-once,WD2.")
@click.option("--ignore", metavar="RULES", help="All but these.")
@json_option
@force_option
@click.option("--rules", is_flag=True, is_eager=True, expose_value=False,
              callback=lambda ctx, _, value: _list_rules(ctx) if value else None,
              help="List the rules and exit.")  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context,
    scripts: tuple[str, ...],
    select: str | None,
    ignore: str | None,
    json_file: str | None,
    force: bool,
) -> None:
    """Read scripts and list uncontrolled randomness and other traps, each with its remedy.

    Nothing is executed. A folder stands for all its *.py files; a notebook is read by its cells.
    `# whydiff: ignore[WD101]` on a line silences a rule there. Exits with 0 if nothing was found, 1
    if something was, 2 in case of trouble.
    """
    check_answer(json_file, force=force)

    from whydiff.api.check import check_file, files
    from whydiff.lint import selected
    from whydiff.report.problems import print_problems

    rules = selected(_words(select), _words(ignore))
    read = files(scripts)
    problems = []
    unread: list[dict[str, str]] = []
    for file in read:
        try:
            problems += check_file(file, rules)
        except WhydiffError as error:  # the others are read all the same
            unread.append({"file": str(file), "why": str(error)})
            say(f"{error}")
    if json_file != STDOUT:
        print_problems(problems, len(read) - len(unread), sys.stdout)
    if json_file:
        findings = [asdict(p) for p in problems]
        answer = {"schema": 1, "scripts": len(read), "findings": findings, "unread": unread}
        write_json(json_file, answer)
    ctx.exit(2 if unread else 1 if problems else 0)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(w.strip() for w in (text or "").split(",") if w.strip())


def _list_rules(ctx: click.Context) -> None:
    from whydiff.lint import RULES

    for rule in RULES:
        click.echo(f"{rule.id}  {rule.name}: {rule.title}")
    ctx.exit(0)
