"""The points between a good and a bad one: commits, releases of a package, days."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from whydiff.core.errors import WhydiffError
from whydiff.core.question import SideOptions
from whydiff.core.searches import DATES, REVISIONS, VERSIONS, Point
from whydiff.runner.history import commits_between, repository, second_parent
from whydiff.runner.targets import near

#: Name of a package and a version of it.
_PINNED = re.compile(r"\s*([A-Za-z0-9][\w.-]*(?:\[[\w,\s-]*\])?)\s*==\s*([\w.!+-]+)\s*")
#: More points than a person could mean.
_MOST_DAYS = 20_000


@dataclass(frozen=True)
class Series:
    """Points in their order, the good one first, and how each is run."""

    over: str
    points: tuple[Point, ...]
    sides: tuple[SideOptions, ...]
    notes: tuple[str, ...] = ()


def kind_of(good: str, bad: str, over: str) -> str:
    """What is asked about: VERSIONS for ``keras==3.8``, DATES with ``asof``, else REVISIONS."""
    if over not in ("", "asof"):
        raise WhydiffError(
            f"--over {over} is nothing to go over",
            'Revisions: --good v1.2 --bad HEAD. Versions: --good "keras==3.8" --bad "keras==3.15". '
            "Days: --over asof --good 2025-01-01 --bad 2025-06-01.",
        )
    if over == "asof":
        return DATES
    pinned = [bool(_PINNED.fullmatch(text)) for text in (good, bad)]
    if any(pinned) and not all(pinned):
        raise WhydiffError(
            f"{good} and {bad} are not of one kind", "Name two revisions, or two versions."
        )
    return VERSIONS if all(pinned) else REVISIONS


def revisions(target: str, good: str, bad: str, like: SideOptions) -> Series:
    """The commits from one revision to another, see ``commits_between``."""
    root = repository(near(target))
    commits = commits_between(root, good, bad)
    points = tuple(Point(commit.short, commit.subject) for commit in commits)
    return Series(REVISIONS, points, tuple(replace(like, rev=commit.short) for commit in commits))


def merged(target: str, side: SideOptions) -> str:
    """What to ask next where a point is a merge: the commits that it brought in; else ""."""
    root = repository(near(target))
    commits = commits_between(root, f"{side.rev}^1", side.rev)
    other = second_parent(root, commits[-1])
    if not other:
        return ""
    return (
        f"{commits[-1].short} is a merge. `git merge-base {commits[-1].short}^1 "
        f"{commits[-1].short}^2` is good if what came by the other side made the change: "
        f"bisect on from there with --bad {other[:10]}."
    )


def versions(
    good: str, bad: str, like: SideOptions, released: Callable[[str, str, str], list[str]]
) -> Series:
    """All releases of a package between two; ``released(name, good, bad)`` lists them in order."""
    (name, first), (other, last) = (_pinned(text) for text in (good, bad))
    if name.partition("[")[0].lower() != other.partition("[")[0].lower():
        raise WhydiffError(
            f"{good} and {bad} are two packages", "Name two versions of one package."
        )
    names = [f"{name}=={version}" for version in released(name, first, last)]
    sides = (replace(like, packages=(*like.packages, text)) for text in names)
    return Series(VERSIONS, tuple(map(Point, names)), tuple(sides))


def days(good: str, bad: str, like: SideOptions) -> Series:
    """Every day from one to another: what an installation on that day would have brought."""
    first, last = _day(good), _day(bad)
    count = (last - first).days
    if not 0 < count <= _MOST_DAYS:
        raise WhydiffError(
            f"{bad} does not come after {good}", "Name the good day first, as in 2025-01-01."
        )
    names = [(first + timedelta(days=n)).isoformat() for n in range(count + 1)]
    return Series(
        DATES, tuple(map(Point, names)), tuple(replace(like, as_of=name) for name in names)
    )


def _pinned(text: str) -> tuple[str, str]:
    found = _PINNED.fullmatch(text)
    assert found is not None  # or it would be no version
    return found[1], found[2]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WhydiffError(f"{text!r} is no date", "Write it as in 2025-06-01.") from None
