"""The two trainings of one ``explain``: executed, recorded, chosen, compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import DIFFERS, UNKNOWN, Diff, Finding
from whydiff.core.recording import Execution, Side
from whydiff.diagnosis.pair import (
    check_comparable,
    check_trained,
    fit_between_runs,
    last_fits,
    pair_of_fits,
)
from whydiff.diagnosis.sources import source
from whydiff.experiments.explain.recorded import compare
from whydiff.runner.client import Child, Run, check_executed
from whydiff.runner.hybrid_trainer import HybridTrainer
from whydiff.storage import load

#: Sources that a change of environment moves together; the first that differs stands for them.
ENVIRONMENT = ("backend", "version", "hardware")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two sides with the processes that can train them again. A context: leaving it ends these."""

    between: str  # "fits" | "runs" | "scripts"
    chosen: str
    child_a: Child
    child_b: Child | None
    a: Side
    b: Side
    folder: Path

    @cached_property
    def diff(self) -> Diff:
        path_b = self.child_b.recording if self.child_b else self.child_a.recording
        return compare("A", "B", self.a, self.b, self.child_a.recording, path_b)

    @property
    def identical(self) -> bool:
        return self.diff.identical

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.diff.findings

    @cached_property
    def differing(self) -> tuple[str, ...]:
        return tuple(f.source for f in self.findings if f.status == DIFFERS)

    @cached_property
    def environment(self) -> tuple[str, ...]:
        """Differing sources that only another process can take over; they move as one."""
        return tuple(s for s in ENVIRONMENT if s in self.differing)

    @property
    def follows(self) -> dict[str, str]:
        """What comes along with a source: an order that could not be compared, with its samples.

        Data of another size are shuffled by other permutations; whoever takes such data over
        has no order for them but their own.
        """
        unknown = any(f.source == "data-order" and f.status == UNKNOWN for f in self.findings)
        both = unknown and "data-content" in self.differing
        return {"data-content": "data-order"} if both else {}

    def movable(self) -> list[str]:
        """Sources to make hybrids of: those that differ and can change a training."""
        together = set(self.environment[1:]) | {"measurement"}
        settled = not _only_residue(self)
        return [s for s in self.differing if s not in together and (s != "arithmetic" or settled)]

    def hybrid_trainer(self) -> HybridTrainer:
        """Prepare the processes: who holds which side, and what has to be carried over."""
        structural = [s for s in self.differing if source(s).kind == "structure"]
        sites: dict[str, Child] = {"a": self.child_a}
        own_a, own_b = {"fit": self.a.fit.index}, {"fit": self.b.fit.index}
        if self.child_b is None:
            made = self.child_a.request("pair", a=own_a, b=own_b, differing=structural)
            return HybridTrainer(sites, self.folder, frozenset(), made["how"], self.follows)
        carried = {}
        for name, child, side in (("a", self.child_a, self.a), ("b", self.child_b, self.b)):
            parcel = self.folder / f"parcel-{name}"
            child.request("pack", fit=side.fit.index, folder=str(parcel))
            again = bool(structural) or self._stopped_otherwise()
            carried[name] = self._carried(parcel, child, side, again)
        made = self.child_a.request("pair", a=own_a, b=carried["b"], differing=structural)
        if self.environment:
            self.child_b.request("pair", a=carried["a"], b=own_b, differing=structural)
            sites["b"] = self.child_b
        together = frozenset(self.environment)
        return HybridTrainer(sites, self.folder, together, made["how"], self.follows)

    def _stopped_otherwise(self) -> bool:
        """Whether other callbacks may end B: they are objects, which no recording carries."""
        one, two = (side.recipe.duration.get("callbacks") for side in (self.a, self.b))
        return bool(one != two)

    def _carried(self, parcel: Path, child: Child, side: Side, again: bool) -> dict[str, Any]:
        described: dict[str, Any] = {
            "folder": str(parcel),
            "recording": str(child.recording),
            "fit": side.fit.index,
        }
        if again:  # its model, loss, optimizer or callbacks are others: its script runs there, too
            described["job"] = {
                "script": str(child.run.script),
                "arguments": list(child.run.arguments),
                "environment": dict(child.run.environment or {}),
                "output": str(parcel / "again.whydiff"),
                "keep_bytes": 1 << 20,
            }
        return described

    def __enter__(self) -> Comparison:
        return self

    def __exit__(self, *error: object) -> None:
        self.child_a.close()
        if self.child_b is not None:
            self.child_b.close()


