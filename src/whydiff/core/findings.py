"""What is found: plain objects that reports walk and ``to_dict`` turns into the JSON contract."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from whydiff.core.notebook import Shown

IDENTICAL, DIFFERS, UNKNOWN = "identical", "differs", "unknown"
CONFIRMED, SUSPECTED = "confirmed", "suspected"


@dataclass(frozen=True)
class Finding:
    """One source compared between two recipes.

    ``status`` is identical, differs (``evidence`` says what) or unknown (``evidence`` says what
    is missing). ``mechanism`` is the id of the known mechanism behind it (see
    ``whydiff.diagnosis.mechanisms``), "" if none was recognised. ``intended`` says that the script
    asks for the difference (another optimizer): it is intentional.
    """

    source: str
    status: str
    evidence: str
    detail: str = ""
    remedy: str = ""
    mechanism: str = ""
    intended: bool = False


#: Where only one of two fits makes a further step: "only B goes on".
GOES_ON = "goes on"


@dataclass(frozen=True)
class Divergence:
    """The first point at which two fits part. ``step`` counts from 0 within its epoch.

    With ``since`` the steps from that (epoch, step) on were not looked at: it is one of them, or
    the one named.
    """

    epoch: int
    step: int
    phase: str
    where: str
    max_ulp: int | None = None
    relative: float | None = None
    since: tuple[int, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of the contract."""
        return asdict(self)


