"""The fields of two measuring calls compared: a finding per source, and what hybrids may swap."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from whydiff.core.call_hybrids import CallFields
from whydiff.core.calls import CallRecipe, Event, HeldValue, Inputs, MeasuringCall
from whydiff.core.digests import unordered_digest
from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN, Finding
from whydiff.core.recipe import Facts, Recipe
from whydiff.core.recording import Side
from whydiff.core.words import count, listed
from whydiff.diagnosis.calls.origins import (
    INITIALIZATION,
    STATE,
    WEIGHTS,
    TensorPairs,
    skipped_by,
    story,
    tensor_pairs,
)
from whydiff.diagnosis.mechanisms import mechanism as known
from whydiff.diagnosis.sources import architecture as of_architecture
from whydiff.diagnosis.sources.facts import changes, compare_facts, describe
from whydiff.diagnosis.sources.layers import aligned_facts

#: Sources of a measuring call, in the order in which they are compared and told.
SOURCES = (
    "initialization", "weights", "data-content", "data-order", "noise", "batch-size",
    "architecture", "mode", "state", "precision", "measurement", "objective",
    "backend", "version", "hardware", "arithmetic",
)  # fmt: skip


#: Kind of a held value that is an attribute which the facts of the architecture name, too.
SETTING = "setting"


@dataclass(frozen=True)
class Compared:
    """Findings, and which field belongs to which source for hybrids.

    ``tensors``, ``held``, ``structure``, ``policies`` and ``compiled`` are what a hybrid swaps;
    ``movable`` are the sources that differ and can be swapped, one by one.
    """

    findings: tuple[Finding, ...]
    tensors: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    structure: tuple[str, ...] = ()
    policies: bool = False
    compiled: bool = False
    weighted: bool = False  # sample weights differ, and go with the measurement
    movable: tuple[str, ...] = ()

    def finding(self, source: str) -> Finding | None:
        return next((f for f in self.findings if f.source == source), None)

    @property
    def fields(self) -> CallFields:
        """What a hybrid has to know."""
        separate = tuple(s for s in ("data-order", "batch-size") if s in self.movable)
        return CallFields(
            self.tensors, self.structure, self.held, self.policies, self.compiled, separate,
            self.weighted,
        )  # fmt: skip


@dataclass(frozen=True)
class _Seen:
    """As much of a side as the sources of fits look at when they compare facts."""

    recipe: CallRecipe


def compare(a: MeasuringCall, b: MeasuringCall, events: Sequence[Event] = ()) -> Compared:
    """Every field of two measuring calls compared."""
    pairs = tensor_pairs(a, b)
    held = _held(a, b)
    settings = held.pop(SETTING, [])
    if settings and a.model_number == b.model_number:
        held.setdefault("architecture", []).extend(settings)
    found: dict[str, Finding] = {}
    tensors = _weights(found, a, b, pairs, events)
    _data(found, a.recipe.inputs, b.recipe.inputs, _built(a, b))
    _vocabulary(found, held, b)
    found["noise"] = _noise(a, b)
    found["architecture"] = _architecture(a, b, held)
    found["mode"] = _mode(a, b)
    found["precision"] = _precision(a, b, pairs)
    _state(found, a, b, held)
    _batches_that_matter(found, a, b)
    for name in ("measurement", "objective"):
        found[name] = _facts(name, a, b, "settings")
    if _weighted_otherwise(a, b):
        found["measurement"] = _weighting(a, b, found["measurement"])
    for name in ("backend", "version", "hardware"):
        found[name] = _facts(name, a, b, "facts")
    found["arithmetic"] = _arithmetic(a, b)
    findings = tuple(found[s] for s in SOURCES if s in found)
    differing = {f.source for f in findings if f.status == DIFFERS}
    structure = _structure(a, b, found, pairs, differing)
    policies = "precision" in differing and "precision" not in structure
    weighted = _weighted_otherwise(a, b)
    compiled = _compiled_otherwise(a, b)
    movable = [
        s
        for s in differing
        if _can_move(s, tensors, held, structure, policies, compiled or weighted)
    ]
    return Compared(
        findings,
        tensors,
        {s: tuple(h.name for h in values) for s, values in held.items()},
        structure,
        policies,
        compiled,
        weighted,
        tuple(s for s in SOURCES if s in movable and s not in structure[1:]),
    )


def _can_move(
    source: str,
    tensors: Mapping[str, Any],
    held: Mapping[str, Any],
    structure: Sequence[str],
    policies: bool,
    compiled: bool,
) -> bool:
    if source in ("data-content", "data-order", "batch-size", "noise", "mode", "arithmetic"):
        return True
    if source == "precision" and policies:
        return True
    if source == "measurement" and compiled:
        return True
    return source in tensors or source in held or source in structure


def _built(a: MeasuringCall, b: MeasuringCall) -> bool:
    return a.kind == "built" == b.kind


# --- weights ------------------------------------------------------------------------------------


def _weights(
    found: dict[str, Finding],
    a: MeasuringCall,
    b: MeasuringCall,
    pairs: TensorPairs,
    events: Sequence[Event],
) -> dict[str, tuple[tuple[int, int], ...]]:
    differing = pairs.differing
    equal = f"all {count(len(pairs.pairs), 'weight tensor')} equal"
    tensors: dict[str, tuple[tuple[int, int], ...]] = {}
    for source in (INITIALIZATION, WEIGHTS, STATE):
        mine = [p for p in differing if p.source == source]
        if mine:
            tensors[source] = tuple((p.i, p.j) for p in mine)
            told = story(mine, events, a, b)
            evidence = f"{len(mine)} of {count(len(pairs.pairs), 'weight tensor')} differ"
            found[source] = _differs(source, evidence, told.detail, told.mechanism, told.intended)
        elif source != STATE:
            found[source] = Finding(source, IDENTICAL, equal)
    if not a.recipe.weights and not b.recipe.weights:
        return {}
    lone = [*pairs.only_a, *pairs.only_b]
    left = [t.path for t, origin in lone if origin.kind == "left as drawn"]
    skipped = skipped_by(events, a, b)
    if left or (lone and skipped):
        shapes = ", ".join(f"{t.path} {t.shape}" for t, _ in (*pairs.only_a[:2], *pairs.only_b[:2]))
        told = story([], events, a, b)
        names = [str(n) for e in skipped for n in e.facts.get("skipped", ())]
        detail = (
            f"{_load(skipped)} skipped {listed(names[:4] or left[:4])}: not loaded, left as drawn "
            f"(shapes do not match: {shapes})"
        )
        found[WEIGHTS] = _differs(WEIGHTS, f"{len(lone)} weights have no counterpart", detail,
                                  "weights-skipped")  # fmt: skip
    elif lone and WEIGHTS not in tensors:
        found[WEIGHTS] = Finding(
            WEIGHTS,
            UNKNOWN,
            f"{len(lone)} weights have no counterpart of equal shape; they go with their model",
        )
    return tensors


def _load(skipped: Sequence[Event]) -> str:
    if not skipped:
        return "the load"
    event = skipped[0]
    how = "(skip_mismatch=True)" if event.facts.get("skip_mismatch") else ""
    how = "(by_name=True)" if event.facts.get("by_name") else how
    return f"{event.kind}{how}" + (f" at line {event.stack[-1].line}" if event.stack else "")


def _differs(
    source: str, evidence: str, detail: str = "", mechanism: str = "", intended: bool = False
) -> Finding:
    remedy = known(mechanism).remedy if mechanism else REMEDIES.get(source, "")
    return Finding(source, DIFFERS, evidence, detail or evidence, remedy, mechanism, intended)


# --- data ---------------------------------------------------------------------------------------


def _data(found: dict[str, Finding], a: Inputs, b: Inputs, built: bool) -> None:
    if built:
        probe = "both are given one fixed probe"
        for source in ("data-content", "data-order", "batch-size"):
            found[source] = Finding(source, IDENTICAL, probe)
        return
    rows = [(i.rows("x"), i.rows("y"), i.rows("weight")) for i in (a, b)]
    labelled = len(rows[0][1]) == len(rows[0][0]) and len(rows[1][1]) == len(rows[1][0])
    whole = [_joined(r[:2] if labelled else r[:1]) for r in rows]
    if not len(whole[0]) or not len(whole[1]):
        for source in ("data-content", "data-order", "batch-size"):
            found[source] = Finding(source, UNKNOWN, "what was fed was not seen")
        return
    _content(found, a, b, whole, labelled)
    n = len(whole[0])
    sizes = [[int(s) for s in i.batches] for i in (a, b)]
    if any(-1 in leaf.shape for i in (a, b) for leaf in i.leaves):
        together = f"{_batches(sizes[0])} vs. {_batches(sizes[1])}; samples of several lengths"
        found["batch-size"] = Finding(
            "batch-size", UNKNOWN, f"{together} come in batches of their own, and go with them"
        )
        return
    found["batch-size"] = (
        Finding("batch-size", IDENTICAL, f"both in {_batches(sizes[0])}")
        if sizes[0] == sizes[1]
        else _differs("batch-size", f"{_batches(sizes[0])} vs. {_batches(sizes[1])}")
        if len(whole[0]) == len(whole[1])
        else Finding("batch-size", UNKNOWN, f"other numbers of rows ({n} and {len(whole[1])})")
    )


def _content(
    found: dict[str, Finding],
    a: Inputs,
    b: Inputs,
    whole: Sequence[np.ndarray],
    labelled: bool,
) -> None:
    n, m = len(whole[0]), len(whole[1])
    if n == m and unordered_digest(whole[0]) == unordered_digest(whole[1]):
        what = "samples with their labels" if labelled else "samples"
        found["data-content"] = Finding("data-content", IDENTICAL, f"the same {n} {what}")
        if np.array_equal(whole[0], whole[1]):
            found["data-order"] = Finding("data-order", IDENTICAL, "in the same order")
        else:
            moved = int(np.any(whole[0] != whole[1], axis=1).sum())
            found["data-order"] = _differs(
                "data-order",
                f"{moved} of {n} rows are at other positions",
                f"the same {n} rows in another order: {moved} stand at other positions",
                "rows-in-another-order",
            )
        return
    found["data-order"] = Finding(
        "data-order", UNKNOWN, "the samples are others, so their order cannot be compared"
    )
    shared = _shared(whole[0], whole[1])
    kinds = [", ".join(f"{x.dtype}{list(x.shape)}" for x in i.of("x")) for i in (a, b)]
    text = f"{shared} of {n} rows are also in B's {m}"
    text += f"; {kinds[0]} vs. {kinds[1]}" if kinds[0] != kinds[1] else f"; both {kinds[0]}"
    found["data-content"] = _differs("data-content", text)


def _vocabulary(
    found: dict[str, Finding], held: Mapping[str, Sequence[HeldValue]], b: MeasuringCall
) -> None:
    """Lookup layers that give the same samples other numbers."""
    values = held.get("data-content", ())
    if not values:
        return
    inputs, text = found["data-content"], _values(values, b)
    if inputs.status == DIFFERS:
        text = f"{text}; {inputs.evidence}"
    found["data-content"] = _differs("data-content", text, text, "other-vocabulary")


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    total = parts[0].astype(np.uint64)
    for part in parts[1:]:
        if len(part) == len(total):
            total = total * np.uint64(0x9E3779B97F4A7C15) + part
    return total


def _shared(a: np.ndarray, b: np.ndarray) -> int:
    theirs = {row.tobytes() for row in b}
    return sum(row.tobytes() in theirs for row in a)


def _batches_that_matter(found: dict[str, Finding], a: MeasuringCall, b: MeasuringCall) -> None:
    """Where BatchNormalization runs as in training, rows depend on the others of their batch."""
    size = found["batch-size"]
    normalizing = [
        str(layer).rpartition(": ")[0]
        for layer in a.recipe.architecture.get("layers") or ()
        if str(layer).endswith("BatchNormalization")
    ]
    flags = {**_resolved(a), **_resolved(b)}
    active = [p for p in normalizing if flags.get(f"training:{p}") or flags.get("training")]
    if size.status == DIFFERS and active:
        text = f"{size.evidence}; {listed(active[:3])} uses the statistics of each batch"
        found["batch-size"] = _differs("batch-size", size.evidence, text, "batch-statistics")


def _batches(sizes: Sequence[int]) -> str:
    if not sizes:
        return "batches that were not seen"
    if len(sizes) == 1:
        return f"one batch of {sizes[0]}"
    last = f", the last of {sizes[-1]}" if sizes[-1] != sizes[0] else ""
    return f"{len(sizes)} batches of {sizes[0]}{last}"


# --- noise, mode --------------------------------------------------------------------------------


def _noise(a: MeasuringCall, b: MeasuringCall) -> Finding:
    drew = [sorted({g.name for g in c.recipe.generators if g.drew}) for c in (a, b)]
    one, two = a.recipe.noise, b.recipe.noise
    states = [[t.digest for t in side] for side in (one, two)]
    befores = [{g.name: g.before for g in c.recipe.generators if g.drew} for c in (a, b)]
    outside = befores[0] != befores[1] and (drew[0] or drew[1])
    if states[0] == states[1] and not outside:
        text = (
            f"all {count(len(one), 'seed generator')} in the same state"
            if one
            else "no seed generator in the model, and no global generator moved"
        )
        return Finding("noise", IDENTICAL, text)
    if not one and not two and not outside:
        return Finding("noise", IDENTICAL, "no seed generator in the model")
    backend = str(a.recipe.backend.get("backend", ""))
    foreign = {*drew[0], *drew[1]} - ({backend} if one and two else set())
    if outside and foreign:
        names = listed(sorted(foreign))
        return _differs(
            "noise",
            f"the call draws from the global generator of {names}",
            f"numbers drawn inside the model from {names}'s global generator, which has moved on "
            "in between",
            "unseeded-noise",
        )
    return _differs(
        "noise", "the seed generators are in other states",
        "the model's seed generators have moved on: every call draws other numbers",
        "noise-at-inference",
    )  # fmt: skip


def _mode(a: MeasuringCall, b: MeasuringCall) -> Finding:
    flags = [_resolved(c) for c in (a, b)]
    one, two = aligned_facts(_recipe(a), _recipe(b), flags[0], flags[1])
    moved = changes(one, two)
    if not moved:
        running = sorted(k.partition(":")[2] for k, v in one.items() if v is True and ":" in k)
        text = f"training behaviour in {listed(running)} in both" if running else (
            "every layer in inference in both"
        )  # fmt: skip
        return Finding("mode", IDENTICAL, text)
    layers = _acting(a, [c.key.partition(":")[2] for c in moved if ":" in c.key])
    details = []
    for call, own in ((a, one), (b, two)):
        active = [k.partition(":")[2] for k, v in own.items() if v is True and k.partition(":")[2]]
        active = _acting(call, active)
        how = _asked(call)
        details.append(f"{how}: {listed(active[:4]) + ' in training' if active else 'inference'}")
    mechanism = "training-flag"
    arguments = [c.recipe.mode.get("training") for c in (a, b)]
    if None in arguments and True not in arguments and _any_true(one, two):
        mechanism = "training-baked-in"
    evidence = describe(moved, 3) if not layers else f"{listed(layers[:4])}: {describe(moved, 2)}"
    return _differs("mode", evidence, " vs. ".join(details), mechanism)


#: Classes of layers that behave otherwise in training.
_ACTING = re.compile(r"Dropout|Noise|Normalization|Random|Attention|LSTM|GRU|RNN|MixUp|CutMix")


def _acting(call: MeasuringCall, paths: Sequence[str]) -> list[str]:
    """Of some layers those that training changes, where that is known of any of them."""
    known = call.recipe.architecture
    classes = dict(str(entry).rpartition(": ")[::2] for entry in known.get("layers") or ())
    acting = [p for p in paths if _ACTING.search(classes.get(p, "")) or f"code:{p}" in known]
    return acting or list(paths)


def _any_true(one: Facts, two: Facts) -> bool:
    return any(v is True for v in (*one.values(), *two.values()))


def _asked(call: MeasuringCall) -> str:
    line = f" (line {call.line})" if call.line else ""
    if call.kind in ("predict", "evaluate"):
        return f"{call.kind}{line}"
    training = call.recipe.mode.get("training")
    return f"model(x{'' if training is None else f', training={training}'}){line}"


def _resolved(call: MeasuringCall) -> dict[str, Any]:
    """The flag at each layer; the argument itself where layers were not seen."""
    mode = call.recipe.mode
    layers = {k: bool(v) for k, v in mode.items() if k.startswith("training:")}
    if layers:
        return layers
    through = call.kind in ("predict", "evaluate")
    return {"training": False if through else bool(mode.get("training") or False)}


# --- structure, precision, held values -----------------------------------------------------------


def _recipe(call: MeasuringCall) -> Recipe:
    return cast(Recipe, call.recipe)  # facts of layers are kept under the same names


def _architecture(
    a: MeasuringCall, b: MeasuringCall, held: Mapping[str, Sequence[HeldValue]]
) -> Finding:
    if not a.recipe.architecture and not b.recipe.architecture:
        return Finding("architecture", UNKNOWN, "no layer settings were recorded")
    sides = [cast(Side, _Seen(replace(c.recipe, architecture=_shape(c)))) for c in (a, b)]
    finding = of_architecture.compare(*sides)
    values = held.get("architecture", ())
    if values and all(h.kind == SETTING for h in values):
        text = f"the script changed it between the two calls: {_values(values, b)}"
        return _differs("architecture", finding.evidence, text, "setting-changed")
    if values:
        text = _values(values, b)
        return _differs("architecture", text, f"{text}; the layer's own code reads it",
                        "global-read-by-a-layer")  # fmt: skip
    if finding.status != DIFFERS:
        return finding
    text = finding.detail or finding.evidence
    if "lora_" in text:
        return _differs("architecture", finding.evidence, text, "low-rank-adapted")
    ends = [c.recipe.architecture.get("masks end at") for c in (a, b)]
    if ends[0] != ends[1]:
        where = "; ".join(
            f"in {side} the mask ends at {listed([str(p) for p in paths])}"
            for side, paths in zip("AB", ends, strict=True)
            if paths
        )
        return _differs("architecture", finding.evidence,
                        f"{text}; {where}, and layers behind it compute with the padding",
                        "mask-ends")  # fmt: skip
    lost = _lost(finding.evidence, a, b)
    if lost:
        return _differs("architecture", finding.evidence,
                        f"{finding.evidence}{lost}", "setting-lost")  # fmt: skip
    return replace(finding, intended=False, detail=finding.detail or finding.evidence)


def _shape(call: MeasuringCall) -> Facts:
    """Without what is no part of the function that a model computes once it is built."""
    return {
        k: v
        for k, v in call.recipe.architecture.items()
        if not k.startswith("trainable:") and not _OF_OTHERS.search(k)
    }


#: Settings that belong to the precision, or to the data (a vocabulary is held by its layer).
_OF_OTHERS = re.compile(r":quantization_config|:(vocabulary|vocabulary_size|idf_weights)$")


def _lost(evidence: str, a: MeasuringCall, b: MeasuringCall) -> str:
    for call in (b, a):
        if any(o.kind == "file" for o in call.recipe.origins):
            return "; the model was loaded, and get_config did not keep it"
    return ""


def _precision(a: MeasuringCall, b: MeasuringCall, pairs: TensorPairs) -> Finding:
    one, two = aligned_facts(_recipe(a), _recipe(b), a.recipe.precision, b.recipe.precision)
    policies = any(k.startswith("policy:") for k in (*one, *two))
    found = compare_facts(
        "precision", one, two, "", what="dtype settings",
        skip=lambda k: k == "loss_scale" or (k == "floatx" and policies),
    )  # fmt: skip
    del pairs
    if found.status != DIFFERS:
        return found
    few_bits = any(name in found.evidence for name in ("int8", "int4", "float8", "gptq"))
    mechanism = "quantized" if few_bits else "other-dtype-policy"
    return _differs("precision", found.evidence, found.evidence, mechanism)


def _held(a: MeasuringCall, b: MeasuringCall) -> dict[str, list[HeldValue]]:
    """Values of A that differ from B's or are stale, by the source that they belong to.

    A recurrent state is a variable, and compared among these.
    """
    theirs = {h.name: h for h in b.recipe.state}
    found: dict[str, list[HeldValue]] = {}
    for h in a.recipe.state:
        other = theirs.get(h.name)
        if (
            h.kind == "recurrent state"
            or other is None
            or (_effective(h) == _effective(other) and h.digest == other.digest)
        ):
            continue
        found.setdefault(_source_of(h, other), []).append(h)
    return found


def _effective(h: HeldValue) -> str:
    return h.traced or h.digest


def _source_of(h: HeldValue, other: HeldValue) -> str:
    if h.stale or other.stale:
        return "state"
    if h.kind in ("global", "closure"):
        return "architecture"
    if h.kind == SETTING:
        return SETTING
    return "data-content" if h.kind == "vocabulary" else "state"


def _values(values: Sequence[HeldValue], b: MeasuringCall) -> str:
    theirs = {h.name: h for h in b.recipe.state}
    parts = []
    for h in values[:3]:
        other = theirs[h.name]
        one, two = (_value(v) for v in (h, other))
        parts.append(f"{h.name}: {one} vs. {two}" if one != two else f"{h.name} differs")
    return "; ".join(parts)


def _value(h: HeldValue) -> str:
    value = h.traced_value if h.stale else h.value
    shown = "" if value is None else str(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def _state(
    found: dict[str, Finding],
    a: MeasuringCall,
    b: MeasuringCall,
    held: Mapping[str, Sequence[HeldValue]],
) -> None:
    values = held.get("state", ())
    adapted_again = "state" in found and found["state"].mechanism == "adapted-again"
    if values:
        theirs = {h.name: h for h in b.recipe.state}
        stale = [h.name for h in values if h.stale or theirs[h.name].stale]
        text = _values(values, b)
        mechanism = "other-constant"
        if stale:
            mechanism = "stale-trace"
            text = f"{listed(stale)}: the compiled function was traced with an older value ({text})"
        elif adapted_again:
            mechanism = "adapted-again"
            text = f"{found['state'].detail}; {text}"
        elif any(h.name.rpartition("/")[2] in ("mean", "variance", "invert") for h in values):
            mechanism = "not-finalized"
        found["state"] = _differs("state", text, text, mechanism)
    elif "state" not in found:
        n = len(a.recipe.state)
        equal = f"{count(n, 'value')} besides the weights equal" if n else (
            "nothing besides the weights is held"
        )  # fmt: skip
        found["state"] = Finding("state", IDENTICAL, equal)


def _structure(
    a: MeasuringCall,
    b: MeasuringCall,
    found: dict[str, Finding],
    pairs: TensorPairs,
    differing: set[str],
) -> tuple[str, ...]:
    """Sources that only another model as a whole brings, the one that stands for them first."""
    if a.model_number == b.model_number:
        return ()
    together = []
    lone = bool(pairs.only_a or pairs.only_b)
    if lone and found.get(WEIGHTS) and found[WEIGHTS].mechanism == "weights-skipped":
        together.append(WEIGHTS)
    if "architecture" in differing:
        together.append("architecture")
    recast = any(p.a.dtype != p.b.dtype for p in pairs.pairs)
    if "precision" in differing and (recast or lone or "architecture" in differing):
        together.append("precision")
    return tuple(together)


# --- sample weights ---


def _weighted_otherwise(a: MeasuringCall, b: MeasuringCall) -> bool:
    if a.kind != "evaluate" or b.kind != "evaluate":
        return False
    one, two = (c.recipe.inputs.rows("weight") for c in (a, b))
    return not np.array_equal(one, two)


def _compiled_otherwise(a: MeasuringCall, b: MeasuringCall) -> bool:
    """Whether both evaluate, with other metrics."""
    both = a.kind == "evaluate" == b.kind
    return both and _facts("measurement", a, b, "settings").status == DIFFERS


def _weighting(a: MeasuringCall, b: MeasuringCall, before: Finding) -> Finding:
    given = [len(c.recipe.inputs.rows("weight")) > 0 for c in (a, b)]
    text = (
        "other sample weights"
        if all(given)
        else f"{'A' if given[0] else 'B'} weights the samples, the other counts each once"
    )
    if before.status == DIFFERS:
        text = f"{text}; {before.evidence}"
    return _differs("measurement", text, text, "sample-weights-in-one")


# --- the rest -----------------------------------------------------------------------------------


def _facts(name: str, a: MeasuringCall, b: MeasuringCall, what: str) -> Finding:
    one, two = (getattr(c.recipe, name) for c in (a, b))
    if not one and not two:
        return Finding(name, IDENTICAL, f"neither call has {what} of its own")
    one, two = aligned_facts(_recipe(a), _recipe(b), one, two)
    skip: Callable[[str], bool] = lambda key: False  # noqa: E731
    if a.kind != b.kind and name in ("measurement", "objective"):
        return Finding(name, IDENTICAL, "no metric takes part in what is compared")
    if a.kind != "evaluate" and name in ("measurement", "objective"):
        return Finding(name, IDENTICAL, "no metric takes part in what is compared")
    found = compare_facts(name, one, two, "", what=what, skip=skip)
    if found.status != DIFFERS:
        return found
    return _differs(name, found.evidence, found.evidence)


def _arithmetic(a: MeasuringCall, b: MeasuringCall) -> Finding:
    ways = [_compiled(c) for c in (a, b)]
    settings = [dict(c.recipe.arithmetic) for c in (a, b)]
    if ways[0] != ways[1]:
        return _differs("arithmetic", f"{ways[0]} vs. {ways[1]}",
                        f"computed {ways[0]} vs. {ways[1]}", "eager-or-compiled")  # fmt: skip
    if settings[0] != settings[1]:
        return _differs("arithmetic", describe(changes(settings[0], settings[1]), 3))
    return Finding("arithmetic", IDENTICAL, f"computed {ways[0]} in both")


def _compiled(call: MeasuringCall) -> str:
    eager = call.recipe.mode.get("eager")
    if eager is None:
        eager = call.kind in ("call", "built")
    return "operation by operation" if eager else "as one compiled function"


REMEDIES: Mapping[str, str] = {
    "data-content": "Bring both inputs to the same form with one function, and look at their "
    "ranges and dtypes.",
    "batch-size": "Use the same batch size, or do not let rows depend on their batch.",
    "measurement": "Compile both with the same metrics, written out as classes.",
    "objective": "Compile both with the same loss.",
    "architecture": "Build both models with the same function, and compare model.summary().",
}
