"""Every field of two measuring calls compared: a finding per source, and what hybrids may swap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from whydiff.core.call_hybrids import CallFields
from whydiff.core.calls import Event, MeasuringCall
from whydiff.core.findings import DIFFERS, UNKNOWN, Finding
from whydiff.diagnosis.calls.fields.data import (
    batches_that_matter,
    compare_data,
    compare_vocabulary,
)
from whydiff.diagnosis.calls.fields.findings import compare_settings
from whydiff.diagnosis.calls.fields.held import SETTING, compare_state, held_values
from whydiff.diagnosis.calls.fields.measured import (
    compare_arithmetic,
    compare_weighting,
    compiled_otherwise,
    weighted_otherwise,
)
from whydiff.diagnosis.calls.fields.mode import compare_mode, compare_noise
from whydiff.diagnosis.calls.fields.model import (
    compare_architecture,
    compare_precision,
    structure_of,
)
from whydiff.diagnosis.calls.fields.weights import compare_weights
from whydiff.diagnosis.calls.origins import (
    tensor_pairs,
)

#: Sources of a measuring call, in the order in which they are compared and told.
SOURCES = (
    "initialization", "weights", "data-content", "data-order", "noise", "batch-size",
    "architecture", "mode", "state", "precision", "measurement", "objective",
    "backend", "version", "hardware", "arithmetic",
)  # fmt: skip


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
    tied: tuple[str, ...] = ()  # swapped together, the one that stands for them first

    def finding(self, source: str) -> Finding | None:
        return next((f for f in self.findings if f.source == source), None)

    @property
    def fields(self) -> CallFields:
        """What a hybrid has to know."""
        together = (*self.movable, *self.tied)
        separate = tuple(s for s in ("data-order", "batch-size") if s in together)
        return CallFields(
            self.tensors, self.structure, self.held, self.policies, self.compiled, separate,
            self.weighted, self.tied,
        )  # fmt: skip


def compare(
    a: MeasuringCall,
    b: MeasuringCall,
    events: Sequence[Event] = (),
    events_b: Sequence[Event] | None = None,
) -> Compared:
    """Every field of two measuring calls compared, of one run or of two: then ``events_b`` are
    those of B's."""
    one_run = events_b is None
    if events_b is not None:  # the models of two runs are two, whatever their numbers
        b = replace(b, model_number=-b.model_number)
        renumbered = (replace(event, model_number=-event.model_number) for event in events_b)
        events = (*events, *renumbered)
    pairs = tensor_pairs(a, b)
    held = held_values(a, b)
    settings = held.pop(SETTING, [])
    if settings and a.model_number == b.model_number:
        held.setdefault("architecture", []).extend(settings)
    found: dict[str, Finding] = {}
    tensors = compare_weights(found, a, b, pairs, events, one_run)
    compare_data(found, a.recipe.inputs, b.recipe.inputs, _built(a, b))
    if found["data-content"].status == DIFFERS and any("part" in c.notes for c in (a, b)):
        apart = "rows among others and rows alone come in batches of their own, and go with them"
        found["batch-size"] = Finding("batch-size", UNKNOWN, apart)
    compare_vocabulary(found, held, b)
    found["noise"] = compare_noise(a, b)
    found["architecture"] = compare_architecture(a, b, held, events)
    found["mode"] = compare_mode(a, b)
    found["precision"] = compare_precision(a, b, pairs)
    compare_state(found, a, b, held)
    batches_that_matter(found, a, b)
    for name in ("measurement", "objective"):
        found[name] = compare_settings(name, a, b, "settings")
    if weighted_otherwise(a, b):
        found["measurement"] = compare_weighting(a, b, found["measurement"])
    for name in ("backend", "version", "hardware"):
        found[name] = compare_settings(name, a, b, "facts")
    found["arithmetic"] = compare_arithmetic(a, b)
    findings = tuple(found[s] for s in SOURCES if s in found)
    differing = {f.source for f in findings if f.status == DIFFERS}
    structure = structure_of(a, b, found, pairs, differing)
    policies = "precision" in differing and "precision" not in structure
    weighted = weighted_otherwise(a, b)
    compiled = compiled_otherwise(a, b)
    movable = [
        s
        for s in differing
        if _can_move(s, tensors, held, structure, policies, compiled or weighted)
    ]
    tied = _tied(found, movable)
    return Compared(
        findings,
        tensors,
        {s: tuple(h.name for h in values) for s, values in held.items()},
        structure,
        policies,
        compiled,
        weighted,
        tuple(s for s in SOURCES if s in movable and s not in (*structure[1:], *tied[1:])),
        tied,
    )


#: What comes with the model and its libraries, where these are in two processes.
_PROGRAM = ("architecture", "precision", "objective", "measurement", "backend", "version",
            "hardware")  # fmt: skip


def with_programs(compared: Compared, metric: str = "") -> Compared:
    """For calls of two runs: model, loss, metrics and libraries stay where they are, so what
    differs of them is swapped together. Where nothing of the model differs the version, or
    another such source, stands for all that they do otherwise.

    A ``metric`` is computed from outputs and labels: where it is not the loss that is compared,
    another loss is not what moved it.
    """
    differing = [f.source for f in compared.findings if f.status == DIFFERS]
    structure = tuple(s for s in _PROGRAM if s in differing)
    if not metric.endswith("loss"):
        structure = (*(s for s in structure if s != "objective"),
                     *(s for s in structure if s == "objective"))  # fmt: skip
    others = [s for s in compared.movable if s not in (*_PROGRAM, *compared.structure)]
    movable = {*others, *structure[:1]}
    return replace(
        compared,
        structure=structure,
        policies=False,
        compiled=False,
        movable=tuple(s for s in SOURCES if s in movable),
    )


def _tied(found: Mapping[str, Finding], movable: Sequence[str]) -> tuple[str, ...]:
    """Where a model draws from a global generator, how often it does follows from the batches and
    from what is compiled: these are swapped with the noise."""
    if found["noise"].mechanism != "unseeded-noise" or "noise" not in movable:
        return ()
    followers = [s for s in ("batch-size", "arithmetic") if s in movable]
    return ("noise", *followers) if followers else ()


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
