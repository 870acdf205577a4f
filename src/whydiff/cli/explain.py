"""``whydiff explain``: from a script to the proven causes of a difference."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from whydiff.cli.answering import TARGET_OPTIONS, Targets, answer_options
from whydiff.cli.options import (
    further_arguments,
    ignore_sources_option,
    in_place_option,
    keep_option,
    named_fits_option,
    sides_options,
    track_option,
)
from whydiff.cli.script import (
    Duration,
    Pair,
    ScriptCommand,
    check_targets,
    modules_option,
    named_targets,
    script_arguments,
    without_lines,
)
from whydiff.cli.settings import unused_settings
from whydiff.core.question import FitName, fit_name


@click.command(
    cls=ScriptCommand, name="explain", short_help="Find and prove why two trainings differ."
)
@click.argument("script", required=False)
@click.argument("script_b", required=False)
@modules_option
@named_fits_option
@click.option(
    "--calls", type=Pair("calls"), help="Compare these two calls; `whydiff calls` numbers them."
)
@click.option("--runs", is_flag=True, help="Compare two runs of the script.")
@further_arguments
@sides_options
@click.option("--metric", metavar="NAME", help="The metric to tell the gap in.")
@click.option("--budget", type=Duration(), help="Time for all that is run: 90s, 5m, 1h.")
@click.option(
    "--inputs",
    "--probe",
    "inputs",
    default="",
    metavar="FILE",
    type=click.Path(),
    help="Let saved models predict on this .npy.",
)
@ignore_sources_option
@click.option("--zoom", is_flag=True, help="Find the first layer, gradient or slot that differs.")
@click.option("--no-fix", is_flag=True, help="Do not run the script again to try a fix.")
@click.option(
    "--runs-of",
    "runs_of",
    metavar="RUNS",
    help="Compare two runs of a tracker in place of scripts: mlflow:RUN_A,RUN_B.",
)
@in_place_option
@keep_option
@track_option
@answer_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    script: str | None,
    script_b: str | None,
    module: tuple[str, ...],
    fits: tuple[FitName, FitName] | None,
    calls: tuple[int, int] | None,
    runs: bool,
    no_fix: bool,
    track: str | None,
    runs_of: str | None,
    targets: Targets,
    **options: Any,
) -> None:
    """Why do two trainings differ?

    \b
    SCRIPT SCRIPT_B            the first fits of two scripts that differ
    SCRIPT --a-env/--b-env     two runs under two environments
    SCRIPT --a-args/--b-args   two runs with other arguments
    SCRIPT --a-with/--b-with   other versions of packages (--b-with keras==3.10.0), also
                               --b-asof 2025-06-01 and --b-python PATH
    SCRIPT --a-rev/--b-rev     two git revisions of it, or one and the files as they are now
    SCRIPT with several fits   its first two independent fits that differ (--fits picks; of
                               one model trained in parts, --fits 1+2+3,4 holds all parts)
    SCRIPT otherwise           two runs of it (--runs forces that)
    train.ipynb                a notebook in place of a script, cell by cell
    --runs-of mlflow:A,B       two runs of a tracker, by their ids; wandb:PROJECT#A,B and so on
    a.whydiff b.whydiff        two recordings: nothing is run, causes are suspected
    last_week.whydiff train.py a recording and a script: from the recorded weights and orders
    a.keras b.keras            two saved models: settings, weights, predictions (--inputs x.npy)
    -m MODULE                  in place of a script, as with python -m; so is the name of an
                               installed command, and tests/test_model.py::test_fit

    Finds the first divergence, trains again with one source of difference changed at a time, and
    tries a fix. Exits with 0 if there is an answer, 2 in case of trouble.
    """
    if runs_of is not None:
        _give_runs(ctx, runs_of, track, targets)
        return
    script, script_b = named_targets(script, script_b, module)
    sides = any(value for name, value in options.items() if name.startswith(("a_", "b_")))
    _check_combination(script_b, fits, runs, sides)
    script, script_b, lines = without_lines(script, script_b)
    path, path_b = check_targets(script, script_b, options)
    targets.check()

    from whydiff.api.explain import explain, usable_with
    from whydiff.report.progress import Progress

    asked: dict[str, Any] = {
        "fits": fits,
        "calls": calls,
        "lines": lines,
        "runs": runs,
        "arguments": script_arguments(ctx),
        "fix": not no_fix,
        **options,
    }
    usable = {*usable_with([str(p) for p in (path, path_b) if p]), "ignore_sources"}
    for name in unused_settings(ctx, asked, usable):
        del asked[name]
    with Progress() as progress:
        explanation = explain(path, path_b, **asked, track=track, progress=progress)
    targets.give(explanation)


def _give_runs(ctx: click.Context, runs: str, track: str | None, targets: Targets) -> None:
    """Answer ``--runs-of``, which takes no script and nothing that says how one is run."""
    given = [
        parameter.opts[-1] if isinstance(parameter, click.Option) else "a script"
        for parameter in ctx.command.params
        if parameter.name in ctx.params
        and ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        and parameter.name not in ("runs_of", "track", *TARGET_OPTIONS)
    ]
    if given:
        raise click.UsageError(f"--runs-of compares runs of a tracker, without {given[0]}.")
    targets.check()

    from whydiff.api.runs import explain_runs
    from whydiff.report.progress import Progress

    with Progress() as progress:
        found = explain_runs(runs, track=track, progress=progress)
    targets.give(found)


def _check_combination(
    script_b: str | None, fits: tuple[FitName, FitName] | None, runs: bool, environments: bool
) -> None:
    if runs and script_b:
        raise click.UsageError(f"--runs compares two runs of one script, not {script_b} too.")
    if fits and fits[0] == fits[1] and not (script_b or runs or environments):
        raise click.UsageError(
            f"--fits {fit_name(fits[0])},{fit_name(fits[1])} compares a fit with itself; "
            "add --runs to compare it between two runs."
        )
