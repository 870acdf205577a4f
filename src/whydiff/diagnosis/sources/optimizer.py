"""The optimizer: its class, hyperparameters, schedules, and callbacks that change them."""

from __future__ import annotations

from whydiff.core.findings import Finding
from whydiff.core.recipe import COUNTED_ANEW, STARTED_ANEW
from whydiff.core.recording import Side
from whydiff.core.words import listed
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
        left = _left_by_earlier_fit(a, b) if finding.status == "differs" else ""
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
