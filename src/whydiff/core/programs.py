"""Python programs that a script starts: what they train is watched by nobody.

Read off the events by which Python announces them (``sys.addaudithook``), so that an answer can
name what to run in place of the script that starts them.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whydiff.core.stack import in_library
from whydiff.core.words import listed

#: Events by which another program is begun beside this one.
EVENTS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn"})
#: Said of whatever is not watched in another process.
UNWATCHED = "in which nothing is watched"
#: So many programs are kept, and so many named.
MOST, _MOST_NAMED = 20, 3

_PYTHON = re.compile(r"(python|pypy)[0-9.]*w?(\.exe)?")
_SHELL = re.compile(r"(ba|da|z|k)?sh")
#: Options of Python that another word follows.
_WITH_A_WORD = ("-W", "-X", "--check-hash-based-pycs")


@dataclass(frozen=True)
class Program:
    """A script or module of the project with its arguments, and the folder that it runs in: ""
    for that of the script that started it."""

    folder: str
    words: tuple[str, ...]

    @property
    def target(self) -> str:
        """``train.py``, ``-m package.train``."""
        return " ".join(self.words[: self._named])

    @property
    def arguments(self) -> tuple[str, ...]:
        """What it was given."""
        return self.words[self._named :]

    @property
    def _named(self) -> int:
        return 2 if self.words[0] == "-m" else 1

    @property
    def fact(self) -> list[str]:
        """What is recorded of it."""
        return [self.folder, *self.words]


def programs_of(facts: Any) -> list[Program]:
    """The opposite of :attr:`Program.fact`, for several; [] for anything else."""
    if not isinstance(facts, list):
        return []
    return [
        Program(fact[0], tuple(fact[1:]))
        for fact in facts[:MOST]
        if isinstance(fact, list) and all(isinstance(word, str) for word in fact)
        if len(fact) > (2 if fact[1:2] == ["-m"] else 1)
    ]


def begun(event: str, arguments: Sequence[Any], here: str) -> list[Program]:
    """The programs of the project's own that one of :data:`EVENTS` announces.

    ``here`` is the folder that the script was started in.
    """
    folder, path = os.getcwd(), os.environ.get("PYTHONPATH", "")  # noqa: PTH109
    if event == "os.system":
        commands = list(_of_shell(os.fsdecode(arguments[0])))
    else:
        words, place, environment = _announced(event, arguments)
        if place is not None:
            folder = str(Path(folder) / os.fsdecode(place))
        if isinstance(environment, Mapping):
            path = str(environment.get("PYTHONPATH", ""))
        commands = list(_commands(words))
    places = [folder, *(str(Path(folder) / entry) for entry in path.split(os.pathsep) if entry)]
    found = (_program(command, places) for command in commands)
    at = "" if os.path.realpath(folder) == os.path.realpath(here) else folder
    return [Program(at, words) for words in found if words]


def _announced(event: str, arguments: Sequence[Any]) -> tuple[list[str], Any, Any]:
    """The words of a command, the folder that it is to run in and its environment, or None."""
    place = arguments[2] if event == "subprocess.Popen" else None
    words = arguments[2] if event == "os.spawn" else arguments[1]
    environment = arguments[-1]
    if isinstance(words, str | bytes | os.PathLike):
        words = [words]
    return [os.fsdecode(word) for word in words], place, environment


def _commands(words: list[str]) -> Iterator[list[str]]:
    """The simple commands that a command consists of, where a shell is to read it."""
    if len(words) > 2 and _SHELL.fullmatch(Path(words[0]).name) and words[1].endswith("c"):
        yield from _of_shell(words[2])
    else:
        yield words


def _of_shell(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set(";&|()<>"):
                yield command
                command = []
            else:
                command.append(word)
    except ValueError:  # a quotation that nobody closes
        return
    yield command


def _program(words: Sequence[str], places: Sequence[str]) -> tuple[str, ...]:
    """The script or module that a command runs, with its arguments; () if that is none of ours."""
    pythons = [i for i, word in enumerate(words) if _PYTHON.fullmatch(Path(word).name)]
    left = list(words[pythons[0] + 1 :]) if pythons else list(words)
    while pythons and left and left[0].startswith("-"):
        if left[0].startswith("-m"):
            left[:1] = ["-m", left[0][2:]] if len(left[0]) > 2 else ["-m"]
            return tuple(left) if len(left) > 1 and _is_module(left[1], places) else ()
        if left[0].startswith("-c"):
            return ()
        del left[: 2 if left[0] in _WITH_A_WORD else 1]
    ours = bool(left) and left[0].endswith(".py") and _is_ours(Path(places[0]) / left[0])
    return tuple(left) if ours else ()


def _is_module(name: str, places: Sequence[str]) -> bool:
    inside = name.replace(".", os.sep)
    ends = (".py", f"{os.sep}__main__.py")
    return any(_is_ours(Path(place) / f"{inside}{end}") for place in places for end in ends)


def _is_ours(file: Path) -> bool:
    return file.is_file() and not in_library(str(file))


def unwatched_programs(programs: Sequence[Program]) -> str:
    """What a script that started programs is told, with the way to have these explained; "" for
    none."""
    if not programs:
        return ""
    targets = list(dict.fromkeys(program.target for program in programs))
    more = len(targets) - _MOST_NAMED
    names = [*targets[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])]
    several = "processes of their own" if len(programs) > 1 else "a process of its own"
    ways = [f"`{_explain(p)}`" for p in _first_of_each(programs)[:_MOST_NAMED]]
    text = f"The script started {listed(names)} in {several}, {UNWATCHED}: {' or '.join(ways)}"
    alike = [program for program in programs if program.target == programs[0].target]
    if len(alike) > 1:
        a, b = (shlex.quote(shlex.join(program.arguments)) for program in alike[:2])
        place = _inside(alike[0])
        text += f", or `{place}whydiff explain {alike[0].target} --a-args {a} --b-args {b}`"
    return f"{text}."


def _first_of_each(programs: Sequence[Program]) -> list[Program]:
    """One program for each target, the first."""
    first: dict[str, Program] = {}
    for program in programs:
        first.setdefault(program.target, program)
    return list(first.values())


def _explain(program: Program) -> str:
    given = f" -- {shlex.join(program.arguments)}" if program.arguments else ""
    return f"{_inside(program)}whydiff explain {program.target}{given}"


def _inside(program: Program) -> str:
    return f"cd {shlex.quote(program.folder)} && " if program.folder else ""
