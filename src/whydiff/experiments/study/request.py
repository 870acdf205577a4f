"""What was asked of ``study``, the plan that follows from it, and the file that it goes into."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import BLOCKS, Plan, draw_plan
from whydiff.core.replicas import ASKED_FOR
from whydiff.core.shards import Shard
from whydiff.core.study import Study
from whydiff.core.temporary import temporary_folder
from whydiff.core.vary import Varied
from whydiff.experiments.study.answer import answer, checked, plan_of
from whydiff.experiments.study.parts import shard_of
from whydiff.experiments.tracking import StudyRuns
from whydiff.storage import StoredStudy, StudyWriter, load_study


@dataclass(frozen=True)
class Request:
    """What was asked for.

    ``time_limit`` (seconds of one run of the script) and ``workers`` (runs at a time) bound what
    runs the script; no replica is begun after ``until`` (of :func:`time.monotonic`). ``shard`` is
    the part of the plan to train, None for all of it. ``named`` is the script as a person names it,
    ``text`` a digest of its text: "" and None if there is no script.
    """

    varied: Varied = field(default_factory=Varied)
    blocks: int | None = None
    seed: int | None = None
    metric: str | None = None
    engine: str = "auto"
    arguments: tuple[str, ...] = ()
    fit: int | None = None
    time_limit: float | None = None
    workers: int | None = None
    shard: Shard | None = None
    named: str = ""
    text: str | None = None
    until: float | None = None

    def gone_on(self, stored: StoredStudy) -> Request:
        """With what was not asked for anew taken from a study that goes on."""
        shard = shard_of(stored)
        if self.shard is not None and self.shard != shard:
            known = f"shard {shard}" if shard else "a whole study"
            raise WhydiffError(
                f"{stored.path} holds {known}, not shard {self.shard}",
                "Leave --shard away, or name another --output.",
            )
        return replace(
            self,
            engine="process" if stored.meta.get("engine") == "process" else self.engine,
            fit=self.fit or stored.meta["fit"].get("index") or None,
            arguments=self.arguments or tuple(map(str, stored.meta.get("arguments", ()))),
            shard=shard,
        )

    def plan(
        self, sources: Sequence[str], refused: Mapping[str, str], stored: StoredStudy | None
    ) -> Plan:
        """The plan; that of ``stored``, with more blocks if asked for, where a study goes on."""
        if stored is not None:
            return self._longer(plan_of(stored))
        blocks = BLOCKS if self.blocks is None else self.blocks
        free = tuple(s for s in sources if s not in ASKED_FOR)
        wanted = self.varied.sources
        for name in wanted or ():
            if name not in sources:
                raise WhydiffError(
                    f"{name} cannot be redrawn: {refused.get(name, 'this training has none')}",
                    f"What can be: {', '.join(sources) or 'nothing'}.",
                )
        factors = self.varied.factors
        attributed = wanted if wanted is not None else (() if factors else free)
        redrawn = wanted if wanted is not None else free
        if not redrawn and factors:
            blocks = min(blocks, 1)  # nothing is random: once is enough
        try:
            return draw_plan(redrawn, attributed, factors, blocks, self.seed or 0, self.varied.ways)
        except WhydiffError as error:
            why = "; ".join(f"{s}: {reason}" for s, reason in refused.items())
            raise WhydiffError(f"{error}" + (f" ({why})" if why else ""), error.way_out) from None

    def _longer(self, plan: Plan) -> Plan:
        varied = self.varied
        if varied != Varied() and (
            (varied.sources or plan.attributed) != plan.attributed
            or dict(varied.factors) != dict(plan.factors)
            or dict(varied.ways) != dict(plan.ways)
        ):
            raise WhydiffError(
                "a study goes on with what it was begun with, not with another --vary",
                "Leave --vary away, or name another --output.",
            )
        if self.seed is not None and self.seed != plan.seed:
            raise WhydiffError(
                f"the study was begun with --seed {plan.seed}, not {self.seed}",
                "Leave --seed away, or name another --output.",
            )
        blocks = max(plan.blocks, self.blocks or 0)
        return plan.longer(blocks)


@dataclass(frozen=True)
class StudyFile:
    """Where a study is written. ``stored`` is what was in it before, if the study goes on.

    ``runs`` are its runs in a tracker, None where nobody asked for these.
    """

    path: Path
    stored: StoredStudy | None
    keep: bool  # somebody asked for it
    runs: StudyRuns | None = None

    @contextlib.contextmanager
    def writing(self, meta: dict[str, Any], plan: Plan) -> Iterator[StudyWriter]:
        """The file open for replicas; ``meta`` describes a study that begins."""
        if self.stored is None:
            writer = StudyWriter.begin(self.path, meta)
        else:
            writer = StudyWriter.resume(self.path)
            writer.note({"plan": plan.to_dict()})
        if self.runs is not None:
            self.runs.begin(meta, plan.to_dict())
            writer.added = self.runs.add
        with writer:
            yield writer

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """On Ctrl-C, say what is kept and how to go on."""
        try:
            yield
        except KeyboardInterrupt:
            if not self.keep:
                raise
            raise KeyboardInterrupt(
                f"the replicas trained so far are in {self.path}; `whydiff show {self.path}` "
                "reads them, the same command with --resume goes on"
            ) from None

    def answered(self, metric: str | None) -> Study:
        """What the replicas in it say."""
        found = answer(load_study(self.path), metric)
        return found if self.keep else replace(found, path="")


@contextlib.contextmanager
def study_file(
    output: str | Path | None, resume: bool, runs: StudyRuns | None = None
) -> Iterator[StudyFile]:
    """The study file: where one is named, else in a folder that goes away."""
    if output is None:
        if resume:
            raise WhydiffError("there is no study to go on with", "Name its file with output.")
        with temporary_folder() as folder:
            yield StudyFile(Path(folder) / "study.whydiff", None, False, runs)
        return
    path = Path(output)
    if not resume and path.exists():
        raise WhydiffError(
            f"{path} exists", "--resume goes on with the study in it; --output names another file."
        )
    yield StudyFile(path, checked(load_study(path)) if resume else None, True, runs)
