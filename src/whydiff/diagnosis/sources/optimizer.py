"""The optimizer: its class, hyperparameters, schedules, and callbacks that change them."""

from __future__ import annotations

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recipe import COUNTED_ANEW, STARTED_ANEW
from whydiff.core.recording import Side
from whydiff.core.words import listed
from whydiff.diagnosis.divergence import first_divergence
from whydiff.diagnosis.sources.facts import (
    Change,
    PlainField,
    changes,
    compare_facts,
    describe,
    equal,
    is_name,
    show,
)
from whydiff.diagnosis.sources.source import Source, differs
from whydiff.diagnosis.sources.stale import callbacks_apart

ID = "optimizer"
FIX = "Use the same optimizer with the same hyperparameters, written out, in both."

#: Facts of successive fits held as one: the mechanism, and what is said of it.
_OF_SUCCESSIVE_FITS = (
    (STARTED_ANEW, "optimizer-started-anew", ": its moments and step count begin at 0 again"),
    (COUNTED_ANEW, "schedule-restarted", ", so that what is set by the epoch begins again"),
)

_FIRST = ("class", "learning_rate", "learning_rate.class", "callbacks")


def compare(a: Side, b: Side) -> Finding:
    """Compare class and hyperparameters; between two classes only those that both have."""
    one, two = a.recipe.optimizer, b.recipe.optimizer
    if equal(one.get("class"), two.get("class")):
        field = PlainField(ID, FIX, first=_FIRST, intended=True)
        finding = compare_facts(field, one, two, is_name)
        for key, mechanism, told in _OF_SUCCESSIVE_FITS:
            anew = _in_successive_fits(a, b, key)
            if anew:
                detail = anew + told
                return differs(ID, finding.evidence, FIX, detail=detail, mechanism=mechanism)
        moved = _moved_on_the_way(a, b) if finding.status != DIFFERS else ""
        if moved:
            return differs(ID, moved, FIX)
        kept = callbacks_apart(a, b, one, two)
        if kept and [c.key for c in changes(one, two, skip=is_name)] == ["callbacks"]:
            return differs(ID, finding.evidence, FIX, detail=kept, mechanism="callback-goes-on")
        left = _left_by_earlier_fit(a, b) if finding.status == DIFFERS else ""
        if left:
            return differs(
                ID, finding.evidence, FIX, detail=left, mechanism="learning-rate-left-changed"
            )
        return finding
    found = changes(one, two, first=_FIRST, skip=is_name)
    shared = [c for c in found if c.key in one and c.key in two]
    classes = [c for c in found if c.key == "class"]
    detail = f"{show(one.get('class'))} vs. {show(two.get('class'))}" + _rates(shared)
    evidence = describe(classes + [c for c in shared if c.key != "class"])
    return differs(ID, evidence, FIX, detail=detail, intended=True)


def _in_successive_fits(a: Side, b: Side, key: str) -> str:
    """Says so where one of successive fits held as one went on with a fresh optimizer, or counted
    its epochs from 0 again."""
    epochs = [side.recipe.optimizer.get(key) or [] for side in (a, b)]
    if epochs[0] == epochs[1]:
        return ""
    name, side, when = ("A", a, epochs[0]) if epochs[0] else ("B", b, epochs[1])
    facts = side.recipe.optimizer
    what = f"goes on with a fresh {show(facts['class'])}"
    if key == COUNTED_ANEW:
        what = f"gives {show(facts['callbacks'])} the number 0 again"
    numbered = listed([str(epoch) for epoch in when])
    return f"{name} (fits {side.fit.number}) {what} in epoch{'s' * (len(when) > 1)} {numbered}"


def _moved_on_the_way(a: Side, b: Side) -> str:
    """Says so where equal settings were changed to different learning rates, and the trainings are
    equal up to the very update that uses them: later it may follow from another difference."""
    noted = [side.fit.rates for side in (a, b)]
    begun = sorted({epoch for side in noted for epoch in side})
    rates = [[side[max(e for e in side if e <= epoch)] for epoch in begun if min(side) <= epoch]
             for side in noted if side]  # fmt: skip
    if len(rates) < 2 or len(rates[0]) != len(rates[1]):
        return ""
    rows = zip(begun, rates[0], rates[1], strict=True)
    epoch, one, other = next((row for row in rows if row[1] != row[2]), (-1, [], []))
    try:
        point = first_divergence(a, b) if epoch >= 0 else None
    except WhydiffError:
        return ""
    if point is None or (point.epoch, point.phase) != (epoch, "update"):
        return ""
    callbacks = [c.partition("(")[0] for c in a.recipe.optimizer.get("callbacks") or ()]
    by = f" (callbacks that act on the training: {listed(callbacks)})" if callbacks else ""
    values = [" and ".join(map(show, rate)) for rate in (one, other)]
    return (
        f"all settings equal, but the learning rate of epoch {epoch + 1} is {values[0]} in A and "
        f"{values[1]} in B{by}"
    )


def _rates(shared: list[Change]) -> str:
    rate = [c for c in shared if c.key == "learning_rate"]
    return f", learning rate {show(rate[0].a)} vs. {show(rate[0].b)}" if rate else ""


def _left_by_earlier_fit(a: Side, b: Side) -> str:
    """Says so where the learning rate is one that an earlier fit ended with."""
    rates = [
        next((t for t in s.recipe.state if t.path.endswith("learning_rate")), None) for s in (a, b)
    ]
    if rates[0] is None or rates[1] is None or rates[0].digest == rates[1].digest:
        return ""
    for name, side, rate in (("A", a, rates[0]), ("B", b, rates[1])):
        if rate.trained_by is not None:
            value = show(side.recipe.optimizer.get("learning_rate"))
            return f"{name} starts with the learning rate {value} that fit {rate.trained_by} left"
    return ""


SOURCE = Source(
    id=ID,
    title="the optimizer and its settings",
    random=False,
    kind="structure",
    compare=compare,
    says=(
        "The optimizer's class, its hyperparameters and schedules, and the callbacks that "
        "change them. What an optimizer has accumulated is the source `state`."
    ),
    carried=(
        "Yes: the live model is compiled with an optimizer made anew from the other's config."
        " An optimizer of your own has to support `get_config` and `from_config`."
    ),
    looks_like="The first loss agrees, then the weights part at the first update.",
    fix=FIX,
)
