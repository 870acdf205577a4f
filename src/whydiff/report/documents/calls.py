"""The document of an explanation of two uses of a model: predict, evaluate, the model called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whydiff.core.findings import CONFIRMED, Cause, Explanation
from whydiff.core.words import capital, listed, number, pair, percent, source
from whydiff.report.charts.bars import MEASURES, Bar, bars
from whydiff.report.document import SCREEN, VERBOSE, Block, Chart, Section, Table, Text
from whydiff.report.documents.first_divergence import point

#: calls that train; their explanations have a document of their own
TRAINING = frozenset({"fit", "loop"})
_KINDS = {
    "call": "the model called",
    "built": "the model as built",
    "fit": "fit's log",
}
#: what a file of a saved model was compared by
_OF_FILES = {"weights": "the weights"}  # fmt: skip


def of_calls(e: Explanation) -> bool:
    """Whether an explanation is one of uses of a model that measure."""
    kinds = {side.get("call") for side in (e.a, e.b)} - {None}
    return bool(kinds - TRAINING)


def call_verdict(e: Explanation) -> str:
    """One sentence that answers the question."""
    if e.agrees:
        return f"{capital(e.chosen)}.{said_not_watched(e)}"
    one, other = (name(side) for side in (e.a, e.b))
    two = f"{one} and {other}"
    scripts = [side.get("script") for side in (e.a, e.b)]
    if scripts[0] != scripts[1]:
        two = f"{one} of {scripts[0]} and {other} of {scripts[1]}"
    elif one == other:
        numbers = f"calls {e.a.get('number', '?')} and {e.b.get('number', '?')}"
        two = (
            f"the results of {one} in two runs"
            if e.between != "calls"
            else f"two results of {one}, {numbers},"
        )
    causes = [c for c in e.causes if not c.ignored]
    confirmed, suspected = (
        list(
            dict.fromkeys(
                source(c.source, measuring=True, mechanism=c.mechanism)
                for c in causes
                if (c.status == CONFIRMED) is proven
            )
        )
        for proven in (True, False)
    )
    ignored = said_of_ignored(e, measuring=True)
    if confirmed:
        also = f" Suspected, not confirmed: {listed(suspected)}." if suspected else ""
        return f"{capital(two)} differ because of {listed(confirmed)}.{also}{ignored}"
    if suspected:
        return f"{capital(two)} differ; suspected, not confirmed: {listed(suspected)}.{ignored}"
    if ignored:
        return f"{capital(two)} differ; no cause was found but those to ignore.{ignored}"
    return f"{capital(two)} differ; the cause was not found."


def said_not_watched(e: Explanation) -> str:
    """The end of a verdict that all agree: what the script printed beside it; or ""."""
    beyond = e.evidence.get("not watched")
    if not beyond:
        return "" if e.identical else " And yet the two runs differ."
    return f" {'Beyond that,' if e.identical else 'And yet'} {beyond}."


def said_of_ignored(e: Explanation, measuring: bool = False) -> str:
    """The end of a verdict: which causes it leaves out because they are to be ignored; or ""."""
    ignored = [
        source(c.source, measuring=measuring, mechanism=c.mechanism) for c in e.causes if c.ignored
    ]
    return f" Ignored: {listed(ignored)}." if ignored else ""


def name(side: dict[str, Any]) -> str:
    """``predict (line 24)``, ``the model in a.keras``."""
    kind = str(side.get("call", ""))
    if side.get("file"):
        return f"{_OF_FILES.get(kind, 'the model')} in {side['file']}"
    what = str(side.get("name") or _KINDS.get(kind, kind))
    place = side.get("place") or (f"line {side['line']}" if side.get("line") else "")
    return what + (f" ({place})" if place else "")


def side_of(side: dict[str, Any]) -> str:
    """A side in words: the call, its line, the model."""
    if side.get("file"):
        saved = f", saved by Keras {side['keras']}" if side.get("keras") else ""
        return name(side) + saved + (f", {side['model']}" if side.get("model") else "")
    text = f"call {side.get('number', '?')}: {name(side)} of {side.get('script', '?')}"
    return f"{text}, {side['model']}" if side.get("model") else text


def call_facts(e: Explanation) -> Iterator[tuple[str, str]]:
    """What was compared, where it diverges, how far it is apart."""
    yield "Compared", e.chosen
    if e.agrees:
        return
    yield "First divergence", capital(point(e.first_divergence, measuring=True))
    gap = e.gap
    parts = []
    if gap.get("a") is not None and gap.get("b") is not None:
        one, other = pair(gap["a"], gap["b"])
        of_b = f"{gap['metric_b']} " if gap.get("metric_b") else ""
        parts.append(f"{gap['metric']} {one} vs. {of_b}{other}")
    elif gap.get("relative") is not None:
        parts.append(f"{gap['metric']} differ by {number(gap['relative'])} (relative RMS)")
    if gap.get("predictions_differ"):
        parts.append(f"{percent(gap['predictions_differ'])} of the predicted classes differ")
    if parts:
        yield "Gap", ", ".join(parts)


def call_causes(e: Explanation) -> Iterator[Section]:
    """What caused it, with shares of the gap."""
    if not e.causes:
        return
    whole = e.gap.get("metric") or "the outputs"
    # Numbers by two rules, as fit's log and evaluate, are compared without hybrids.
    by_hybrids = bool(e.evidence.get("hybrids"))
    measured = "every hybrid was run" if by_hybrids else "every part was measured"
    moved = MovedBy(
        whole,
        f"the gap in {whole}",
        "Bars in parts of the gap between A and B.",
        f"100 % is the whole gap from A to B; {measured} once, on the data of the calls, so these "
        "are no estimates.",
    )
    blocks: list[Block] = [causes_in_parts(e.causes, moved)]
    if e.unexplained > 0.01 and e.reproduced:
        blocks.append(Text(f"{percent(e.unexplained)} of the gap is unexplained.", "warning"))
    confirmed = [
        source(c.source, measuring=True, mechanism=c.mechanism)
        for c in e.causes
        if c.status == CONFIRMED
    ]
    how = (
        "running the call again with one field swapped at a time"
        if by_hybrids
        else f"measuring {whole} again, one part of the gap at a time"
    )
    lead = (
        f"Confirmed by {how}: {listed(confirmed)}."
        if confirmed
        else "Nothing was confirmed; these are suspects."
    )
    yield Section("causes", "What caused it", tuple(blocks), lead, SCREEN)


@dataclass(frozen=True)
class MovedBy:
    """What causes move, and in the words of its chart: the whole, what is seen, what 100 % is."""

    what: str
    whole: str
    alt: str
    caption: str


def causes_in_parts(causes: Sequence[Cause], moved: MovedBy) -> Chart | Table:
    """A bar for what each cause moves; where nothing was measured, a table of suspects."""
    rows = [
        Bar(cause.source, measure, value)
        for cause in causes
        for measure, value in zip(MEASURES, (cause.alone, cause.remaining), strict=True)
        if value is not None
    ]
    if all(c.share is None and c.alone is None for c in causes):
        suspects = tuple((_asked_for(c), c.status, c.detail or c.evidence) for c in causes)
        return Table(("Cause", "Status", "What differs"), suspects)
    told = [(name_of(c), c.detail or c.evidence) for c in causes]
    parts = [map(percent, (c.share, c.alone, c.remaining)) for c in causes]
    columns = ("Cause", "Contribution", "Alone", "Remaining", "What differs")
    table = Table(
        columns,
        tuple((n, *shares, d) for (n, d), shares in zip(told, parts, strict=True)),
        numbers=frozenset(columns[1:4]),
        legend=f"Contribution: Shapley share of {moved.whole}. Alone: the part that appears when "
        "only this source is taken from B. Remaining: the part that is left when only this source "
        "is made equal.",
    )
    title = f"How far each source moves {moved.what}"
    return Chart(title, lambda: bars(rows), moved.alt, table, moved.caption)


def name_of(cause: Cause) -> str:
    """A cause in a table that has no column for its status: its source, and how to take it."""
    return _asked_for(cause, "" if cause.status == CONFIRMED else " (suspected)")


def _asked_for(cause: Cause, status: str = "") -> str:
    intended = " (intentional)" if cause.intended else ""
    return cause.source + status + intended + (" (ignored)" if cause.ignored else "")


def call_hybrids(e: Explanation) -> Iterator[Section]:
    """Every hybrid that was run."""
    hybrids = e.evidence.get("hybrids") or []
    if not hybrids:
        return
    rows = tuple(
        (
            listed(h["from B"]) or "nothing",
            percent(h["distance"]),
            ", ".join(f"{k} {number(v)}" for k, v in (h.get("values") or {}).items()) or "-",
        )
        for h in hybrids
    )
    table = Table(
        ("Taken from B", "Part of the gap", "Metrics"), rows,
        "Every hybrid that was run", numbers=frozenset({"Part of the gap"}),
    )  # fmt: skip
    yield Section("hybrids", "All hybrids", (table,), depth=VERBOSE)


def calls_in_order(calls: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    """The calls of a script, or of two, in their order with what they gave, the compared pair
    marked."""
    if len(calls) < 2:
        return
    title = f"The calls of {'both sides' if calls[0].get('of') else 'the script'}, in order"
    rows = tuple(
        (
            c.get("side", ""),
            f"{c.get('of', '')} {c['number']}".strip(),
            name(dict(c)),
            str(c.get("model", "")),
            _gave(c),
        )
        for c in calls
    )
    table = Table(
        ("", "Call", "What", "Model", "Gave"), rows, numbers=frozenset({"Call"}),
        legend="A and B mark the compared calls; of many calls from one line the first is listed.",
    )  # fmt: skip
    yield Section("calls", title, (table,), depth=VERBOSE)


def _gave(call: Mapping[str, Any]) -> str:
    if call.get("values"):
        return ", ".join(f"{k} {number(v)}" for k, v in call["values"].items())
    shape = call.get("shape")
    if shape is None:
        return ""
    mean = call.get("mean")
    text = " x ".join(map(str, shape))
    return text if mean is None else f"{text}, mean {number(mean)}"


def rows_apart(rows: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    """The rows on which two calls answer most differently."""
    if not rows:
        return
    table = Table(
        ("Row", "A", "B", "Largest difference"),
        tuple(
            (str(r["row"]), _values(r["a"]), _values(r["b"]), number(r["distance"])) for r in rows
        ),
        numbers=frozenset({"Row", "Largest difference"}),
        legend="Rows counted from 0 in the order in which A was fed; the first values of each.",
    )
    yield Section("rows", "Rows that differ most", (table,), depth=VERBOSE)


def _values(values: Sequence[float]) -> str:
    return ", ".join(map(number, values))


def other_disagreements(e: Explanation) -> Iterator[Section]:
    """Other disagreements seen in the script, with the command that explains each."""
    if not e.others:
        return
    rows = []
    for o in e.others:
        values = "-"
        if o["a_value"] is not None and o["b_value"] is not None:
            values = " vs. ".join(pair(o["a_value"], o["b_value"]))
        elif o.get("relative") is not None:
            values = f"differ by {number(o['relative'])}"
        rows.append((f"{name(o['a'])} and {name(o['b'])}", o["metric"], values, o["command"]))
    table = Table(("Also disagree", "In", "Values", "To explain"), tuple(rows))
    yield Section("others", "Other disagreements in this script", (table,), depth=SCREEN)
