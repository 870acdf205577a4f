"""The optimizer: its class, hyperparameters, schedules, and callbacks that change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recipe import COUNTED_ANEW, STARTED_ANEW
from whydiff.core.recording import CALLBACKS_CHANGED, RATE_SETTERS, Side
from whydiff.core.words import listed, pair
from whydiff.diagnosis.divergence import first_divergence
from whydiff.diagnosis.files import loaded_between
from whydiff.diagnosis.sources.facts import (
    Change,
    PlainField,
    changes,
    compare_facts,
    describe,
    equal,
    is_name,
    listed as some,
    show,
)
from whydiff.diagnosis.sources.flags import said_to_act
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

#: moments at which learning rates are told
_MOST_ROWS = 4


def compare(a: Side, b: Side) -> Finding:
    """Compare class and hyperparameters; between two classes only those that both have."""
    one, two = a.recipe.optimizer, b.recipe.optimizer
    if equal(one.get("class"), two.get("class")):
        field = PlainField(ID, FIX, first=_FIRST, intended=True)
        finding = compare_facts(field, one, two, is_name)
        anew = _in_successive_fits(a, b)
        if anew is not None:
            return differs(ID, finding.evidence, FIX, detail=anew[0], mechanism=anew[1])
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
        by_callbacks = _by_callbacks(a, b) if finding.status == DIFFERS else None
        if by_callbacks is not None:
            others = describe([c for c in changes(one, two, skip=is_name) if c.key != "callbacks"])
            detail = "; ".join(filter(None, (by_callbacks[0], others)))
            mechanism = by_callbacks[1]
            return differs(
                ID, finding.evidence, FIX, detail=detail, mechanism=mechanism, intended=True
            )
        return finding
    found = changes(one, two, first=_FIRST, skip=is_name)
    shared = [c for c in found if c.key in one and c.key in two]
    classes = [c for c in found if c.key == "class"]
    detail = f"{show(one.get('class'))} vs. {show(two.get('class'))}" + _rates(shared)
    evidence = describe(classes + [c for c in shared if c.key != "class"])
    return differs(ID, evidence, FIX, detail=detail, intended=True)


def _in_successive_fits(a: Side, b: Side) -> tuple[str, str] | None:
    """What is said, and the mechanism, where one of successive fits held as one went on with a
    fresh optimizer, or counted its epochs from 0 again."""
    for key, mechanism, told in _OF_SUCCESSIVE_FITS:
        anew = _in_epochs(a, b, key)
        loaded = loaded_between(a) or loaded_between(b)
        if anew and loaded and key == STARTED_ANEW:
            return f"{anew}{told}, after {loaded}", "slots-lost"
        if anew:
            return anew + told, mechanism
    return None


def _in_epochs(a: Side, b: Side, key: str) -> str:
    """Who did so, and in which epochs; "" where neither did, or both in the same."""
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
    rows = _rates_apart(_by_epoch(a), _by_epoch(b))
    try:
        point = first_divergence(a, b) if rows else None
    except WhydiffError:
        return ""
    if point is None or (point.epoch, point.phase) != (rows[0].epoch, "update"):
        return ""
    callbacks = [c.partition("(")[0] for c in a.recipe.optimizer.get("callbacks") or ()]
    by = f" (callbacks that act on the training: {listed(callbacks)})" if callbacks else ""
    return (
        f"all settings equal, but the learning rate of epoch {rows[0].epoch + 1} is {rows[0].a} "
        f"in A and {rows[0].b} in B{by}"
    )


@dataclass(frozen=True)
class _Row:
    """Learning rates of A and B from a step on, where they differ."""

    epoch: int
    step: int
    a: str
    b: str


_Rates = Mapping[tuple[int, int], list[Any]]


def _by_epoch(side: Side) -> _Rates:
    return {(epoch, 0): rates for epoch, rates in side.fit.rates.items()}


def _rates_apart(one: _Rates, two: _Rates) -> list[_Row]:
    """Where A and B have other learning rates, by the steps of each with the rates from then on."""
    rows = []
    for moment in sorted({*one, *two}):
        since = [max((m for m in noted if m <= moment), default=None) for noted in (one, two)]
        if since[0] is not None and since[1] is not None:
            now = one[since[0]], two[since[1]]
            if now[0] != now[1]:
                told = [pair(p, q) for p, q in zip(*now, strict=False)]
                rows.append(_Row(*moment, *map(" and ".join, zip(*told, strict=True))))
    return rows


def _by_callbacks(a: Side, b: Side) -> tuple[str, str] | None:
    """What callbacks that differ do to the training, and the mechanism; None where not known."""
    callbacks = [side.recipe.optimizer.get("callbacks") for side in (a, b)]
    if callbacks[0] == callbacks[1]:
        return None
    rates = _set_by_callbacks(a, b)
    if rates:
        return rates, "rates-set-by-callbacks"
    frozen = said_to_act(a, b)
    if frozen:
        return frozen, "frozen-on-the-way"
    if [c.key for c in changes(a.recipe.optimizer, b.recipe.optimizer)] != ["callbacks"]:
        return None
    return _changed_by_callbacks(a, b), "callbacks-act"


def _changed_by_callbacks(a: Side, b: Side) -> str:
    """What callbacks of one training were seen to change that those of the other did not."""
    one, two = (side.fit.notes.get(CALLBACKS_CHANGED) or [] for side in (a, b))
    return "; ".join(
        f"in {name} {entry[0]} changes {some(entry[1])} between epochs or at the end of training"
        for name, mine, other in (("A", one, two), ("B", two, one))
        for entry in mine
        if entry[1] and entry not in other
    )


def _set_by_callbacks(a: Side, b: Side) -> str:
    """Says so where callbacks set other learning rates: which, since when, and where they do."""
    by_step = a.fit.step_rates, b.fit.step_rates
    rows = _rates_apart(*by_step) if all(by_step) else _rates_apart(_by_epoch(a), _by_epoch(b))
    setters = [side.fit.notes.get(RATE_SETTERS) or [] for side in (a, b)]
    if not rows or not any(setters):
        return ""
    moments = [
        f"step {row.step + 1} of epoch {row.epoch + 1}"
        if all(by_step)
        else f"epoch {row.epoch + 1}"
        for row in rows
    ]
    told = [f"{when}: {row.a} vs. {row.b}" for when, row in zip(moments, rows, strict=True)]
    if len(told) > _MOST_ROWS:
        told = [*told[: _MOST_ROWS - 1], "and so on", told[-1]]
    by = f"by {listed(setters[0])}"
    if setters[0] != setters[1]:
        by = ", ".join(
            f"by {listed(of)} in {name}" if of else f"by no callback in {name}"
            for name, of in zip("AB", setters, strict=True)
        )
    return f"the learning rate differs from {moments[0]} on ({'; '.join(told)}), set {by}"


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
