"""A Python, with its packages, in which a script runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Interpreter:
    """A Python other than the one whydiff runs in.

    ``name`` is what a person calls it: ``keras==3.10.0``, ``as of 2025-06-01``, a path.
    ``packages`` are the versions of what is installed there, by normalized name. ``lent`` are
    folders of packages that it lacks and the recorder needs, by the name they are imported by.
    """

    python: Path
    name: str
    packages: Mapping[str, str] = field(default_factory=dict)
    lent: Mapping[str, str] = field(default_factory=dict)

    def differing(self, other: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Packages that are here in another version than in ``other``: (there, here) by name.

        "" stands for a package that is not installed.
        """
        names = sorted({*self.packages, *other})
        pairs = {name: (other.get(name, ""), self.packages.get(name, "")) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
