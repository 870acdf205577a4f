"""What the verbs that run a script share: its arguments after ``--``, and a look at its file."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from whydiff.core.disk import kind_of_file
from whydiff.core.errors import WhydiffError
from whydiff.core.question import FitName
from whydiff.script_text.reading import read_script

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_ARGUMENTS = "whydiff.arguments"
_WORDS = "whydiff.words"
#: options that say where an answer goes, not what is asked
_TARGETS = ("--html", "--json", "--markdown")


class ScriptCommand(click.Command):
    """A command whose words after ``--`` belong to the script."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the script's own arguments aside before click sees them."""
        ctx.meta[_WORDS] = tuple(args)
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta[_ARGUMENTS] = tuple(args[cut + 1 :])
        return super().parse_args(ctx, args[:cut])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Name the script's arguments in the usage line."""
        return [*super().collect_usage_pieces(ctx), "[-- SCRIPT ARGUMENTS]"]


def asked(ctx: click.Context) -> str:
    """The command line that asks the same again, without where its answer was to go."""
    words: list[str] = []
    rest = list(ctx.meta.get(_WORDS, ()))
    while rest:
        word = rest.pop(0)
        if word == "--":
            words += [word, *rest]
            break
        elif word == "--json":  # its value may be left out
            if rest and (rest[0] == "-" or not rest[0].startswith("-")):
                rest.pop(0)
        elif word in _TARGETS:
            del rest[:1]
        elif word != "--github" and not word.startswith(tuple(f"{t}=" for t in _TARGETS)):
            words.append(word)
    return shlex.join(["whydiff", ctx.info_name or "", *words])


def script_arguments(ctx: click.Context) -> tuple[str, ...]:
    """The words after ``--``."""
    arguments: tuple[str, ...] = ctx.meta.get(_ARGUMENTS, ())
    return arguments


#: for verbs that take one script
module_option = click.option(
    "-m",
    "module",
    metavar="MODULE",
    help="Run this module in place of a script, as python -m does.",
)


#: for verbs that take two
modules_option = click.option(
    "-m", "module", multiple=True, metavar="MODULE", help="Run this module, as python -m does."
)


def one_named(script: str | None, module: str | None) -> str:
    """The one script, or the module in its place, that a verb was given."""
    if (script is None) == (module is None):
        raise click.UsageError("Name one script: train.py, or -m package.module.")
    return script or f"-m {module}"


def check_one(script: str | None, module: str | None) -> str | Path:
    """The same, which has to be there now, as text that Python can read."""
    return check_target_script(one_named(script, module))


def named_targets(
    script: str | None, script_b: str | None, modules: tuple[str, ...]
) -> tuple[str, str | None]:
    """A and B: scripts as named, then modules."""
    named = [*(name for name in (script, script_b) if name), *(f"-m {m}" for m in modules)]
    if not named or len(named) > 2:
        raise click.UsageError("Name one script or two: train.py, or -m package.module.")
    return named[0], named[1] if len(named) == 2 else None


def check_targets(
    a: str, b: str | None, options: Mapping[str, Any] | None = None
) -> tuple[str | Path, str | Path | None]:
    """Two scripts, recordings or saved models, or a script and a recording.

    What belongs to a git revision (``a_rev`` and ``b_rev`` of ``options``) is looked for there,
    later.
    """
    revisions = [(options or {}).get(name, "") for name in ("a_rev", "b_rev")]
    named = [name for name in (a, b) if name]
    recordings = [name for name in named if re.search(r"\.whydiff(:\d+)?$", name)]
    for name in recordings if b or len(recordings) == len(named) else ():
        path = Path(re.sub(r":\d+$", "", name))
        if not path.is_file():
            raise WhydiffError(f"there is no recording {path}", f"Looked in {Path.cwd()}.")
    if len(recordings) == len(named):
        return a, b
    if b and recordings:
        in_a, of_script = (a in recordings), revisions[a in recordings]
        script: str | Path = b if in_a else a
        script = script if of_script else check_target_script(str(script))
        return (a, script) if in_a else (script, b)
    from whydiff.storage.saved_models import is_saved_model

    if all(map(is_saved_model, named)):
        return a, b
    if not b and all(revisions):
        return a, None
    if not b and any(revisions) and a.endswith(".py") and not Path(a).exists():
        raise WhydiffError(
            f"there is no script {a} among the files as they are now",
            f"If it was renamed name both scripts, A's first, {a} as that of the revision.",
        )
    path_a = a if b and revisions[0] else check_target_script(a)
    return path_a, (b if revisions[1] else check_target_script(b)) if b else None


