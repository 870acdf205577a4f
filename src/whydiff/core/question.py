"""What a person asks ``explain``: which programs, what of them to compare, and how far to go."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from whydiff.core.errors import WhydiffError
from whydiff.core.keeping import Keep
from whydiff.core.words import listed

#: A fit by its number, counting from 1, by its model's name, or as "best" or "worst"; numbers of
#: successive fits of one model stand for the training that they are together.
FitName = int | str | tuple[int, ...]


def fit_name(name: FitName) -> str:
    """A fit as --fits names it: ``2``, ``best``, ``1+2+3``."""
    return "+".join(map(str, name)) if isinstance(name, tuple) else str(name)


@dataclass(frozen=True)
class SideOptions:
    """How the program of one side is run.

    Each field is a keyword of ``whydiff.explain`` (``a_env``, ``b_arguments``) and an option of the
    command line; :meth:`words` writes the options.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    rev: str = ""  # the git revision whose files are run; "" for the files as they are now
    python: str = ""  # the interpreter that runs it; "" for whydiff's own
    packages: tuple[str, ...] = ()  # other versions than are installed there: "keras==3.10.0"
    as_of: str = ""  # every package in its newest version of that day: "2025-06-01"

    def words(self, side: str) -> list[str]:
        """The options of the command line that say so; ``side`` is "a" or "b"."""
        words = [word for n, v in self.env.items() for word in (f"--{side}-env", f"{n}={v}")]
        words += [f"--{side}-rev", self.rev] if self.rev else []
        words += [f"--{side}-python", self.python] if self.python else []
        words += [word for text in self.packages for word in (f"--{side}-with", text)]
        words += [f"--{side}-asof", self.as_of] if self.as_of else []
        return words + ([f"--{side}-args", shlex.join(self.arguments)] if self.arguments else [])


@dataclass(frozen=True)
class Question:
    """One question to ``explain``.

    ``targets`` are one or two scripts, modules, commands or recordings as a person names them.
    ``arguments`` go to both programs, before those of a side. ``fits`` and ``calls`` (counting
    from 1; fits also by name) and ``lines`` pick what is compared; ``runs`` asks for two runs of
    one program.
    ``ignore_sources`` are named, but neither blamed nor repaired.
    ``budget`` is in seconds; ``inputs`` is a file of arrays that saved models predict on.
    """

    targets: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    a: SideOptions = SideOptions()
    b: SideOptions = SideOptions()
    fits: tuple[FitName, FitName] | None = None
    calls: tuple[int, int] | None = None
    lines: tuple[int, int] | None = None
    runs: bool = False
    metric: str | None = None
    budget: float | None = None
    zoom: bool = False
    fix: bool = True
    in_place: bool = False
    keep: Keep = "all"
    inputs: str = ""
    ignore_sources: tuple[str, ...] = ()

    @property
    def alike(self) -> bool:
        """Whether both sides are run alike."""
        return len(self.targets) == 1 and self.a == self.b

    @property
    def one_program(self) -> bool:
        """Whether both sides are run alike, so that one run may hold the answer."""
        return self.alike and not self.runs

    def sides(self) -> tuple[SideOptions, SideOptions]:
        """How A and B are run, with the arguments that both get."""
        a, b = (
            replace(side, arguments=(*self.arguments, *side.arguments)) for side in (self.a, self.b)
        )
        return a, b


def command(question: Question) -> str:
    """The command line that asks the same question again."""
    q = question
    named = [f"{q.targets[0]}:{line}" for line in q.lines] if q.lines else q.targets
    words = ["whydiff", "explain", *named]
    words += ["--fits", ",".join(map(fit_name, q.fits))] if q.fits else []
    words += ["--calls", f"{q.calls[0]},{q.calls[1]}"] if q.calls else []
    words += ["--runs"] if q.runs else []
    words += [*q.a.words("a"), *q.b.words("b")]
    words += ["--metric", q.metric] if q.metric else []
    words += ["--budget", f"{q.budget:g}s"] if q.budget else []
    words += ["--inputs", q.inputs] if q.inputs else []
    words += ["--ignore-sources", ",".join(q.ignore_sources)] if q.ignore_sources else []
    words += ["--zoom"] if q.zoom else []
    words += [] if q.fix else ["--no-fix"]
    words += ["--in-place"] if q.in_place else []
    words += ["--keep", q.keep] if q.keep != "all" else []
    return shlex.join([*words, *(["--", *q.arguments] if q.arguments else [])])


def checked_sources(sources: Sequence[str]) -> tuple[str, ...]:
    """Sources to ignore, each once. WhydiffError for one that there is not."""
    from whydiff.core.recipe import SOURCE_IDS  # imports NumPy, which --help does without

    unknown = [source for source in sources if source not in SOURCE_IDS]
    if unknown:
        raise WhydiffError(
            f"there is no source {unknown[0]!r} to ignore", f"Sources: {', '.join(SOURCE_IDS)}."
        )
    return tuple(dict.fromkeys(sources))


def said_ignored(sources: Sequence[str]) -> str:
    """The note of an answer that leaves these out of its verdict."""
    return f"Ignored, as --ignore-sources or the settings of the project say: {listed(sources)}."


def check_usable(question: Question, usable: Collection[str], targets: str, way_out: str) -> None:
    """Raise WhydiffError where more was asked of ``targets`` than the keywords in ``usable``."""
    # Which sources are ignored says how to read an answer, whatever it is about.
    unusable = [name for name in given(question) if name not in (*usable, "ignore_sources")]
    if unusable:
        raise WhydiffError(f"{listed(unusable)} cannot be used with {targets}", way_out)


def given(question: Question) -> tuple[str, ...]:
    """What was asked beyond the targets, by its keyword of ``whydiff.explain``."""
    usual = Question(question.targets)
    sides = {"a": question.a, "b": question.b}
    names = [
        f.name
        for f in fields(Question)
        if f.name not in sides and getattr(question, f.name) != getattr(usual, f.name)
    ]
    names += [
        f"{side}_{f.name}"
        for f in fields(SideOptions)
        for side, options in sides.items()
        if getattr(options, f.name) != getattr(SideOptions(), f.name)
    ]
    return tuple(names)
