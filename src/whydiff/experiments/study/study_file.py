"""The file of a study: begun or gone on with, kept or thrown away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import Plan
from whydiff.core.study import Study
from whydiff.core.temporary import temporary_folder
from whydiff.experiments.study.answer import answer, checked
from whydiff.experiments.tracking import StudyRuns
from whydiff.storage import StoredStudy, StudyWriter, load_study


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
