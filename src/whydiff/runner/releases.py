"""The releases of a package between two, as the index lists them to uv."""

from __future__ import annotations

import re
import subprocess
import sys

from whydiff.core.errors import WhydiffError
from whydiff.runner.environments import uv_command

#: What uv says where the index holds no release in between.
_NONE_LEFT = re.compile(r"there (is|are) no versions? of|only the following versions")
#: Releases that are listed at most.
_MOST = 500


def releases_between(name: str, first: str, last: str, python: str = sys.executable) -> list[str]:
    """The versions of a package from ``first`` to ``last``, oldest first, for a Python.

    Those that an installation would choose: no pre-releases, none that was withdrawn, wheels only.
    Raises WhydiffError where ``last`` is not the newer one, or the index cannot be asked.
    """
    newest, said = _newest(f"{name}=={last},>{first}", python)
    if newest is None:
        raise WhydiffError(
            f"there is no release {name}=={last} that is newer than {first}: {_reason(said)}",
            "Name the good version first; a newer good version is found by exchanging the two.",
        )
    versions = [last]
    while len(versions) < _MOST:
        newest, said = _newest(f"{name}>{first},<{newest}", python)
        if newest is None:
            break
        versions.append(newest)
    if newest is None and not _NONE_LEFT.search(said):
        raise WhydiffError(
            f"the releases of {name} could not be listed: {_reason(said)}",
            "uv asks the index that it is set up for; is it reached?",
        )
    return [first, *reversed(versions)]


def newest_of_series(name: str, count: int, python: str = sys.executable) -> list[str]:
    """The newest release of each of the last ``count`` series (3.15, 3.14, ...), oldest first.

    Raises WhydiffError where there is no such package, or the index cannot be asked.
    """
    newest, said = _newest(name, python)
    if newest is None:
        raise WhydiffError(
            f"the releases of {name} could not be listed: {_reason(said)}",
            "uv asks the index that it is set up for; is it reached?",
        )
    versions: list[str] = []
    while newest is not None and len(versions) < count:
        versions.append(newest)
        newest, _ = _newest(f"{name}<{'.'.join(newest.split('.')[:2])}", python)
    return versions[::-1]


def _newest(requirement: str, python: str) -> tuple[str | None, str]:
    """The newest release that a requirement allows, or None, and what uv said."""
    options = ["-q", "--no-header", "--no-annotate", "--no-deps", "--no-build"]
    done = subprocess.run(
        [*uv_command(), "pip", "compile", *options, "--python", python, "-"],
        input=requirement, capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"==(\S+)", done.stdout)
    return (found[1] if done.returncode == 0 and found else None), done.stderr


def _reason(said: str) -> str:
    return " ".join(said.split()).removeprefix("error: ")[:300]
