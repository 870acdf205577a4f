"""How a training that is not the locked one is explained: which two runs are compared for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from whydiff.core.findings import DIFFERS
from whydiff.core.lock import FitDigests, Lock, LockedCall, LockedFit
from whydiff.core.question import Question, SideOptions
from whydiff.core.verification import Verification
from whydiff.core.words import duration

#: packages whose other version can be asked for; the rest come with these
_PACKAGES = ("keras", "jax", "tensorflow", "torch", "numpy")
#: sources that differ between two runs of one script where it does not control them
_BY_CHANCE = frozenset(("initialization", "data-order", "noise", "data-content", "state"))
#: runs that an explanation takes at the least: A, B, and what hybrids come to
_RUNS = 3


def locked_side(
    lock: Lock, fits: Sequence[LockedFit], calls: Sequence[LockedCall], rev: str
) -> SideOptions:
    """How the locked training was run: its arguments, and ``rev``, which holds its files.

    The backend and the versions of packages are named where they are others now; ``fits`` and
    ``calls`` are those of now.
    """
    then, now = _around(lock.fits or lock.digests, lock.calls), _around(fits, calls)
    other = {k: str(v) for k, v in then.items() if v is not None and k in now and now[k] != v}
    return SideOptions(
        env={"KERAS_BACKEND": other["backend"]} if "backend" in other else {},
        arguments=lock.arguments,
        rev=rev,
        packages=tuple(f"{name}=={other[name]}" for name in _PACKAGES if name in other),
    )


def _around(fits: Sequence[LockedFit | FitDigests], calls: Sequence[LockedCall]) -> dict[str, Any]:
    """Backend and versions of a lock's fits, else of its other calls."""
    if fits:
        return {**fits[0].facts["version"], **fits[0].facts["backend"]}
    return dict(calls[0].surroundings) if calls else {}


def question(v: Verification) -> Question | None:
    """What is asked of ``explain``: the locked training against the one that runs now.

    Both run with the packages of now. Without a revision, another script, backend or arguments, two
    runs of the script are compared, where sources differ that may differ by chance; else None.
    """
    a, b = replace(v.locked, packages=v.now.packages), v.now
    a = replace(a, python=b.python, as_of=b.as_of)
    shared = a.arguments if a.arguments == b.arguments else ()
    if shared:
        a, b = replace(a, arguments=()), replace(b, arguments=())
    runs = a == b and not v.locked_script
    if runs and not any(
        finding.source in _BY_CHANCE and finding.status == DIFFERS
        for fit in v.fits
        for finding in fit.findings
    ):
        return None
    # What repairs a script that does not repeat is known; what was meant to change is not.
    return Question(v.scripts, shared, a, b, runs=runs, fix=runs)


#: why there is nothing that could be run to explain a difference
NO_QUESTION = (
    "A lock keeps digests, no samples and weights to train from, and git knows no revision that "
    "holds this one as it is: --a-rev REVISION names one to compare with"
)


def too_long(v: Verification, budget: float) -> str:
    """Why the explanation would not come to an end within ``budget`` seconds; "" if it may."""
    if _RUNS * v.seconds <= budget:
        return ""
    return (
        f"One run took {duration(v.seconds)}, which leaves too little of {duration(budget)} for "
        "three: --budget TIME gives more"
    )
