"""Data and settings that a script draws from a generator without a seed.

The ledger holds what was seeded, not what was drawn; which lines draw is read in the script's text.
"""

from __future__ import annotations

from dataclasses import replace

from whydiff.core.findings import DIFFERS, Finding
from whydiff.diagnosis.mechanisms import mechanism as known
from whydiff.diagnosis.sources import data_content
from whydiff.diagnosis.sources.data_order import LOOP_ORDER

#: Settings of one program, of which two runs that differ in them have drawn them.
SETTINGS = ("optimizer", "objective", "architecture", "batch-size", "duration", "precision",
             "mode", "measurement")  # fmt: skip
#: Mechanisms of data of which nothing else says how they came to differ.
_UNSAID = ("", "unseeded-split", "unseeded-generator", "other-subset", "prepared-otherwise")
#: Mechanisms of samples that a set may have arranged or numbered.
_BY_A_SET = (*_UNSAID, *data_content.BY_RULE, "labels-permuted", "rows-reordered",
             "rows-mismatched", "other-shuffle")  # fmt: skip


def drawn_otherwise(finding: Finding, lines: str, alike: bool, racing: bool = False) -> Finding:
    """A finding of two runs with the ``lines`` of the script that draw unseeded, "" for none.

    What is drawn so is not intentional, also where two scripts do it. ``alike`` says that one
    program was run twice in one way: it asks both runs for the same, so nothing in which they
    differ is intentional, and settings may be drawn, too. ``racing``: threads draw in these lines.
    """
    if finding.status != DIFFERS:
        return finding
    if alike:
        finding = replace(finding, intended=False)
    detail = f"{finding.detail}; {lines}"
    unsaid = finding.mechanism == "host-draws" and "without a seed" not in finding.detail
    if lines and (unsaid or finding.mechanism == LOOP_ORDER):
        return replace(finding, detail=detail)
    if lines and _unsaid(finding):
        shared = finding.mechanism in ("unseeded-split", "other-subset")
        mechanism = "unseeded-split" if shared else "unseeded-generator"
        if racing:
            mechanism = "racing-workers"
            finding = replace(finding, remedy=known(mechanism).remedy)
        return replace(finding, detail=detail, mechanism=mechanism, intended=False)
    if lines and alike and finding.source in SETTINGS and not finding.mechanism:
        remedy = known("drawn-setting").remedy
        return replace(finding, detail=detail, mechanism="drawn-setting", remedy=remedy)
    return finding


def made_in_workers(finding: Finding, workers: int) -> Finding:
    """A finding of two runs on their samples where the script started so many processes of its own
    and nothing else was seen that draws without a seed."""
    if finding.source != data_content.ID or not workers or not _unsaid(finding):
        return finding
    which = "worker process draws" if workers == 1 else f"{workers} worker processes draw"
    detail = f"{finding.detail or finding.evidence}; what its {which} is not watched: a process "
    detail += "that is spawned does not take over the script's seed"
    mechanism = known("drawn-in-workers")
    return replace(finding, detail=detail, mechanism=mechanism.id, remedy=mechanism.remedy)


def ordered_by(finding: Finding, lines: str) -> Finding:
    """A finding on the order of a stream with the ``lines`` that shuffle it, "" for none."""
    streams = ("pipeline-shuffle", LOOP_ORDER)
    if finding.status != DIFFERS or finding.mechanism not in streams or not lines:
        return finding
    detail = f"{finding.detail}; {lines}"
    if finding.mechanism == LOOP_ORDER:  # the loop goes through a pipeline
        remedy = known("pipeline-shuffle").remedy
        return replace(finding, detail=detail, mechanism="pipeline-shuffle", remedy=remedy)
    return replace(finding, detail=detail)


def in_hash_order(finding: Finding, lines: str, drawn: bool) -> Finding:
    """A finding of two runs on their samples with the ``lines`` that go through a set, "" for none;
    where nothing is ``drawn`` without a seed and nothing else says why, these are the reason."""
    fed = finding.source in (data_content.ID, "data-order")
    if finding.status != DIFFERS or not lines or not fed or finding.mechanism not in _BY_A_SET:
        return finding
    detail = f"{finding.detail or finding.evidence}; {lines}"
    if drawn or finding.mechanism not in _UNSAID:
        return replace(finding, detail=detail)
    remedy = known("hash-order").remedy
    return replace(finding, detail=detail, mechanism="hash-order", remedy=remedy, intended=False)


def drawn_in_turn(finding: Finding, lines: str, own: bool) -> Finding:
    """The finding on the data of two fits of one run that ``lines`` of the script draw for each.

    ``own``: they draw from a generator of the script's own.
    """
    mechanism = "unseeded-split" if finding.mechanism and not own else "drawn-in-turn"
    return replace(
        finding,
        detail=f"{finding.evidence}; {lines}, anew for each of the two fits: it was not set back "
        "to the same seed in between",
        mechanism=mechanism,
        remedy=known(mechanism).remedy,
        intended=False,
    )


def _unsaid(finding: Finding) -> bool:
    """Whether nothing else says how the data came to differ."""
    unsaid = finding.mechanism in _UNSAID and finding.detail == finding.evidence
    return finding.source == data_content.ID and unsaid
