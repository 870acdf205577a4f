"""The document of an explanation: why two results differ, confirmed by intervention."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from whydiff.core.findings import CONFIRMED, DIFFERS, Cause, Explanation, Finding
from whydiff.core.places import place_in
from whydiff.core.study import Study
from whydiff.core.words import capital, count, listed, number, pair, percent, source
from whydiff.report.document import (
    DIFFERENT,
    MORE,
    OPEN,
    SAME,
    SCREEN,
    VERBOSE,
    Block,
    Brief,
    Code,
    Document,
    Facts,
    Fold,
    Gallery,
    Picture,
    Place,
    Section,
    Table,
    Text,
    notes,
)
from whydiff.report.documents.calls import (
    MovedBy,
    call_causes,
    call_facts,
    call_hybrids,
    call_verdict,
    calls_in_order,
    causes_in_parts,
    of_calls,
    other_disagreements,
    rows_apart,
    said_not_watched,
    said_of_ignored,
    side_of,
)
from whydiff.report.documents.first_divergence import first_divergence, point, share, zoom_blocks
from whydiff.report.documents.fits_table import fits_of_script
from whydiff.report.documents.reproduce import reproduce, with_page
from whydiff.report.documents.sides import evidence_blocks, side_by_side
from whydiff.report.documents.study import distribution_chart, draws

#: parts of the evidence that have a section of their own
SHOWN_ELSEWHERE = frozenset(
    ("findings", "trace", "epochs", "order", "seeds", "settings", "environment", "equal steps",
     "command", "fits", "hybrids", "disagreements", "rows", "calls", "fits")
)  # fmt: skip
#: a remainder that has to be named
WORTH_NAMING = 0.01
#: parts of the difference below this are named apart in the first sentence
_SLIGHT = 1e-3
#: sources ruled out whose evidence has a place on the first screen, as has that of all that differ
#: without effect; the others are only named
FIRST = ("initialization", "data-order", "data-content", "noise", "optimizer", "batch-size")


def document(e: Explanation, name: str = "", among: Study | None = None) -> Document:
    """Verdict, causes, what was ruled out, fix; then the first divergence, sides, all numbers.

    ``among`` is a study of the same training: A and B are marked on its distribution.
    """
    confirmed = any(c.status == CONFIRMED for c in e.causes)
    command = e.evidence.get("command")
    divergence = None if e.agrees else e.first_divergence
    calls = of_calls(e)
    sections = [
        *(call_causes(e) if calls else _causes(e)),
        *([] if calls else [first_divergence(divergence, e.evidence, e.gap.get("metric"))]),
        *(_details_of(e, measuring=True) if calls else ()),
        *saved_files(e.evidence),
        *fits_of_script(e.evidence.get("fits") or ()),
        *_among(e, among),
        *_disagreements(e),
        *_zoom(e),
        *_ruled_out(e),
        notes("notes", "Notes", e.notes),
        *_fix(e),
        *_continued(e),
        *other_disagreements(e),
        *([] if calls else [side_by_side(e.evidence)]),
        *(calls_in_order(e.evidence.get("calls") or []) if calls else ()),
        *rows_apart(e.evidence.get("rows") or []),
        *(call_hybrids(e) if calls else _numbers(e)),
        reproduce([with_page(command)] if command else [], e.evidence, name),
    ]
    facts = tuple(call_facts(e) if calls else _facts(e))
    return Document(
        question=e.question,
        verdict=verdict(e),
        tone=SAME if e.identical else DIFFERENT if confirmed else OPEN,
        sides=tuple((n, (side_of if calls else _side)(s)) for n, s in (("A", e.a), ("B", e.b))),
        facts=facts,
        tiles=tuple((name, value.partition("; --")[0]) for name, value in facts),
        sections=tuple(sections),
        places=tuple(places_of_causes(e.causes, e.a, e.b)),
        more=MORE,
    )


def verdict(e: Explanation) -> str:
    """One sentence that answers the question."""
    if of_calls(e):
        return call_verdict(e)
    what = {"runs": "runs", "scripts": "scripts"}.get(e.between, "trainings")
    if {"revision"} & {*e.a, *e.b} and e.a.get("script") == e.b.get("script"):
        what = "revisions"
    if e.agrees:
        left_out = "digested" in (e.evidence.get("equal steps") or {})
        steps = "every step that was digested" if left_out else "every step"
        same = f"The two {what} are identical, bit for bit: {steps}, the weights, the logs."
        if not e.identical:
            same = f"The two {what} agree bit for bit in all that was watched."
        return same + said_not_watched(e)
    causes = [c for c in e.causes if not c.ignored]
    confirmed = [source(c.source, mechanism=c.mechanism) for c in causes if c.status == CONFIRMED]
    suspected = [source(c.source, mechanism=c.mechanism) for c in causes if c.status != CONFIRMED]
    ignored = said_of_ignored(e)
    if confirmed:
        also = f" Suspected, not confirmed: {listed(suspected)}." if suspected else ""
        also += ignored
        offset = [source(c.source, mechanism=c.mechanism) for c in causes if c.offsets]
        if offset == confirmed and all(c.share is None for c in causes):
            return (
                f"The two {what} differ in {listed(offset)}, which offset each other: together "
                f"they leave almost no difference{_only_logged(e)}.{also}"
            )
        slight = [source(c.source, mechanism=c.mechanism) for c in causes if _hardly(c)]
        if slight and len(slight) < len(confirmed):
            also = f" Next to nothing comes from {listed(slight)}.{also}"
            confirmed = [name for name in confirmed if name not in slight]
        whose = "which" if offset == confirmed else f"of which {listed(offset)}"
        partly = f", {whose} partly offset each other" if offset else ""
        return f"The two {what} differ because of {listed(confirmed)}{partly}.{also}"
    same_logs = e.gap.get("a") == e.gap.get("b") and not e.unexplained
    if not e.causes and same_logs and e.gap.get("relative_weight_distance") == 0:
        return f"The two {what} end alike, bit for bit: what differs between them changes nothing."
    if suspected:
        return f"The two {what} differ; suspected, not confirmed: {listed(suspected)}.{ignored}"
    if ignored:
        return f"The two {what} differ; no cause was found but those to ignore.{ignored}"
    return f"The two {what} differ; the cause was not found."


def _hardly(cause: Cause) -> bool:
    """Whether a cause was measured to make next to nothing of the difference."""
    parts = (cause.share, cause.alone, None if cause.remaining is None else 1 - cause.remaining)
    return cause.status == CONFIRMED and all(
        part is not None and abs(part) < _SLIGHT for part in parts
    )


def _only_logged(e: Explanation) -> str:
    same_weights = e.gap.get("relative_weight_distance") == 0
    return " in the weights; the logged numbers differ" if same_weights else ""


def _side(side: dict[str, Any]) -> str:
    described = f"fit {side.get('fit', '?')} of {side.get('script', '?')}"
    if side.get("revision"):
        described += f" at {side['revision']}"
    if side.get("line"):
        described += f", line {side['line']}"
    return f"{described}, on {side['backend']}" if side.get("backend") else described


def _facts(e: Explanation) -> Iterator[tuple[str, str]]:
    yield "Compared", e.chosen or e.question
    if e.agrees:
        return
    yield "First divergence", capital(point(e.first_divergence))
    final = ", ".join(_gap(e))
    if final:
        yield "Final result", final
    lengths = [_length(side) for side in (e.a, e.b)]
    if all(lengths) and lengths[0] != lengths[1]:
        yield "Trained", " vs. ".join(lengths)


def _length(side: dict[str, Any]) -> str:
    epochs, steps = side.get("epochs"), side.get("steps")
    if epochs is None or steps is None:
        return ""
    return f"{count(epochs, 'epoch')} of {count(steps, 'step')} in all"


def _gap(e: Explanation) -> Iterator[str]:
    gap = e.gap
    if gap.get("metric") and gap.get("a") is not None and gap.get("b") is not None:
        one, other = pair(gap["a"], gap["b"])
        yield f"{gap['metric']} {one} vs. {other}"
    if gap.get("predictions_differ") is not None:
        yield f"{percent(gap['predictions_differ'])} of the predictions differ"
    elif gap.get("prediction_distance") is not None:
        yield f"predictions differ by {number(gap['prediction_distance'])} (root mean square)"
    if gap.get("relative_weight_distance") is not None:
        yield f"relative distance of the weights {number(gap['relative_weight_distance'])}"


def _causes(e: Explanation) -> Iterator[Section]:
    if not e.causes:
        return
    blocks: list[Block] = [causes_in_parts(e.causes, _moved(e))]
    if e.reproduced and e.unexplained > WORTH_NAMING:  # else a note says what was not reproduced
        blocks.append(Text(
            f"{percent(e.unexplained)} of the distance is unexplained: all that could be "
            "transferred from B into A's training did not give B.", "warning",
        ))  # fmt: skip
    confirmed = [source(c.source, mechanism=c.mechanism) for c in e.causes if c.status == CONFIRMED]
    lead = (
        f"Confirmed by {_proof(e)}: {listed(confirmed)}."
        if confirmed
        else "Nothing was confirmed; these are suspects."
    )
    yield Section("causes", "What caused it", tuple(blocks), lead, SCREEN)
    yield from _details_of(e)


def _details_of(e: Explanation, measuring: bool = False) -> Iterator[Section]:
    details = [block for cause in e.causes for block in _details(cause, measuring)]
    yield Section("details", "The causes one by one", tuple(details), depth=VERBOSE)


def _proof(e: Explanation) -> str:
    """By which intervention causes were confirmed."""
    if not e.reproduced and e.remedy.confirms:
        return "a fix with which two runs agree bit for bit"
    return "training again with one source changed at a time"


def _moved(e: Explanation) -> MovedBy:
    words = "; ".join(
        f"{c.source} alone {percent(c.alone)}, without it {percent(c.remaining)} remain"
        for c in e.causes
        if c.alone is not None or c.remaining is not None
    )
    measure = e.gap.get("shares_of", "predictions")
    samples = e.gap.get("samples")
    n = f"n = {samples} predicted samples" if samples else "the predicted samples"
    n = n if measure == "predictions" else f"the {measure}"
    return MovedBy(
        f"the {measure}",
        f"the distance between the {measure} of A and B",
        f"Bars in parts of the distance between A's and B's {measure}: {words}.",
        f"100 % is the whole distance from A to B, measured on {n} with one training each: exact "
        "for these two trainings, no estimate over seeds, so there is no interval.",
    )


def _details(cause: Cause, measuring: bool) -> Iterator[Block]:
    status = "confirmed" if cause.status == CONFIRMED else "suspected, not confirmed"
    rows = [("What differs", cause.detail or cause.evidence)]
    if cause.evidence and cause.evidence != cause.detail:
        rows.append(("Evidence", cause.evidence))
    if cause.mechanism:
        more = f"{cause.mechanism}, see `whydiff help {cause.mechanism}`"
        rows.append(("Known mechanism", more))
    if cause.intended:
        rows.append(("Intentional", "yes: the script itself sets it differently"))
    if cause.ignored:
        rows.append(("Ignored", "yes: --ignore-sources, or the project's settings, name it"))
    if cause.remedy:
        rows.append(("What to do", cause.remedy))
    what = capital(source(cause.source, measuring=measuring, mechanism=cause.mechanism))
    yield Text(f"{what} ({cause.source}, {status})", "verdict")
    yield Facts(tuple(rows))


def _zoom(e: Explanation) -> Iterator[Section]:
    if e.zoom is not None:
        full, brief = tuple(zoom_blocks(e.zoom, verbose=True)), tuple(zoom_blocks(e.zoom))
        title = "The step of the first divergence, tensor by tensor"
        yield Section("zoom", title, (Brief(brief, full),), depth=SCREEN)


def _ruled_out(e: Explanation) -> Iterator[Section]:
    blocks: list[Block] = []
    if e.excluded:
        heads = ("Ruled out", "Evidence")
        first = [x for x in e.excluded if x.source in FIRST or "; but " in x.evidence]
        shown = first or list(e.excluded[:2])
        others = [x.source for x in e.excluded if x not in shown]
        rows = [(x.source, x.evidence) for x in shown]
        rows += [("and", listed(others))] if others else []
        full = Table(heads, tuple((x.source, x.evidence) for x in e.excluded))
        blocks.append(Brief((Table(heads, tuple(rows)),), (full,)))
    if e.unknown:
        rows_unknown = tuple((x.source, x.evidence) for x in e.unknown)
        blocks.append(Table(("Unknown", "Why"), rows_unknown))
    lead = f"{count(len(e.excluded), 'suspect')} ruled out, each with evidence." if blocks else ""
    yield Section("excluded", "What was ruled out", tuple(blocks), lead, SCREEN)


def _fix(e: Explanation) -> Iterator[Section]:
    remedy = e.remedy
    if not remedy.patch and (e.identical or not remedy.how):
        return
    title = "What to do"
    if remedy.patch:
        title = f"Suggested fix ({'verified' if remedy.verified else 'not verified'})"
    blocks: tuple[Block, ...] = ()
    if remedy.patch:
        is_diff = remedy.patch.lstrip().startswith(("--- ", "diff "))
        blocks = (Code(remedy.patch, "diff" if is_diff else "python"),)
    yield Section("fix", title, blocks, remedy.how, SCREEN, announced=True)


def _continued(e: Explanation) -> Iterator[Section]:
    """Why the two fits differ that left the weights of two calls."""
    if e.continued is None:
        return
    fits = " and ".join(str(side.get("fit", "?")) for side in (e.continued.a, e.continued.b))
    whole = document(e.continued)
    blocks = (Facts(whole.facts),)
    yield Section("fits", f"Why fits {fits} differ", blocks, whole.verdict, SCREEN, True)
    for section in whole.sections:
        title = f"Fits {fits}: {section.title[:1].lower()}{section.title[1:]}"
        yield replace(section, id=f"fits-{section.id}", title=title)


def _among(e: Explanation, study: Study | None) -> Iterator[Section]:
    """A and B on the distribution that reseeding gives."""
    if study is None:
        return
    metric = study.outcome.metric
    marked = {
        name: float(side["logs"][metric])
        for name, side in (("A", e.a), ("B", e.b))
        if metric in (side.get("logs") or {})
    }
    chart = distribution_chart(study, marked) if len(marked) == 2 else None
    if chart is None:
        yield Section(
            "among",
            "A and B among other draws",
            (),
            f"A and B did not both log {metric}, or the study holds fewer than two draws: "
            "there is nothing to mark.",
        )
        return
    values = draws(study)
    gap = abs(marked["A"] - marked["B"])
    pairs = [abs(a - b) for a, b in itertools.combinations(values, 2)]
    wider = sum(p >= gap for p in pairs)
    lead = (
        f"A and B are {number(gap)} apart in {metric}. Of the draws of {study.script}, which "
        f"differ in their seeds only, {percent(wider / len(pairs))} of all pairs are at least as "
        f"far apart (n = {len(values)} draws; pairs share draws, so this is no test)."
    )
    yield Section("among", "A and B among other draws", (chart,), lead)


def _disagreements(e: Explanation) -> Iterator[Section]:
    """The examples that A and B predict differently, as images where they are some."""
    shown = e.evidence.get("disagreements") or []
    if not shown:
        return
    pictures = tuple(
        Picture(
            base64.b64decode(s["picture"]),
            f"A says {s['a']}, B says {s['b']}",
            f"Example {s['example']}",
        )
        for s in shown
        if s.get("picture")
    )
    table = Table(
        ("Example", "Class of A", "Class of B", "Distance"),
        tuple((str(s["example"]), str(s["a"]), str(s["b"]), number(s["distance"])) for s in shown),
        numbers=frozenset(("Example", "Class of A", "Class of B", "Distance")),
    )
    blocks: list[Block] = [Gallery("", pictures)] if pictures else []
    blocks.append(Fold("The numbers as a table", (table,)) if pictures else table)
    lead = (
        f"{_predictions(e.gap)} are predicted differently. The {len(shown)} on which A and B are "
        "furthest apart:"
    )
    yield Section("examples", "Where A and B disagree", tuple(blocks), lead)


def _predictions(gap: dict[str, Any]) -> str:
    return share(gap["predictions_differ"], gap.get("interval"), gap.get("samples"))


def _numbers(e: Explanation) -> Iterator[Section]:
    blocks: list[Block] = []
    gap = e.gap
    rows = []
    if gap.get("predictions_differ") is not None:
        shown = share(gap["predictions_differ"], gap.get("interval"), gap.get("samples"))
        rows.append(("Predictions that differ", f"{shown}, over the samples predicted"))
    elif gap.get("prediction_distance") is not None:
        distance = number(gap["prediction_distance"])
        rows.append(("Distance of the predictions",
                     f"{distance}, root mean square in the units of the target"))  # fmt: skip
    if gap.get("relative_weight_distance") is not None:
        rows.append(("Relative distance of the weights", number(gap["relative_weight_distance"])))
    for layer, distance in (gap.get("layers") or {}).items():
        rows.append((f"Weights of {layer}", number(distance)))
    for key, words in (("reproduces a", "A"), ("reproduces b", "B")):
        if e.evidence.get(key) is not None:
            outcome = "gave the same bits" if e.evidence[key] else "gave other bits"
            rows.append((f"{words} trained again", outcome))
    if rows:
        blocks.append(Facts(tuple(rows)))
    hybrids = e.evidence.get("hybrids") or []
    if hybrids:
        table = Table(
            ("Taken from B", "Distance from A", "Seconds"),
            tuple(
                (listed(h["from B"]) or "nothing", percent(h["distance"]), number(h["seconds"]))
                for h in hybrids
            ),
            "Every hybrid that was trained; the distance is in parts of that from A to B",
            numbers=frozenset({"Distance from A", "Seconds"}),
        )
        blocks.append(Fold(f"All {len(hybrids)} hybrids of A and B", (table,)))
    others = {k: v for k, v in e.evidence.items() if k not in SHOWN_ELSEWHERE and v}
    others = {k: v for k, v in others.items() if not k.startswith("reproduces")}
    if others:
        blocks.append(Fold("Further evidence", tuple(evidence_blocks(others))))
    if blocks:
        yield Section("numbers", "All numbers", tuple(blocks), depth=VERBOSE)


# --- what the files of two saved models hold: settings that differ, weights layer by layer ----


#: rows of a table on the first screen
MOST_SETTINGS = 8
_TITLES = {
    "saved settings": "Settings that differ",
    "saved compile settings": "Settings of compile that differ",
}


def saved_files(evidence: Mapping[str, Any]) -> Iterator[Section]:
    """Sections on the two files; none where no files were compared."""
    for name, title in _TITLES.items():
        rows = [(r["setting"], r["a"], r["b"]) for r in evidence.get(name) or ()]
        brief, full = (Table(("Setting", "A", "B"), tuple(r)) for r in (rows[:MOST_SETTINGS], rows))
        more = len(rows) - MOST_SETTINGS
        lead = f"{count(more, 'further setting')} with --verbose." if more > 0 else ""
        depth = SCREEN if name == "saved settings" else VERBOSE
        if rows:
            yield Section(name.replace(" ", "-"), title, (Brief((brief,), (full,)),), lead, depth)
    weights = evidence.get("saved weights") or ()
    different = [w for w in weights if w["relative"] != 0.0]
    if different:
        lead = f"{len(different)} of {count(len(weights), 'weight tensor')} differ."
        block = Brief((_weights(different[:MOST_SETTINGS]),), (_weights(weights),))
        yield Section("saved-weights", "Weights, layer by layer", (block,), lead, SCREEN)


def _weights(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        ("Weight", "In A", "In B", "Relative difference"),
        tuple((r["weight"], r["a"], r["b"], number(r["relative"])) for r in rows),
        numbers=frozenset({"Relative difference"}),
        legend="Relative difference: norm of B - A over the larger norm of both; 0 only where all "
        "bits are equal.",
    )


def places_of_causes(
    causes: Sequence[Cause], a: Mapping[str, Any], b: Mapping[str, Any]
) -> Iterator[Place]:
    """A place per cause: the line that it names, else the line of B's call.

    ``a`` and ``b`` are the sides of an explanation. What the script sets on
    purpose, and what is ignored, is a notice.
    """
    script = str(b.get("script") or a.get("script") or "")
    line = int(b.get("line") or a.get("line") or 0)
    for cause in causes:
        named, _, number = cause.where.rpartition(":")
        file, at = (named, int(number)) if number.isdecimal() else (script, line)
        level = "error" if cause.status == CONFIRMED else "warning"
        if cause.intended or cause.ignored:
            level = "notice"
        what = capital(source(cause.source, measuring="call" in b, mechanism=cause.mechanism))
        title = f"{what} ({cause.source}, {cause.status})"
        told = (cause.detail or cause.evidence, cause.remedy)
        message = "\n".join(dict.fromkeys(text for text in told if text))
        yield Place(level, file, at, title, message)


def places_of_findings(findings: Sequence[Finding], script: str, level: str) -> Iterator[Place]:
    """A place per source that differs, where its finding names a line; else the script."""
    for finding in findings:
        if finding.status != DIFFERS:
            continue
        named = place_in(f"{finding.detail} {finding.evidence}", script) or (script, 0)
        message = finding.detail or finding.evidence
        title = f"{capital(source(finding.source))} differs ({finding.source})"
        yield Place(level, *named, title, message)
