"""An explanation as blocks: the verdict first, then what supports it, then the way out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from whydiff.core.findings import CONFIRMED, Cause, Explanation
from whydiff.core.words import MORE, listed, number, pair, percent, source
from whydiff.report.blocks import Block, Code, Facts, Table, Text
from whydiff.report.evidence import evidence_blocks
from whydiff.report.point import point
from whydiff.report.zoom_view import zoom_blocks

#: "alone" from which on a source by itself moves the predictions about as far as all together
NEARLY_ALL = 0.8
#: a remainder that has to be told
TOLD = 0.01
#: suspects shown with their evidence on the first screen; the others are only named
SHOWN = ("initialization", "data-order", "data-content", "noise", "optimizer", "batch-size")


def explanation_blocks(e: Explanation, verbose: bool = False) -> list[Block]:
    """What is told about an explanation; ``verbose`` adds all evidence."""
    blocks: list[Block] = [Text(verdict(e), "verdict"), Facts(tuple(_facts(e)))]
    if e.causes:
        blocks += _causes(e, verbose)
    if e.zoom is not None:
        blocks += zoom_blocks(e.zoom, verbose)
    blocks += _cleared(e, verbose)
    blocks += [Text(note, "note") for note in e.notes]
    blocks += _remedy(e)
    if verbose:
        blocks += evidence_blocks(e.evidence)
    else:
        blocks.append(Text(f"More: {MORE}, --json FILE all numbers.", "note"))
    return blocks


def verdict(e: Explanation) -> str:
    """One sentence that answers the question."""
    what = {"runs": "executions", "scripts": "scripts"}.get(e.between, "trainings")
    if e.identical:
        return f"The two {what} are identical, bit for bit: every step, the weights, the logs."
    proven = [source(c.source) for c in e.causes if c.status == CONFIRMED]
    suspected = [source(c.source) for c in e.causes if c.status != CONFIRMED]
    if proven:
        also = f" Suspected, not proven: {listed(suspected)}." if suspected else ""
        return f"The two {what} differ because of {listed(proven)}.{also}"
    same_logs = e.gap.get("a") == e.gap.get("b")
    if not suspected and same_logs and e.gap.get("relative_weight_distance") == 0:
        return f"The two {what} end alike, bit for bit: what differs between them changes nothing."
    if suspected:
        return f"The two {what} differ; suspected, not proven: {listed(suspected)}."
    return f"The two {what} differ; the cause was not found."


def _facts(e: Explanation) -> Iterator[tuple[str, str]]:
    yield "Compared", e.chosen or e.question
    if not e.identical:
        yield "They part", point(e.first_divergence)
        gap = ", ".join(_gap(e))
        if gap:
            yield "In the end", gap


def _gap(e: Explanation) -> Iterator[str]:
    gap = e.gap
    if gap.get("metric") and gap.get("a") is not None and gap.get("b") is not None:
        one, other = pair(gap["a"], gap["b"])
        yield f"{gap['metric']} {one} against {other}"
    if gap.get("predictions_differ") is not None:
        yield f"{percent(gap['predictions_differ'])} of the predictions differ"
    if gap.get("relative_weight_distance") is not None:
        yield f"relative distance of the weights {number(gap['relative_weight_distance'])}"


def _causes(e: Explanation, verbose: bool) -> Iterator[Block]:
    measured = any(c.share is not None for c in e.causes)
    columns = ("Cause", "Share", "Alone", "Remaining") if measured else ("Cause", "Status")
    rows = []
    for cause in e.causes:
        name = cause.source + ("" if cause.status == CONFIRMED else " (suspected)")
        name += " (asked for)" if cause.intended else ""
        about = cause.detail or cause.evidence
        if measured:
            parts = (cause.share, cause.alone, cause.remaining)
            rows.append((name, *(percent(p) for p in parts), about))
        else:
            rows.append((cause.source, cause.status, about))
    yield Table((*columns, "What differs"), tuple(rows), numbers=frozenset(columns[1:]))
    if chaotic(e.causes):
        yield Text(
            "Each of these alone moves the predictions about as far as all of them together: "
            "the training amplifies any difference, so the shares do not rank the causes."
        )
    elif measured and verbose:
        yield Text(
            "Share: part of the distance between the predictions (Shapley value). Alone: the part "
            "that appears when only this differs. Remaining: what is left when only this is equal.",
            "note",
        )
    if e.unexplained > TOLD:
        yield Text(
            f"{percent(e.unexplained)} of the distance is unexplained: "
            + (
                "training again with everything equal did not give the same result."
                if e.evidence.get("reproduces a") is False
                else "all that could be carried over from B into A's training did not give B."
            ),
            "warning",
        )
    if verbose:
        yield Table(
            ("Cause", "Status", "Evidence"),
            tuple((c.source, c.status, c.evidence) for c in e.causes),
            "Evidence",
        )


def chaotic(causes: Sequence[Cause]) -> bool:
    """Whether every one of several sources alone gives nearly the whole distance."""
    alone = [c.alone for c in causes]
    return len(alone) > 1 and all(a is not None and a >= NEARLY_ALL for a in alone)


def _cleared(e: Explanation, verbose: bool) -> Iterator[Block]:
    if e.excluded:
        shown = [x for x in e.excluded if verbose or x.source in SHOWN]
        rows = [(x.source, x.evidence if verbose else short(x.evidence)) for x in shown]
        others = [x.source for x in e.excluded if x not in shown]
        if others:
            rows.append(("and", listed(others)))
        yield Table(("Ruled out", "Evidence"), tuple(rows))
    if e.unknown:
        if verbose:
            rows = [(x.source, x.evidence) for x in e.unknown]
            yield Table(("Not known", "What is missing"), tuple(rows))
        else:
            yield Text(f"Could not be judged: {listed([x.source for x in e.unknown])}.", "note")


def short(text: str, width: int = 84) -> str:
    """One line of a sentence, cut at a word."""
    return textwrap.shorten(text, width, placeholder=" ...")


def _remedy(e: Explanation) -> Iterator[Block]:
    remedy = e.remedy
    if not (remedy.patch or remedy.how):
        return
    head = "What to do: "
    if remedy.patch:
        head = "Fix, tried and it works: " if remedy.verified else "Fix, not proven to work: "
    yield Text(head + remedy.how, "" if remedy.verified or not remedy.patch else "warning")
    if remedy.patch:
        is_diff = remedy.patch.lstrip().startswith(("--- ", "diff "))
        yield Code(remedy.patch, "diff" if is_diff else "python")
