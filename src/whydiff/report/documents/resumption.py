"""The document of a resumption: does a training, saved and loaded, go on as if it had not been?"""

from __future__ import annotations

from collections.abc import Iterator

from whydiff.core.resumption import Resumption
from whydiff.core.words import listed, pair
from whydiff.report.document import (
    DIFFERENT,
    SAME,
    SCREEN,
    Document,
    Place,
    Section,
    Table,
    notes,
)


def document(r: Resumption) -> Document:
    """Verdict, numbers of the last epoch, what was restored and what was not, and what helps."""
    rows = tuple((one.what, one.measured) for one in r.not_restored)
    remedies = dict.fromkeys(one.remedy for one in r.not_restored)
    lost = (Table(("Not restored", "What was measured"), rows),) if rows else ()
    return Document(
        question=f"Is {r.script} the same training where it is saved, loaded and resumed?",
        verdict=verdict(r),
        tone=SAME if r.equal else DIFFERENT,
        sides=(("A", "going on"), ("B", "resumed")),
        facts=tuple(_facts(r)),
        sections=(Section("lost", "", lost, depth=SCREEN), notes("remedy", "", remedies)),
        places=() if r.equal else (Place("error", r.script, 0, "Not resumable", verdict(r)),),
    )


def verdict(r: Resumption) -> str:
    """One sentence that answers whether resuming is going on."""
    said = f"{r.script}, saved after epoch {r.epoch}, loaded and resumed, "
    if r.equal:
        return f"{said}ends bit for bit like the training that goes on."
    what = listed([one.what for one in r.not_restored])
    return f"{said}ends otherwise than the training that goes on" + (
        f". Not restored: {what}." if what else ", although all that was compared was restored."
    )


def _facts(r: Resumption) -> Iterator[tuple[str, str]]:
    yield "Restored", listed(r.restored)
    if r.first:
        yield "First difference", r.first
    for name, (on, resumed) in r.metrics.items():
        one, other = pair(on, resumed)
        yield name, f"{one} going on, {other} resumed"
