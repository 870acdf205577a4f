"""Which of several packages made two runs draw otherwise: B's environment with one of A's each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN
from whydiff.core.progress import Progress
from whydiff.core.recording import Execution, Side
from whydiff.diagnosis.sources import source
from whydiff.experiments.explain.sides import RunningSides
from whydiff.runner.client import Run
from whydiff.runner.environments import environment_for
from whydiff.runner.running import Runs
from whydiff.runner.used_backends import used_backends

#: Packages that only go together.
GROUPS = (("keras",), ("jax", "jaxlib"), ("tensorflow", "tensorflow-cpu"), ("torch",), ("numpy",))
#: Sources through which a version acts before anything is computed.
_DRAWN = ("initialization", "data-order", "noise")


def by_package(
    sides: RunningSides, runs: Runs, folder: Path, progress: Progress
) -> tuple[str, ...]:
    """A sentence per source that versions draw otherwise; () where one package differs at most.

    For each package that differs the script is run once.
    """
    a, b = sides.compared.a, sides.compared.b
    drawn = [name for name in _DRAWN if source(name).compare(a, b).status == DIFFERS]
    changed = _changed(a.recipe.version, b.recipe.version)
    run = sides.child_b.run if sides.child_b else None
    if run is None or not drawn or len(changed) < 2 or not _same_program(sides):
        return ()
    progress.step("looking which package does it", total=len(changed))
    said: dict[str, list[str]] = {name: [] for name in drawn}
    for number, package in enumerate(changed):
        mixed, why = _mixed(run, a, b, package)
        execution = None
        if mixed is not None:
            execution, why = _executed(runs, mixed, folder, f"mixed{number}")
        one, two = (side.recipe.version[package] for side in (a, b))
        for name, texts in said.items():
            result = result_of(execution, name, a, b) if execution else f"cannot be had ({why})"
            texts.append(f"{package} {one} in place of {two} {result}")
        progress.advance()
    return tuple(
        f"Of the packages, in B's environment, as to {source(name).title}: {'; '.join(texts)}."
        for name, texts in said.items()
    )


#: Mechanisms by which another version draws other numbers from the same seed.
_BY_VERSION = ("jax-threefry-partitionable", "keras-fans-3-15")


def pins(sides: RunningSides, causes: Sequence[str]) -> tuple[str, ...]:
    """The packages of one run in the versions of the other, where another version is a cause of
    what differs: ``keras==3.12.1``."""
    compared = sides.compared
    acts = any(f.mechanism in _BY_VERSION for f in compared.findings if f.source in causes)
    if not (acts or "version" in causes) or not _same_program(sides) or compared.only_arrays:
        return ()
    versions = [compared.a.recipe.version, compared.b.recipe.version]
    here = pinned_side(sides)
    pinned, wanted = versions[here], versions[1 - here]
    return tuple(
        f"{name}=={str(wanted[name]).partition('+')[0]}"
        for group in GROUPS
        for name in group
        if name in pinned and name in wanted and pinned[name] != wanted[name]
    )


def pinned_side(sides: RunningSides) -> int:
    """0 or 1: whose environment gets the pins, that in which the person works if it is one of
    them, else B's."""
    return 0 if sides.child_a.run.interpreter is None else 1


def pinned_run(run: Run, packages: Sequence[str]) -> Run:
    """``run`` with these packages. WhydiffError where there is no such environment."""
    base = run.interpreter.python if run.interpreter else None
    backends = used_backends(run.script, run.variables())
    return replace(run, interpreter=environment_for(packages, None, base, backends))


def _same_program(sides: RunningSides) -> bool:
    return sides.compared.between == "runs"


def _changed(one: Mapping[str, object], two: Mapping[str, object]) -> list[str]:
    """Packages, those that go together by the first, whose versions differ."""
    return [
        next(name for name in group if name in one and name in two)
        for group in GROUPS
        if any(name in one and name in two and one[name] != two[name] for name in group)
    ]


def _mixed(run: Run, a: Side, b: Side, package: str) -> tuple[Run | None, str]:
    """B's run with one package in A's version, or why there is none."""
    group = next(names for names in GROUPS if package in names)
    mixed = [
        f"{name}=={str(side.recipe.version[name]).partition('+')[0]}"
        for names in GROUPS
        for name in names
        for side in (a if names == group else b,)
        if name in a.recipe.version and name in b.recipe.version
        and a.recipe.version[name] != b.recipe.version[name]
    ]  # fmt: skip
    try:
        return replace(pinned_run(run, mixed), purpose="trial"), ""
    except WhydiffError as error:
        return None, str(error).splitlines()[0].rstrip(":")


def _executed(runs: Runs, run: Run, folder: Path, name: str) -> tuple[Execution | None, str]:
    """What a mixed run recorded, or why there is nothing."""
    with runs.run(run, folder, name, serve=False) as ran:
        pass
    if ran.late:
        return None, "it was stopped before it ended"
    if not ran.succeeded:
        return None, f"these do not go together: the script {ran.failure}"
    return ran.execution, "" if ran.execution else "it was not watched"


def result_of(execution: Execution, name: str, a: Side, b: Side) -> str:
    """What a mixed run made of a source: as it is in A, as it is in B, or another."""
    index = b.fit.index
    if len(execution.fits) < index:
        return "cannot be had (fewer trainings were watched)"
    mixed = Side(execution, execution.fits[index - 1])
    if not mixed.fit.finished:
        return "cannot be had (the training was not watched to its end)"
    here, there = (source(name).compare(side, mixed) for side in (b, a))
    if here.status == IDENTICAL:
        return "changes nothing"
    if there.status == IDENTICAL:
        return "gives what A has"
    if DIFFERS in (here.status, there.status) and UNKNOWN not in (here.status, there.status):
        return f"gives others than A and B have ({here.evidence.partition(',')[0]})"
    return f"cannot be told ({here.evidence})"