def check_target_script(named: str) -> str | Path:
    """A script, ``-m package.module`` or an installed command, whose text Python can read."""
    if named.endswith(".lock"):
        raise WhydiffError(
            f"{named} is a lock, not a script",
            f"Name the script that it holds: whydiff verify SCRIPT --lock {named}",
        )
    if named.endswith(".ipynb") and Path(named).is_file():
        return _check_notebook(Path(named))
    if Path(named).exists() or named.endswith((".py", ".ipynb", ".whydiff")):
        return check_script(named)
    from whydiff.runner.targets import target_of

    target = target_of(named)
    check_script(str(target.script))
    return target.text


def _check_notebook(path: Path) -> Path:
    from whydiff.script_text.notebooks import cells

    try:
        for cell in cells(path.read_text(encoding="utf-8")):
            ast.parse(cell.text, cell.file(str(path)))
    except SyntaxError as error:
        raise WhydiffError(
            f"{error.filename} is not Python: {error.msg}, line {error.lineno}", "Mend that cell."
        ) from None
    except ValueError as error:
        raise WhydiffError(f"{path} is not a notebook: {error}", "Save it in Jupyter.") from None
    return path


def check_script(name: str) -> Path:
    """The path of a script that can be run; WhydiffError says what is wrong with any other."""
    path = Path(name)
    if path.is_dir():
        raise WhydiffError(f"{name} is a directory", "Name the Python script in it.")
    if not path.exists():
        raise WhydiffError(f"there is no script {name}", f"Looked in {Path.cwd()}.")
    if not path.is_file():
        raise WhydiffError(f"{name} is {kind_of_file(path)}, not a script", "Name a script.")
    if path.suffix == ".whydiff" or _begins(path, b"SQLite format 3"):
        raise WhydiffError(
            f"{name} is a recording, not a script",
            "`whydiff show` prints it, `whydiff diff A B` compares two recordings.",
        )
    from whydiff.storage.saved_models import is_saved_model

    if is_saved_model(name):
        raise WhydiffError(
            f"{name} is a saved model, not a script",
            "`whydiff explain a.keras b.keras` compares two of them.",
        )
    read_script(path)
    return path


def _begins(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:
        return False


def without_lines(
    script: str, script_b: str | None
) -> tuple[str, str | None, tuple[int, int] | None]:
    """``train.py:24 train.py:31`` as (script, None, the two lines); other targets as they are."""
    found = [re.fullmatch(r"(.+\.py):(\d+)", name or "") for name in (script, script_b)]
    one, other = found
    if one is None or other is None:
        return script, script_b, None
    if one[1] != other[1]:
        raise click.UsageError(
            f"lines name two calls of one script, not of {one[1]} and {other[1]}."
        )
    return one[1], None, (int(one[2]), int(other[2]))


class Pair(click.ParamType):  # type: ignore[type-arg]
    """Two fits to compare (or two of what ``of`` says), ``I,J``, counting from 1.

    ``named`` fits may also be names of models, and successive fits held as one: ``1+2+3,4``.
    """

    name = "I,J"

    def __init__(self, of: str = "fits", named: bool = False) -> None:
        self._of, self._named = of, named

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int] | tuple[FitName, FitName]:
        """Two numbers, both at least 1, or names."""
        if isinstance(value, tuple):
            return value
        name = r"[1-9]\d*(?:\+[1-9]\d*)*|[A-Za-z_][\w.-]*"
        words = re.fullmatch(rf"\s*({name})\s*,\s*({name})\s*", str(value))
        if self._named and words:
            return _fit_name(words[1]), _fit_name(words[2])
        found = re.fullmatch(r"\s*([1-9]\d*)\s*,\s*([1-9]\d*)\s*", str(value))
        if not found:
            self.fail(
                f"{value!r} is not a pair of {self._of}; write 1,2 for the first two.", param, ctx
            )
        return int(found[1]), int(found[2])


def _fit_name(word: str) -> FitName:
    numbers = word.split("+")
    if not numbers[0].isdigit():
        return word
    return int(word) if len(numbers) == 1 else tuple(map(int, numbers))


class Sources(click.ParamType):  # type: ignore[type-arg]
    """Sources of difference by their ids, with commas between."""

    name = "SOURCE,..."

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The ids; whether there are such sources is checked by who uses them."""
        if isinstance(value, tuple):
            return value
        return tuple(word.strip() for word in str(value).split(",") if word.strip())


class Duration(click.ParamType):  # type: ignore[type-arg]
    """A time: seconds, or a number with s, m or h."""

    name = "TIME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds, more than 0."""
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(value))
        seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
        if not seconds:
            self.fail(f"{value!r} is not a time; write 90, 90s, 5m or 1h.", param, ctx)
        return seconds


class Setting(click.ParamType):  # type: ignore[type-arg]
    """An environment variable, ``NAME=VALUE``."""

    name = "K=V"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Name and value; the value may be empty."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals or not re.fullmatch(r"\w+", name):
            self.fail(
                f"{value!r} is not a setting; write NAME=VALUE, as in OMP_NUM_THREADS=1.",
                param,
                ctx,
            )
        return name, text
