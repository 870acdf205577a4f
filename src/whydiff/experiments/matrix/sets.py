"""Which sets of packages a script is run under."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whydiff.core.errors import WhydiffError

#: what the packages as they are installed are called
INSTALLED = "as installed"
#: Series of releases that are taken where only a package is named.
SERIES = 5
_OVER = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:==\s*([\w.!+,\s-]+))?\s*")


@dataclass(frozen=True)
class PackageSet:
    """Requirements that are installed together; none: as it is installed."""

    requirements: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``keras==3.10.0, jax==0.4.38``."""
        return ", ".join(self.requirements) or INSTALLED


def sets_of(
    named: Sequence[str], over: Sequence[str], newest: Callable[[str, int], list[str]]
) -> list[PackageSet]:
    """As installed, the sets that are ``named``, and every combination of versions gone ``over``.

    ``over`` holds packages (``keras``: the newest release of each of its last series, as
    ``newest(name, count)`` lists them) or versions of one (``keras==3.8,3.10``).
    """
    sets = [PackageSet(), *(_named(text) for text in named)]
    versions = [_versions(text, newest) for text in over]
    sets += [PackageSet(combination) for combination in itertools.product(*versions) if combination]
    return list(dict.fromkeys(sets))


def _named(text: str) -> PackageSet:
    requirements = tuple(part.strip() for part in text.split(",") if part.strip())
    if not requirements:
        raise WhydiffError(
            f"--set {text!r} names no package", 'Write --set "keras==3.8,jax==0.4.38".'
        )
    return PackageSet(requirements)


def _versions(text: str, newest: Callable[[str, int], list[str]]) -> list[str]:
    found = _OVER.fullmatch(text)
    if not found:
        raise WhydiffError(
            f"--over {text!r} names no package", 'Write --over keras, or --over "keras==3.8,3.10".'
        )
    given = [part.strip() for part in (found[2] or "").split(",") if part.strip()]
    return [f"{found[1]}=={version}" for version in given or newest(found[1], SERIES)]
