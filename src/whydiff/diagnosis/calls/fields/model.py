"""The models of two calls compared: architecture, precision, and what only a whole model brings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import cast

from whydiff.core.calls import CallRecipe, Event, HeldValue, MeasuringCall
from whydiff.core.findings import DIFFERS, UNKNOWN, Finding
from whydiff.core.recipe import Facts
from whydiff.core.recording import Side
from whydiff.core.words import listed
from whydiff.diagnosis.calls.fields.findings import differs, recipe_of
from whydiff.diagnosis.calls.fields.held import SETTING, values_in_words
from whydiff.diagnosis.calls.origins import (
    WEIGHTS,
    TensorPairs,
)
from whydiff.diagnosis.sources import architecture as of_architecture
from whydiff.diagnosis.sources.facts import PlainField, compare_facts
from whydiff.diagnosis.sources.layers import aligned_facts
from whydiff.diagnosis.sources.own_code import Through, across_pythons, is_code


@dataclass(frozen=True)
class _Seen:
    """As much of a side as the sources of fits look at when they compare facts."""

    recipe: CallRecipe


def compare_architecture(
    a: MeasuringCall,
    b: MeasuringCall,
    held: Mapping[str, Sequence[HeldValue]],
    events: Sequence[Event] = (),
) -> Finding:
    """Layers and their settings, and what the code of layers reads."""
    if not a.recipe.architecture and not b.recipe.architecture:
        return Finding("architecture", UNKNOWN, "no layer settings were recorded")

    def find(through: Through) -> Finding:
        recipes = (replace(c.recipe, architecture=through(_shape(c))) for c in (a, b))
        one, two = (cast(Side, _Seen(recipe)) for recipe in recipes)
        return of_architecture.compare(one, two)

    finding = across_pythons((a.recipe.version, b.recipe.version), find)
    values = held.get("architecture", ())
    if values and all(h.kind == SETTING for h in values):
        text = f"the script changed it between the two calls: {values_in_words(values, b)}"
        return differs("architecture", finding.evidence, text, "setting-changed")
    if values:
        text = values_in_words(values, b)
        return differs("architecture", text, f"{text}; the layer's own code reads it",
                        "global-read-by-a-layer")  # fmt: skip
    if finding.status != DIFFERS:
        return finding
    text = finding.detail or finding.evidence
    if "lora_" in text:
        return differs("architecture", finding.evidence, text, "low-rank-adapted")
    ends = [c.recipe.architecture.get("masks end at") for c in (a, b)]
    if ends[0] != ends[1]:
        where = "; ".join(
            f"in {side} the mask ends at {listed([str(p) for p in paths])}"
            for side, paths in zip("AB", ends, strict=True)
            if paths
        )
        return differs("architecture", finding.evidence,
                        f"{text}; {where}, and layers behind it compute with the padding",
                        "mask-ends")  # fmt: skip
    rebuilt = _rebuilt(a, b, events)
    if rebuilt and _is_code_alone(_shape(a), _shape(b)):
        text = f"{text}; the model {rebuilt}, with other code under the names in its configuration"
        return differs("architecture", finding.evidence, text, "other-code-at-load")
    if rebuilt:
        text = f"{finding.evidence}; the model {rebuilt}, and get_config did not keep it"
        return differs("architecture", finding.evidence, text, "setting-lost")
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


#: Events that build a model anew from what ``get_config`` returns.
_REBUILT = {"load_model": "was loaded", "clone_model": "is a clone"}


def _is_code_alone(a: Facts, b: Facts) -> bool:
    """Whether all that differs of two models is code of the script."""
    moved = [(k, v) for k in {*a, *b} if a.get(k) != b.get(k) for v in (a.get(k), b.get(k))]
    return bool(moved) and all(value is None or is_code(key, value) for key, value in moved)


def _rebuilt(a: MeasuringCall, b: MeasuringCall, events: Sequence[Event]) -> str:
    """How one of two models was built anew from the configuration of the other, "" if it was
    not."""
    numbers = {a.model_number, b.model_number}
    rebuilt = {
        e.model_number: e for e in events if e.kind in _REBUILT and e.model_number in numbers
    }
    if len(rebuilt) != 1:  # two files say nothing of what the models were before
        return ""
    (event,) = rebuilt.values()
    file = PurePath(str(event.facts.get("path"))).name
    saved = any(
        e.kind in ("save", "checkpoint")
        and e.model_number in numbers - {event.model_number}
        and PurePath(str(e.facts.get("path"))).name == file
        for e in events
    )
    if event.kind == "load_model" and not saved:  # the file may be that of any other model
        return ""
    return _REBUILT[event.kind]


def compare_precision(a: MeasuringCall, b: MeasuringCall, pairs: TensorPairs) -> Finding:
    """Dtype policies, layer by layer."""
    one, two = aligned_facts(recipe_of(a), recipe_of(b), a.recipe.precision, b.recipe.precision)
    policies = any(k.startswith("policy:") for k in (*one, *two))
    found = compare_facts(
        PlainField("precision", what="dtype settings"), one, two,
        skip=lambda k: k == "loss_scale" or (k == "floatx" and policies),
    )  # fmt: skip
    del pairs
    if found.status != DIFFERS:
        return found
    few_bits = any(name in found.evidence for name in ("int8", "int4", "float8", "gptq"))
    mechanism = "quantized" if few_bits else "other-dtype-policy"
    return differs("precision", found.evidence, found.evidence, mechanism)


def structure_of(
    a: MeasuringCall,
    b: MeasuringCall,
    found: dict[str, Finding],
    pairs: TensorPairs,
    differing: set[str],
) -> tuple[str, ...]:
    """Sources that only another model as a whole brings, the one that stands for them first."""
    lone = bool(pairs.only_a or pairs.only_b)
    recast = bool(pairs.recast)
    if a.model_number == b.model_number and not lone and not recast:
        return ()  # of one model that was changed in place, both forms are at hand
    together = []
    skipped = WEIGHTS in found and found[WEIGHTS].mechanism == "weights-skipped"
    # Where the weights that can be compared differ, those in another form may, too: a model that
    # was quantized from other weights brings them along.
    others = "precision" in differing and WEIGHTS in differing
    if lone and (skipped or others):
        together.append(WEIGHTS)
    if "architecture" in differing:
        together.append("architecture")
    if "precision" in differing and (recast or lone or "architecture" in differing):
        together.append("precision")
    return tuple(together)
