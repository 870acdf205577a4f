"""Options that several verbs have: written once, so that they mean the same everywhere."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any, TypeVar

import click

from whydiff.cli.script import Pair, Setting, Sources
from whydiff.core.errors import WhydiffError
from whydiff.core.keeping import KEEP

_Command = TypeVar("_Command", bound=Callable[..., Any])

#: as an answer's target: stdout
STDOUT = "-"


#: ``--json FILE`` or just ``--json``: the parameter ``json_file`` is a name, ``-``, or None.
json_option = click.option(
    "--json",
    "json_file",
    metavar="[FILE]",
    is_flag=False,
    flag_value=STDOUT,
    help="Write the answer as JSON, to stdout if no FILE is named.",
)


#: ``--html FILE``: the parameter ``html_file``.
html_option = click.option("--html", "html_file", metavar="FILE", help="Write a page to look at.")


#: ``--force``: the parameter ``force``.
force_option = click.option(
    "--force", is_flag=True, help="Replace a file even if whydiff did not write it."
)


#: ``--in-place``: the parameter ``in_place``.
in_place_option = click.option(
    "--in-place",
    is_flag=True,
    help="Run in the current folder itself, not on a scratch copy of it.",
)


#: ``--ignore-sources A,B``: the parameter ``ignore_sources``.
ignore_sources_option = click.option(
    "--ignore-sources",
    type=Sources(),
    default=(),
    metavar="SOURCE,...",
    help="Leave these sources out of the verdict and of fixes: version,hardware.",
)


#: ``--keep none|weights|all``: the parameter ``keep``.
keep_option = click.option(
    "--keep",
    type=click.Choice(KEEP),
    default="all",
    help="Values kept besides digests: none, the weights before and after each fit, or all.",
)


def together(*options: Callable[[Any], Any]) -> Callable[[_Command], _Command]:
    """Several options as one decorator; ``--help`` lists them in that order."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


#: ``--executor NAME`` and ``--ship PATH``: the parameters ``executor`` and ``ship``.
executor_options = together(
    click.option(
        "--executor",
        metavar="NAME",
        help="Train on workers: processes:4, dask://HOST:PORT, ray, ray://HOST:PORT, slurm.",
    ),
    click.option(
        "--ship",
        multiple=True,
        metavar="PATH",
        help="What the script needs, with its Python files; default: its whole folder (executor).",
    ),
)

#: ``--markdown FILE``: the parameter ``markdown_file``.
markdown_option = click.option(
    "--markdown",
    "markdown_file",
    metavar="FILE",
    help="Write the answer as Markdown, short enough for a comment; - is stdout.",
)

#: ``--track ADDRESS``: the parameter ``track``.
track_option = click.option(
    "--track",
    metavar="TRACKER",
    help="Write runs, with the answer, to mlflow:URI, wandb:PROJECT, tensorboard:FOLDER or "
    "trackio:PROJECT.",
)


#: ``--fits I,J``, also by name: the parameter ``fits``.
named_fits_option = click.option(
    "--fits",
    type=Pair(named=True),
    help="Compare these two fits: 1,2 or best,worst or the names of two models; 1+2+3,4 holds "
    "successive fits against one.",
)


#: ``--fits I,J``: the parameter ``fits``.
fits_option = click.option(
    "--fits", type=Pair(), help="Compare these two fits, counting from 1: --fits 1,2."
)


def environment_options(side: str = "") -> Callable[[_Command], _Command]:
    """``--python``, ``--with`` and ``--asof``, or those of a side: ``--b-python`` and so on.

    The parameters are ``python``, ``packages`` and ``as_of``, for a side with its letter before.
    """
    option, name = (f"--{side}-", f"{side}_") if side else ("--", "")
    of = f"Run {side.upper() or 'it'}"
    return together(
        click.option(f"{option}python", f"{name}python", default="", metavar="PATH",
                     help=f"{of} with this Python."),
        click.option(f"{option}with", f"{name}packages", multiple=True, metavar="REQUIREMENT",
                     help=f"{of} with another version: keras==3.10.0, or '-r requirements.txt'."),
        click.option(f"{option}asof", f"{name}as_of", default="", metavar="DATE",
                     help=f"{of} with the newest packages of a day: 2025-06-01."),
    )  # fmt: skip


def _split(ctx: click.Context, option: click.Parameter, text: str | None) -> Any:
    """Arguments written as in a shell; WhydiffError where a quotation is not closed."""
    try:
        return None if text is None else tuple(shlex.split(text))
    except ValueError as error:
        raise WhydiffError(
            f"{option.opts[0]} {text!r}: {error}", "Quote it as in a shell."
        ) from None


def arguments_option(side: str, **settings: Any) -> Callable[[_Command], _Command]:
    """``--b-args TEXT``: the parameter ``b_arguments``, words as a shell splits them."""
    return click.option(
        f"--{side}-args", f"{side}_arguments", metavar="TEXT", callback=_split, **settings
    )


def _mapping(ctx: click.Context, option: click.Parameter, pairs: Any) -> dict[str, str]:
    return dict(pairs)


#: How A and B are run: ``a_env`` (a mapping), ``a_rev`` and :func:`environment_options` of each.
sides_options = together(
    click.option("--a-env", type=Setting(), multiple=True, callback=_mapping,
                 help="Environment of A's run."),
    click.option("--b-env", type=Setting(), multiple=True, callback=_mapping,
                 help="Environment of B's run."),
    click.option("--a-rev", default="", metavar="REVISION",
                 help="Run A with a git revision's files."),
    click.option("--b-rev", default="", metavar="REVISION",
                 help="Run B with a git revision's files."),
    environment_options("a"),
    environment_options("b"),
)  # fmt: skip
#: ``--a-args`` and ``--b-args``, which come behind the arguments that both have.
further_arguments = together(
    arguments_option("a", default="", help="Further arguments of run A."),
    arguments_option("b", default="", help="Further arguments of run B."),
)
