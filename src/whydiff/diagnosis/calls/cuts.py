"""A metric of the same samples in other batches: their answers move, or the metric by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from whydiff.core.findings import SUSPECTED, Cause
from whydiff.core.words import number, percent
from whydiff.diagnosis.calls.verdict import ONE_SIZE, Verdict, named_more, part_of_gap

#: A part below this share of the gap is not called a cause.
TOLD = 0.02
_MIXED, _AVERAGED = "rows-depend-on-their-batch", "metric-averaged-over-batches"


def by_answers(
    parts: Mapping[str, Any], moved: float, gap: float, metric: str, evidence: str
) -> Sequence[Cause]:
    """The cause where other batches make a model answer otherwise, and so move a metric.

    ``moved`` is how far the cut of fit moves it from that of evaluate; ``parts``: ``answers``, the
    part of this made by samples that are answered otherwise, absent where it could not be told;
    ``mixing`` names the layer that does so. ``evidence`` is what was measured.
    """
    answers = parts.get("answers")
    if abs((moved if answers is None else answers) / gap) < TOLD:
        return ()
    same = "fit and evaluate cut the same samples otherwise, and"
    if answers is None:
        return (Cause(
            "batch-size", f"{same} {metric} depends on it", SUSPECTED,
            f"{evidence}; whether the samples are answered otherwise or the metric alone depends "
            "on the batches could not be told", ONE_SIZE,
        ),)  # fmt: skip
    return (part_of_gap(
        "batch-size", _MIXED, answers / gap,
        f"{same} the answer for a sample depends on the others of its batch{_at(parts)}",
        f"{evidence}; answers that are others in other batches make {number(abs(answers))} of this",
    ),)  # fmt: skip


def by_metric(parts: Mapping[str, Any], moved: float) -> float:
    """How far the cut alone moves a metric, at equal answers; 0 where that could not be told."""
    return moved - float(parts["answers"]) if "answers" in parts else 0.0


def measured_otherwise(
    shares: Mapping[str, float], texts: Mapping[str, tuple[str, str]]
) -> Sequence[Cause]:
    """Parts of a gap that lie in the measuring as causes, by mechanism: ``texts`` are what differs
    and the evidence."""
    return [
        part_of_gap("measurement", id, share, *texts[id])
        for id, share in shares.items()
        if abs(share) >= TOLD
    ]


def named_by_cut(verdict: Verdict, parts: Mapping[str, Any], metric: str) -> Verdict:
    """The verdict on two evaluates with the mechanism by which the batch size moves ``metric``.

    ``parts``: the metric in both cuts (``a``, ``b``), what of the change the ``answers`` make, and
    the layer that is ``mixing`` samples.
    """
    moved, answers = float(parts["a"]) - float(parts["b"]), float(parts["answers"])
    mixed, averaged = abs(answers), abs(moved - answers)
    texts = []
    if mixed >= TOLD * abs(moved):
        texts.append(f"the answer for a sample depends on the others of its batch{_at(parts)}")
    if averaged >= TOLD * abs(moved):
        texts.append(f"{metric} is a mean over batches, each computed by itself")
    if len(texts) > 1:
        shares = [percent(part / moved) for part in (answers, moved - answers)]
        texts = [f"{text} ({share})" for text, share in zip(texts, shares, strict=True)]
    known = _MIXED if mixed >= averaged else _AVERAGED
    named = named_more(verdict, "batch-size", "; ".join(texts), known)
    proof = (
        f"with A's answers for them B's batches move {metric} by {number(abs(moved - answers))}, "
        f"with their own by {number(abs(moved))}"
    )
    causes = (
        replace(c, evidence=f"{c.evidence}; {proof}") if c.source == "batch-size" else c
        for c in named.causes
    )
    return replace(named, causes=tuple(causes))


def _at(parts: Mapping[str, Any]) -> str:
    where = parts.get("mixing")
    return f", first in {where}" if where else ""
