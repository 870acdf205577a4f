"""The group of verbs, and how trouble and Ctrl-C reach a person: one message, never a traceback."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from whydiff import __version__
from whydiff.cli.output import say
from whydiff.cli.signals import end_by_signal, end_in_order
from whydiff.core.errors import Terminated, WhydiffError
from whydiff.core.visible import fitted, spelled

VERBS = (
    "explain",
    "study",
    "compare",
    "merge",
    "bisect",
    "matrix",
    "check",
    "lock",
    "verify",
    "record",
    "calls",
    "show",
    "diff",
    "report",
    "help",
    "completion",
)

#: what Ctrl-C leaves behind, where the workflow does not say it better
KEPT: dict[str, str] = {
    "explain": "nothing was concluded; run the command again, or give it a limit with --budget",
    "study": "nothing was trained yet; run the command again",
    "compare": "nothing was trained yet; run the command again",
    "bisect": "what was found until now is in the file of --json: the same command goes on from it",
    "matrix": "what was found until now is in the file of --json: the same command goes on from it",
    "record": "what was recorded until now is in the file given by -o: `whydiff show` reads it",
    "calls": "nothing was listed; run the command again",
    "lock": "no lock was written",
    "merge": "no merged study was written",
}


#: verbs that only read: whatever goes wrong there has its cause in the files
READ_FILES = frozenset({"show", "diff", "report", "check", "merge"})
_FILES = "whydiff.files"
#: Expressions of a script are as deep as they are; Python's own limit is for runaway recursion.
_RECURSION_LIMIT = 5000

#: verbs that run a script in a process of its own, which takes pipes that Windows lacks
RUN_SCRIPTS = frozenset(
    {"explain", "study", "compare", "bisect", "matrix", "lock", "verify", "record", "calls"}
)


class Trouble(click.ClickException):
    """A message and a way out on stderr, exit code 2."""

    exit_code = 2

    def __init__(self, message: str, way_out: str = "") -> None:
        super().__init__(message)
        self.way_out = way_out

    def show(self, file: Any = None) -> None:
        """Print ``whydiff: message`` and, indented, the way out."""
        lines = (f"whydiff: {self.message}", *(f"  {line}" for line in self.way_out.splitlines()))
        for line in lines:
            click.echo(fitted(spelled(line), file or sys.stderr), err=True, file=file)


def _meant(word: str) -> str:
    """The way out for a word that is no verb: a script without one, or a slip of the keys."""
    if word.endswith((".py", ".ipynb", ".whydiff", ".keras")):
        verb = "show" if word.endswith(".whydiff") else "explain"
        return f"Did you mean `whydiff {verb} {word}`? `whydiff --help` lists the verbs."
    close = difflib.get_close_matches(word, VERBS, 1)
    question = f"Did you mean `whydiff {close[0]}`? " if close else ""
    return f"{question}`whydiff --help` lists the verbs."


class Verbs(click.Group):
    """Loads a verb's module when the verb is used, so that ``--help`` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, most useful first."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command ``name``, or None if there is no such verb."""
        if name not in VERBS:
            return None
        module = importlib.import_module(f"whydiff.cli.{name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that ``args`` name, if it can be used on this platform."""
        unknown = args[0] not in VERBS and not args[0].startswith("-")
        if unknown and not ctx.resilient_parsing:  # a word that is completed is no slip
            raise Trouble(f"there is no verb {args[0]!r}", _meant(args[0]))
        name, command, rest = super().resolve_command(ctx, args)
        ctx.meta[_FILES] = [word for word in rest if not word.startswith("-")]
        if name in RUN_SCRIPTS and sys.platform == "win32" and not {"-h", "--help"} & set(rest):
            raise Trouble(
                f"{name} runs a script, which is not supported on Windows",
                "Use it in WSL (Windows Subsystem for Linux). check, show, diff and report run "
                "here.",
            )
        if name and command and not {"-h", "--help"} & set(rest):
            from whydiff.cli.settings import defaults

            ctx.default_map = {name: defaults(name, command, VERBS)}
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; its own kinds of trouble become exit codes 2 and 130."""
        end_in_order()
        _stand_in_for_closed_streams()
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, _RECURSION_LIMIT))
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # a disk that is full says so now, not when Python ends
            return result
        except click.ClickException as error:
            vars(error)["message"] = spelled(error.message)
            raise
        except (click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:  # the reader has seen enough; 1 would mean that something differs
            _discard_output()
            ctx.exit(2)
        except OSError as error:
            if error.filename is not None:
                raise Trouble(
                    f"{spelled(str(error.filename))}: {error.strerror or error}",
                    "Look whether it is there, who may read and write it, and whether its disk is "
                    "full.",
                ) from None
            _discard_output()
            raise Trouble(
                f"cannot write the answer: {error.strerror or error}",
                "Free some space, or send the output elsewhere.",
            ) from None
        except WhydiffError as error:
            raise Trouble(str(error), error.way_out) from None
        except Terminated as stop:
            end_by_signal(stop.number)
        except KeyboardInterrupt as stop:
            # A workflow that kept something says so in the exception it lets through.
            kept = str(stop) or KEPT.get(ctx.invoked_subcommand or "", "nothing was changed")
            click.echo(err=True)
            say(f"interrupted; {kept}")
            ctx.exit(130)
        except Exception as error:
            raise _fault(ctx, error) from None
        finally:
            sys.setrecursionlimit(limit)


def _fault(ctx: click.Context, error: Exception) -> Trouble:
    """Whatever nobody foresaw: exit code 2, never 1, which means that something differs."""
    detail = f"{type(error).__name__}: {error}"[:300]
    verb = ctx.invoked_subcommand or ""
    if verb in READ_FILES:
        files = " or ".join(word for word in ctx.meta.get(_FILES, ()) if _exists(word))
        return Trouble(
            f"{files or 'a file'} is damaged, or holds what whydiff cannot read: {detail}",
            "Make the file again, or restore a copy. If whydiff wrote it and nothing changed it, "
            "please report this.",
        )
    traceback.print_exception(error)
    return Trouble(
        f"{verb} failed by a fault of its own: {detail}", "Please report this with the lines above."
    )


def _exists(word: str) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return Path(word.rpartition(":")[0] if ":" in word else word).exists()
    return False


def _stand_in_for_closed_streams() -> None:
    """What was closed by who called us (``>&-``) is no stream at all: writing must fail as OSError.

    Nobody misses what goes to a closed stderr.
    """
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _discard_output() -> None:
    """What could not be written must not be tried again when Python ends."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="whydiff")
def main() -> None:
    """Why do two Keras trainings differ?

    Watches unmodified scripts train, finds where two trainings first diverge, confirms the causes
    by training again with one thing changed at a time, and tries a fix.
    """
