"""How a study divides rows into training and validation data, and what that does to its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from whydiff.core.dividing import KFOLD, SPLIT, divides, folds_of, held_out
from whydiff.core.errors import WhydiffError
from whydiff.core.plan import Plan
from whydiff.core.words import count
from whydiff.storage import StoredStudy
from whydiff.storage.codec import Checked


class Rows(Protocol):
    """The rows of a fit that could be divided anew, unless ``undivided`` says why not."""

    rows: int
    held: int
    undivided: str


@dataclass(frozen=True)
class Division:
    """Every division trains on ``training`` rows and holds out ``held``."""

    way: str
    training: int
    held: int

    @classmethod
    def of(cls, plan: Plan, fit: Rows) -> Division | None:
        """The division of a plan, None if it divides nothing. WhydiffError where it cannot."""
        way = plan.ways.get("data-content", "")
        if not divides(way):
            return None
        if fit.undivided:
            raise WhydiffError(
                f"the data of this fit cannot be divided anew: {fit.undivided}",
                "data-content=bootstrap resamples the training data alone.",
            )
        if way == SPLIT and not fit.held:
            raise WhydiffError(
                "this fit has no validation data, so there is no split to draw anew",
                f"Hold out folds of its training data, --vary data-content={KFOLD}=5, or give "
                "`fit` validation data.",
            )
        whole = fit.rows + fit.held
        held = held_out(way, whole, fit.held)
        if not held or held == whole:
            raise WhydiffError(
                f"{count(whole, 'row')} cannot be divided into {folds_of(way)} folds",
                f"Give at most {whole} folds.",
            )
        return cls(way, whole - held, held)

    @classmethod
    def stored(cls, study: StoredStudy) -> Division | None:
        """The division of a study file, None if it divides nothing. ValueError where damaged."""
        if "division" not in study.meta:
            return None
        meta = Checked(study.meta["division"], "the division")
        training, held = meta.integer("training"), meta.integer("held")
        if not (training > 0 and held > 0 and divides(meta.text("way"))):
            raise ValueError(f"a division into {training} and {held} rows")
        return cls(meta.text("way"), training, held)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @property
    def overlap(self) -> float:
        """Rows held out for each that is trained on: what widens the interval of a mean."""
        return self.held / self.training

    def notes(self) -> Iterator[str]:
        """What a person must know of numbers over such divisions."""
        how = (
            f"{folds} folds, one held out after the other"
            if (folds := folds_of(self.way))
            else ("other splits")
        )
        yield (
            f"Training and validation data were divided anew ({how}): of "
            f"{count(self.training + self.held, 'row')} {self.held} are held out. What the script "
            "made of the data before `fit`, as a scaler's mean, stays as it was."
            + (" The folds of one partition count as one block." if folds else "")
        )
        yield (
            "The training rows of two divisions overlap, so these runs say less about other data "
            "than as many independent ones: the interval of the mean allows for it (C. Nadeau and "
            "Y. Bengio, Machine Learning 52, 2003)."
        )
        yield (
            "Predictions are compared on the same rows in all runs; another division trains on "
            "some of them."
        )