@dataclass(frozen=True)
class Diff(Shown):
    """Two fits compared without training anything.

    ``incomplete`` says that one of them was not recorded to its end: what is equal is so up to
    there only. ``ignored`` are sources that differ and that the question asked to leave out of the
    verdict.
    """

    a: str
    b: str
    identical: bool
    first_divergence: Divergence | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    incomplete: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)  # both sides, laid side by side
    kind: str = "fits"  # | "calls": two uses of a model that measure
    ignored: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row per source."""
        return [asdict(finding) for finding in self.findings]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "schema": 1,
            "a": self.a,
            "b": self.b,
            "kind": self.kind,
            "identical": self.identical,
            "incomplete": self.incomplete,
            "first_divergence": self.first_divergence and self.first_divergence.to_dict(),
            "sources": [asdict(f) for f in self.findings],
            "ignored": list(self.ignored),
            "notes": list(self.notes),
            "evidence": self.evidence,
        }


@dataclass(frozen=True)
class Cause:
    """A source that made two trainings differ.

    ``alone``: part of the distance between A's and B's predictions that appears when only this
    source is taken from B. ``remaining``: part that remains when only this source is made equal.
    ``share``: Shapley value over the sources that differ. All None while only suspected, and
    where sources offset each other so far that parts of what is left say nothing: ``offsets``
    names the sources that this one offsets. ``ignored``: the question asked to leave it out of the
    verdict. ``where`` is the line that drew or set it, as
    ``train.py:12``, or "" where that is not known.
    """

    source: str
    detail: str
    status: str
    evidence: str
    remedy: str
    share: float | None = None
    alone: float | None = None
    remaining: float | None = None
    intended: bool = False
    mechanism: str = ""
    offsets: tuple[str, ...] = ()
    where: str = ""
    ignored: bool = False


@dataclass(frozen=True)
class Excluded:
    """A suspect ruled out, with the evidence."""

    source: str
    evidence: str


@dataclass(frozen=True)
class Remedy:
    """The smallest change that was tried. ``patch`` is a unified diff or a prelude, or "".

    ``confirms`` are the sources it repairs, if with it two runs agree bit for bit.
    """

    patch: str
    verified: bool
    how: str
    confirms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sighting:
    """One tensor of one step on both sides. ``rounding``: no further apart than rounding goes.

    ``name`` is as A calls it (as B does where A has none); sizes are None where shapes or types
    differ or only one side has it.
    """

    phase: str  # "forward" | "gradient" | "update"
    name: str
    max_ulp: int | None = None
    relative: float | None = None
    rounding: bool = False
    only: str = ""  # "a" or "b" where the other side has no counterpart


@dataclass(frozen=True)
class Zoom:
    """The step at which two trainings part, looked at tensor by tensor *on equal inputs*.

    ``inputs`` are the differences in what goes into the step: there everything is taken from A.
    ``different`` lists, in the order of computation, what came out unequal all the same, and
    ``beyond`` the first of them that is no rounding; ``equal`` counts what came out equal.
    ``growth`` tells how the two real trainings go apart from this step on. ``failure`` says why
    there is nothing else, "" if there is.
    """

    epoch: int
    step: int
    inputs: tuple[Sighting, ...] = ()
    different: tuple[Sighting, ...] = ()
    equal: int = 0
    growth: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failure: str = ""

    @property
    def first(self) -> Sighting | None:
        return self.different[0] if self.different else None

    @property
    def beyond(self) -> Sighting | None:
        return next((s for s in self.different if not s.rounding), None)

    def to_dict(self) -> dict[str, Any]:
        """What the JSON holds under ``zoom``."""
        return {
            **asdict(self),
            "first": self.first and asdict(self.first),
            "first_beyond_rounding": self.beyond and asdict(self.beyond),
        }


def _known(cause: dict[str, Any]) -> dict[str, Any]:
    """Without the parts that were not measured, so that all numbers that are there are numbers."""
    return {key: value for key, value in cause.items() if value is not None}


#: evidence of two runs that agree in all that was watched, and print other numbers
PRINTED_OTHERWISE = "printed otherwise"


@dataclass(frozen=True)
class Explanation(Shown):
    """The answer of ``explain``; :meth:`to_dict` is schema 1 of the contract."""

    question: str
    between: str  # "fits" | "runs" | "scripts" | "calls"
    a: dict[str, Any]
    b: dict[str, Any]
    chosen: str  # one line: what was compared and how to choose otherwise
    identical: bool
    first_divergence: Divergence | None
    causes: tuple[Cause, ...]
    excluded: tuple[Excluded, ...]
    unknown: tuple[Excluded, ...]
    unexplained: float
    gap: dict[str, Any]
    remedy: Remedy
    notes: tuple[str, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)  # for --verbose: hybrids, ledger, ...
    zoom: Zoom | None = None  # only where it was asked for
    #: whether A trained again from what was recorded is A, bit for bit; what is identical needs
    #: no such proof
    reproduced: bool = True
    #: other disagreements seen in the script, each with the command that explains it
    others: tuple[dict[str, Any], ...] = ()
    #: where two calls differ because their weights were trained apart: these two fits explained
    continued: Explanation | None = None

    @property
    def agrees(self) -> bool:
        """Whether all that was watched is identical, also where the two print other numbers."""
        return self.identical or PRINTED_OTHERWISE in self.evidence

    def rows(self) -> list[dict[str, Any]]:
        """One row per cause."""
        return [asdict(cause) for cause in self.causes]

    def to_dict(self) -> dict[str, Any]:
        """Schema 1: these names are fixed, additions are allowed."""
        return {
            "schema": 1,
            "question": self.question,
            "compared": {
                "between": self.between,
                "a": self.a,
                "b": self.b,
                "chosen": self.chosen,
            },
            "identical": self.identical,
            "first_divergence": self.first_divergence and self.first_divergence.to_dict(),
            "causes": [_known(asdict(c)) for c in self.causes],
            "excluded": [asdict(e) for e in self.excluded],
            "unknown": [asdict(e) for e in self.unknown],
            "unexplained": self.unexplained,
            "reproduced": self.reproduced,
            "gap": self.gap,
            "others": list(self.others),
            "remedy": asdict(self.remedy),
            "notes": list(self.notes),
            "evidence": self.evidence,
            **({"zoom": self.zoom.to_dict()} if self.zoom else {}),
            **({"continued": self.continued.to_dict()} if self.continued else {}),
        }


def with_explanation(answer: Any, explanation: Explanation | None) -> dict[str, Any]:
    """The JSON values of an answer that holds an explanation of what it found."""
    values = {k: v for k, v in asdict(answer).items() if k != "explanation"}
    return {"schema": 1, **values, "explanation": explanation and explanation.to_dict()}
