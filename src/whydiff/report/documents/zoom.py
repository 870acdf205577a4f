"""The step at which two trainings part, tensor by tensor, as blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from whydiff.core.findings import Sighting, Zoom
from whydiff.core.words import count, number
from whydiff.report.blocks import Block, Facts, Table, Text
from whydiff.report.documents.first_divergence import MANY_ULP

#: Tensors of the table that are shown without being asked for more.
SHOWN = 5
_PHASES = {
    "forward": "forward pass",
    "gradient": "gradients",
    "update": "after the step",
    "weights": "weights",
    "noise": "seed states",
    "state": "optimizer",
    "batch": "batch",
}


def zoom_blocks(zoom: Zoom, verbose: bool = False) -> Iterator[Block]:
    """What comes out first, how it grows, then the tensors in their order."""
    if zoom.failure:
        yield Text(f"No closer look: {zoom.failure}.", "warning")
        return
    yield Facts(tuple(_facts(zoom)))
    if zoom.different:
        shown = zoom.different if verbose else zoom.different[:SHOWN]
        rows = tuple((_PHASES.get(s.phase, s.phase), s.name, *_numbers(s)) for s in shown)
        more = len(zoom.different) - len(shown)
        title = "On equal inputs" + (f" (and {more} more, with --verbose)" if more else "")
        columns = ("In the", "Tensor", "ULP", "Relative", "")
        yield Table(columns, rows, title, frozenset(columns[2:4]))
    yield from (Text(note, "note") for note in zoom.notes)


def _facts(zoom: Zoom) -> Iterator[tuple[str, str]]:
    at = f"epoch {zoom.epoch + 1}, step {zoom.step + 1}"
    yield "Looked at", f"{at}, both programs from A's weights, slots, seed states and batch"
    if zoom.inputs:
        names = [s.name for s in zoom.inputs]
        yield (
            "Goes in",
            f"{count(len(names), 'tensor')} unequal, first {names[0]}{_size(zoom.inputs[0])}",
        )
    else:
        yield "Goes in", "everything equal, bit for bit"
    yield "Comes out", _out(zoom)
    grown = _growth(zoom.growth)
    if grown:
        yield "From there on", grown


def _out(zoom: Zoom) -> str:
    first, beyond = zoom.first, zoom.beyond
    if first is None:
        return f"all {zoom.equal} tensors equal: from equal inputs both do the same"
    said = f"first unequal: {_named(first)}{_size(first)}"
    eager = any(s.phase in ("forward", "gradient") for s in zoom.different)
    if not eager:
        said += "; computed layer by layer, outside the compiled step, everything is equal"
    if beyond is None:
        return f"{said}; nothing beyond rounding"
    return (
        said
        if beyond is first
        else f"{said}; first beyond rounding: {_named(beyond)}{_size(beyond)}"
    )


def _named(s: Sighting) -> str:
    what = {"forward": "", "gradient": "the gradient of ", "update": ""}.get(s.phase, "")
    only = f" (only in {s.only.upper()})" if s.only else ""
    return f"{what}{s.name}{only}"


def _size(s: Sighting) -> str:
    sizes = []
    if s.relative is not None:
        sizes.append(f"relative {number(s.relative)}")
    if s.max_ulp is not None and s.max_ulp < MANY_ULP:
        sizes.append(f"up to {s.max_ulp} ULP")
    return f" ({', '.join(sizes)})" if sizes else ""


def _numbers(s: Sighting) -> tuple[str, str, str]:
    ulp = "" if s.max_ulp is None else str(s.max_ulp) if s.max_ulp < MANY_ULP else "many"
    relative = "" if s.relative is None else number(s.relative)
    return ulp, relative, f"only {s.only.upper()}" if s.only else "rounding" * s.rounding


def _growth(growth: Mapping[str, Any]) -> str:
    distances = growth.get("distances") or ()
    if not distances:
        return ""
    kind = {
        "none": "the weights stay equal",
        "rounding": "rounding that stays rounding",
        "amplified rounding": "rounding that this training amplifies",
        "real difference": "a real difference",
    }[growth["kind"]]
    said = f"{kind}: relative distance of the weights {number(distances[0])}"
    if len(distances) > 1:
        said += f", after {count(len(distances), 'step')} {number(distances[-1])}"
    if growth.get("rate") is not None:
        said += (
            f" (x {growth['rate']:.3g} a step, 95 % interval {growth['low']:.3g} to "
            f"{growth['high']:.3g}, n = {growth['n']})"
        )
    return said