def _only_residue(comparison: Comparison) -> bool:
    """Whether arithmetic differs only in what it did, not in any setting."""
    settings = (comparison.a.recipe.arithmetic, comparison.b.recipe.arithmetic)
    return dict(settings[0]) == dict(settings[1])


def _execute(run: Run, folder: Path, name: str, progress: Any) -> Child:
    """Run a script to its end in a child that can train its fits again."""
    progress.step(f"running {run.script} ({name})")
    child = Child(run, folder / f"{name}.whydiff", folder / f"{name}.log", serve=True)
    try:
        child.wait_for_script()
        check_executed(child, run.arguments)
    except BaseException:
        child.close()
        raise
    return child


def compare_fits(
    script: Path,
    wanted: tuple[int, int] | None,
    arguments: tuple[str, ...],
    folder: Path,
    progress: Any,
) -> Comparison:
    """Run the script once. Two of its fits if it has two alike, else ``between`` is "runs"."""
    child = _execute(Run(script, arguments), folder, "a", progress)
    try:
        execution = _loaded(child)
        pair = pair_of_fits(execution, wanted)
        if pair is not None:
            check_comparable(*(execution.fits[index - 1] for index in pair))
    except BaseException:
        child.close()
        raise
    fits = execution.fits
    if pair is None:
        side = Side(execution, fits[-1])
        return Comparison("runs", "", child, None, side, side, folder)
    i, j = pair
    many = f" of {len(fits)}" if len(fits) > 2 else ""
    chosen = (
        f"fits {i} and {j}{many} of {script}; --fits I,J picks others, "
        "--runs compares two executions"
    )
    a, b = Side(execution, fits[i - 1]), Side(execution, fits[j - 1])
    return Comparison("fits", chosen, child, None, a, b, folder)


def compare_executions(
    script: Path,
    script_b: Path | None,
    wanted: tuple[int, int] | None,
    a_env: Mapping[str, str],
    b_env: Mapping[str, str],
    arguments: tuple[str, ...],
    folder: Path,
    progress: Any,
    first: Child | None = None,
) -> Comparison:
    """Two executions: of two scripts, or of one under the same or two environments."""
    child_a = first or _execute(Run(script, arguments, a_env), folder, "a", progress)
    try:
        child_b = _execute(Run(script_b or script, arguments, b_env), folder, "b", progress)
    except BaseException:
        child_a.close()
        raise
    try:
        a, b = _loaded(child_a), _loaded(child_b)
        choose = last_fits if script_b else fit_between_runs
        i, j = choose(a, b, wanted)
        check_comparable(a.fits[i - 1], b.fits[j - 1])
        chosen = _chosen(script, script_b, a_env, b_env, i, j, len(a.fits))
    except BaseException:
        child_a.close()
        child_b.close()
        raise
    side_a, side_b = Side(a, a.fits[i - 1]), Side(b, b.fits[j - 1])
    between = "scripts" if script_b else "runs"
    return Comparison(between, chosen, child_a, child_b, side_a, side_b, folder)


def _loaded(child: Child) -> Execution:
    if not child.recording.exists():
        raise WhydiffError(
            f"{child.run.script} never imported Keras, so it trained nothing that can be compared",
            "whydiff explains `fit` of Keras 3 models; tf_keras (Keras 2) is not watched.",
        )
    execution = load(child.recording)
    if execution.trouble:
        raise WhydiffError(
            f"recording {child.run.script} stopped early: {execution.trouble}",
            f"If the disk is full, make room in {child.recording.parent.parent}, or let the "
            "environment variable TMPDIR name another place.",
        )
    check_trained(execution, child.run.arguments)
    return execution


def _chosen(
    script: Path,
    script_b: Path | None,
    a_env: Mapping[str, str],
    b_env: Mapping[str, str],
    i: int,
    j: int,
    count: int,
) -> str:
    if script_b:
        return f"fit {i} of {script} and fit {j} of {script_b}; --fits I,J picks others"
    which = f"fit {i}" if count > 1 else "the fit"
    if a_env or b_env:
        settings = " and ".join(
            ", ".join(f"{k}={v}" for k, v in env.items()) or "the environment as it is"
            for env in (a_env, b_env)
        )
        return f"{which} in two executions of {script}, under {settings}"
    other = "; --fits I,J compares two fits of one execution" if count > 1 else ""
    return f"{which} in two executions of {script}{other}"
