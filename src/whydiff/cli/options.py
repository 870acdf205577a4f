"""Options that several verbs have: written once, so that they mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from whydiff.cli.script import Pair, Sources
from whydiff.core.keeping import KEEP

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Decorator = Callable[[_Command], _Command]

#: as an answer's target: stdout
STDOUT = "-"


def json_option(command: _Command) -> _Command:
    """``--json FILE`` or just ``--json``: the parameter ``json_file`` is a name, ``-``, or None."""
    decorate: _Decorator[_Command] = click.option(
        "--json",
        "json_file",
        metavar="[FILE]",
        is_flag=False,
        flag_value=STDOUT,
        help="Write the answer as JSON, to stdout if no FILE is named.",
    )
    return decorate(command)


def html_option(command: _Command) -> _Command:
    """``--html FILE``: the parameter ``html_file``."""
    decorate: _Decorator[_Command] = click.option(
        "--html", "html_file", metavar="FILE", help="Write a page to look at."
    )
    return decorate(command)


def force_option(command: _Command) -> _Command:
    """``--force``: the parameter ``force``."""
    decorate: _Decorator[_Command] = click.option(
        "--force", is_flag=True, help="Replace a file even if whydiff did not write it."
    )
    return decorate(command)


def in_place_option(command: _Command) -> _Command:
    """``--in-place``: the parameter ``in_place``."""
    decorate: _Decorator[_Command] = click.option(
        "--in-place",
        is_flag=True,
        help="Run in the current folder itself, not on a scratch copy of it.",
    )
    return decorate(command)


def ignore_sources_option(command: _Command) -> _Command:
    """``--ignore-sources A,B``: the parameter ``ignore_sources``."""
    decorate: _Decorator[_Command] = click.option(
        "--ignore-sources",
        type=Sources(),
        default=(),
        metavar="SOURCE,...",
        help="Leave these sources out of the verdict and of fixes: version,hardware.",
    )
    return decorate(command)


def keep_option(command: _Command) -> _Command:
    """``--keep none|weights|all``: the parameter ``keep``."""
    decorate: _Decorator[_Command] = click.option(
        "--keep",
        type=click.Choice(KEEP),
        default="all",
        help="Values kept besides digests: none, the weights before and after each fit, or all.",
    )
    return decorate(command)


def executor_options(command: _Command) -> _Command:
    """``--executor NAME`` and ``--ship PATH``: the parameters ``executor`` and ``ship``."""
    place: _Decorator[_Command] = click.option(
        "--executor",
        metavar="NAME",
        help="Train on workers: processes:4, dask://HOST:PORT, ray, ray://HOST:PORT, slurm.",
    )
    files: _Decorator[_Command] = click.option(
        "--ship",
        multiple=True,
        metavar="PATH",
        help="What the script needs, with its Python files; default: its whole folder (executor).",
    )
    return place(files(command))


def track_option(command: _Command) -> _Command:
    """``--track ADDRESS``: the parameter ``track``."""
    decorate: _Decorator[_Command] = click.option(
        "--track",
        metavar="TRACKER",
        help="Write runs, with the answer, to mlflow:URI, wandb:PROJECT, tensorboard:FOLDER or "
        "trackio:PROJECT.",
    )
    return decorate(command)


def named_fits_option(command: _Command) -> _Command:
    """``--fits I,J``, also by name: the parameter ``fits``."""
    decorate: _Decorator[_Command] = click.option(
        "--fits",
        type=Pair(named=True),
        help="Compare these two fits: 1,2 or best,worst or the names of two models; 1+2+3,4 holds "
        "successive fits against one.",
    )
    return decorate(command)


def fits_option(command: _Command) -> _Command:
    """``--fits I,J``: the parameter ``fits``."""
    decorate: _Decorator[_Command] = click.option(
        "--fits", type=Pair(), help="Compare these two fits, counting from 1: --fits 1,2."
    )
    return decorate(command)


def environment_options(side: str = "") -> Callable[[_Command], _Command]:
    """``--python``, ``--with`` and ``--asof``, or those of a side: ``--b-python`` and so on.

    The parameters are ``python``, ``packages`` and ``as_of``, for a side with its letter before.
    """
    option, name = (f"--{side}-", f"{side}_") if side else ("--", "")
    of = f"Run {side.upper() or 'it'}"
    decorators: list[Callable[[Any], Any]] = [
        click.option(f"{option}python", f"{name}python", default="", metavar="PATH",
                     help=f"{of} with this Python."),
        click.option(f"{option}with", f"{name}packages", multiple=True, metavar="REQUIREMENT",
                     help=f"{of} with another version: keras==3.10.0, or '-r requirements.txt'."),
        click.option(f"{option}asof", f"{name}as_of", default="", metavar="DATE",
                     help=f"{of} with the newest packages of a day: 2025-06-01."),
    ]  # fmt: skip

    def decorate(command: _Command) -> _Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate
