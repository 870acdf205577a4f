"""``whydiff compare``: is B better than A, or is it seed noise?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from whydiff.cli.answering import Targets, answer_options
from whydiff.cli.options import (
    arguments_option,
    executor_options,
    fits_option,
    in_place_option,
    sides_options,
    track_option,
)
from whydiff.cli.script import (
    Duration,
    ScriptCommand,
    asked,
    check_target_script,
    modules_option,
    named_targets,
    script_arguments,
)
from whydiff.core.comparison import EXPECTATIONS
from whydiff.core.errors import WhydiffError

DIFFERENT, OPEN = 1, 3


@click.command(cls=ScriptCommand, name="compare", short_help="Decide whether B is better than A.")
@click.argument("script", required=False)
@click.argument("script_b", required=False)
@modules_option
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="WHAT=VALUE",
    help="Set for B: optimizer=sgd, learning-rate=0.01, batch-size=128, precision=..., "
    "shuffle=on or off.",
)
@click.option("--a-set", "a_settings", multiple=True, metavar="WHAT=VALUE", help="Set for A.")
@arguments_option("b", help="Arguments of B's run, in place of those after --.")
@sides_options
@fits_option
@click.option("--metric", metavar="NAME", help="The logged metric to decide by.")
@click.option(
    "--mode",
    type=click.Choice(["max", "min"]),
    help="Whether more or less of the metric is better, where its name does not say.",
)
@click.option(
    "--margin",
    type=click.FloatRange(min=0),
    default=0.0,
    help="A difference of the metric that does not matter: 0.005.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Chance of a wrong verdict, however many pairs it takes, if what is assumed is so.",
)
@click.option(
    "--assume",
    type=click.Choice(["auto", "bounded", "symmetric"]),
    default="auto",
    show_default=True,
    help="What the verdict takes for granted. bounded: only that the metric lies between 0 and 1; "
    "it allows for rare collapses and takes more pairs. symmetric: equal trainings differ as often "
    "up as down. auto: bounded for accuracy and its kin, symmetric for other metrics.",
)
@click.option(
    "--max-pairs",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="Leave it open after so many pairs.",
)
@click.option("--budget", type=Duration(), help="Leave it open after this time: 90s, 5m, 1h.")
@click.option(
    "--expect",
    type=click.Choice(EXPECTATIONS),
    help="Exit with 1 if B turns out to be something else.",
)
@click.option("--seed", type=int, default=0, help="Decides the seeds of all pairs: 0.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "fused", "solo", "process"]),
    default="auto",
    help="Replicas as one program, one after the other, or the whole script each time.",
)
@click.option("--time-limit", type=Duration(), help="For one run of a script (process): 10m.")
@executor_options
@in_place_option
@track_option
@answer_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    script: str | None,
    script_b: str | None,
    module: tuple[str, ...],
    settings: tuple[str, ...],
    a_settings: tuple[str, ...],
    expect: str | None,
    targets: Targets,
    **options: Any,
) -> None:
    """Is B better than A, or is the difference that of seeds?

    \b
    SCRIPT SCRIPT_B            two scripts
    SCRIPT --set ...           a script, and the same with a setting
    SCRIPT --b-env/--b-args    a script, and the same in another environment or with
                               other arguments
    SCRIPT --a-with/--b-with   other versions of packages (--b-with keras==3.10.0), also
                               --b-asof 2025-06-01 and --b-python PATH
    SCRIPT --a-rev/--b-rev     two git revisions of it, or one and the files as they are now
    SCRIPT --fits 1,2          two fits of one script

    Trains both with equal seeds, pair after pair, and stops as soon as it is clear: better, worse
    or, with a --margin, equivalent.

    The verdict is about the mean and assumes that pairs are independent (each has its own
    seeds). For an accuracy and its kin nothing else is assumed, so that rare collapses are
    allowed for; where that takes more than --max-pairs, the answer is open on average and says
    what holds for runs like those seen. For other metrics, and with --assume symmetric, equal
    trainings are taken to differ as often up as down. A tail of the differences is checked for:
    it asks for more evidence, and a long one leaves no verdict. Rare runs that are far off, of
    which none was seen, are then not ruled out: the answer says how rare they would have to be.
    Trainings that never differ are equivalent only after 59 pairs, when at most 5 % of pairs can
    differ.

    Exits with 0, with 1 if the verdict is not the one that
    --expect names, 3 if the question is still open, 2 in case of trouble.
    """
    # What belongs to a revision is looked for there.
    a, b = named_targets(script, script_b, module)
    target = a if options["a_rev"] else check_target_script(a)
    target_b = b if b is None or options["b_rev"] else check_target_script(b)
    targets.check()
    set_b, set_a = parse_settings(settings, "--set"), parse_settings(a_settings, "--a-set")

    from whydiff.api.compare import compare
    from whydiff.report.progress import Progress

    with Progress() as progress:
        found = compare(
            target,
            target_b,
            settings=set_b,
            a_settings=set_a,
            arguments=script_arguments(ctx),
            progress=progress,
            **options,
        )
    found = replace(found, command=asked(ctx))
    targets.give(found)
    met = found.meets(expect)
    if met is not True:
        ctx.exit(OPEN if met is None else DIFFERENT)


def parse_settings(texts: tuple[str, ...], option: str) -> dict[str, Any]:
    """``("optimizer=sgd",)`` as ``{"optimizer": "sgd"}``, checked as ``--vary`` does."""
    from whydiff.core.vary import parse_vary

    found: dict[str, Any] = {}
    for text in texts:
        try:
            varied = parse_vary(text)
        except WhydiffError as error:
            raise WhydiffError(
                str(error).replace("--vary", option),
                f"Factors by value: {option} optimizer=sgd, learning-rate=0.01, batch-size=128, "
                "precision=float64, shuffle=off.",
            ) from None
        if varied.sources:
            raise WhydiffError(
                f"{option} {text}: random sources are redrawn in every pair, not set",
                f"Write {option} optimizer=sgd or another factor.",
            )
        for name, values in varied.factors.items():
            if len(values) != 1 or name in found:
                raise WhydiffError(
                    f"{option} {name} has more than one value",
                    "Give one; `whydiff study --vary` tries several.",
                )
            found[name] = values[0]
    return found
