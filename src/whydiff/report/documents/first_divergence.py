"""The first divergence: losses and the distance of the weights, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from whydiff.core.findings import GOES_ON, Divergence, Sighting, Zoom
from whydiff.core.words import capital, count, number, percent
from whydiff.report.charts import lines
from whydiff.report.document import Block, Chart, Facts, Section, Table, Text

#: more units in the last place than this are other numbers, not rounding: only the size is told
MANY_ULP = 2**20

#: what has been found unequal at each phase
_PHASES: dict[str, str] = {
    "before training": "before the first step",
    "batch": "in the batch that was fed",
    "noise": "in the random numbers drawn",
    "forward": "in the forward pass",
    "gradient": "in the gradients",
    "update": "in the weight update",
    "log": "in the logged numbers only",
    "end": "at the end of training only",
    "weights": "in the weights",
    "output": "in the outputs",
    "metric": "in the number itself",
}
#: what a step is said to differ in where its batch does: the phase says it already
_ALL_OF_IT = "the batch"


def _moment(epoch: int, step: int) -> str:
    return f"epoch {epoch + 1}, step {step + 1}"


def _span(since: tuple[int, int], until: tuple[int, int]) -> str:
    """One of several steps, as what they left was not digested."""
    if since[0] == until[0]:
        span = f"epoch {until[0] + 1}, in one of the steps {since[1] + 1} to {until[1] + 1}"
    else:
        span = f"between {_moment(*since)} and {_moment(*until)}"
    return f"{span} (those before the last were not digested)"


def point(divergence: Divergence | None, measuring: bool = False) -> str:
    """``epoch 1, step 3, in the weight update, at dense/kernel (relative 0.1, 12 ULP)``.

    Epochs and steps count from 1, as Keras prints them; the JSON counts from 0. A call that is
    ``measuring`` has neither.
    """
    if divergence is None:
        return "not found"
    if divergence.since is not None:
        return _span(divergence.since, (divergence.epoch, divergence.step))
    moment = _moment(divergence.epoch, divergence.step)
    if divergence.phase == "end" and divergence.where.endswith(GOES_ON):
        return f"{moment}: {divergence.where}"
    phase = _PHASES.get(divergence.phase, divergence.phase)
    parts = [phase]
    if not measuring and divergence.phase not in ("before training", "end"):
        parts = [moment, phase]
    if divergence.where and divergence.where != _ALL_OF_IT:
        parts.append(f"at {divergence.where}")
    sizes = []
    if divergence.relative is not None:
        sizes.append(f"relative {number(float(divergence.relative))}")
    if divergence.max_ulp is not None and divergence.max_ulp < MANY_ULP:
        sizes.append(f"up to {divergence.max_ulp} ULP")
    return ", ".join(parts) + (f" ({', '.join(sizes)})" if sizes else "")


def first_divergence(
    divergence: Divergence | None, evidence: Mapping[str, Any], metric: str | None = None
) -> Section:
    """The section; losses at the ends of epochs where no step was traced."""
    blocks: list[Block] = []
    trace = evidence.get("trace")
    if trace:
        blocks += _traced(trace)
        names = [metric] if metric and metric != "loss" else []
    else:
        names = _names(evidence, metric)
    charts = [c for name in names if (c := epochs_chart(evidence.get("epochs", {}), name))]
    blocks += charts
    if not trace and divergence is not None and charts:
        blocks.append(
            Text(
                "The distance of the weights was not measured step by step: that is done where "
                "`explain` trains both fits again by themselves and gets the same bits.",
                "note",
            )
        )
    return Section("divergence", "First divergence", tuple(blocks), _lead(divergence, evidence))


def _lead(divergence: Divergence | None, evidence: Mapping[str, Any]) -> str:
    steps = evidence.get("equal steps") or {}
    if divergence is None:
        of, digested = steps.get("of", 0), steps.get("digested")
        if digested is not None:
            return f"There is none: all digests agree, of {digested} of the {count(of, 'step')}."
        return f"There is none: all {count(of, 'step')} agree in every digest."
    lead = f"{capital(point(divergence))}."
    if steps.get("equal"):
        lead += f" The {count(steps['equal'], 'step')} before agree bit for bit."
    return lead


def _names(evidence: Mapping[str, Any], metric: str | None) -> list[str]:
    """The loss, and the metric in which the gap is told."""
    logged = [set(entry["logs"]) for side in evidence.get("epochs", {}).values() for entry in side]
    common = set.intersection(*logged) if logged else set()
    wanted = ["loss", "val_loss", *([metric] if metric else [])]
    return [name for name in dict.fromkeys(wanted) if name in common]


def _traced(trace: Mapping[str, Any]) -> Iterator[Block]:
    unit = trace["unit"]
    rows = lines.loss_rows(trace)
    if rows:
        last = {row["side"]: row["loss"] for row in rows}
        alt = (
            f"Lines of the training loss of A and B over {number(max(trace['x']))} {unit}. "
            + ", ".join(f"{side} ends at {number(loss)}" for side, loss in sorted(last.items()))
            + "."
        )
        yield Chart(
            "Training loss",
            lambda: lines.losses(rows, unit, divergence=trace.get("divergence")),
            alt,
            _table(trace, ("a", "b"), ("Loss of A", "Loss of B")),
            "As Keras's progress bar shows it: the mean since the beginning of the epoch.",
        )
    distances = lines.distance_rows(trace)
    if distances:
        first, last_one = distances[0], distances[-1]
        yield Chart(
            "Distance of the weights",
            lambda: lines.distance(trace),
            f"The relative distance of the weights on a log scale: {number(first['distance'])} "
            f"after {number(first['x'])} {unit}, {number(last_one['distance'])} after "
            f"{number(last_one['x'])} {unit}; equal before that it has no place on the scale.",
            _table(trace, ("distance",), ("Distance",)),
            "Euclidean distance of all weights over the larger of both norms: 1 means as far "
            "from each other as from zero. Measured while both were trained again, which gave "
            f"the same bits; n = {len(trace['x'])} moments.",
        )


def _table(trace: Mapping[str, Any], columns: tuple[str, ...], heads: tuple[str, ...]) -> Table:
    unit = str(trace["unit"]).capitalize()
    rows = tuple(
        (number(x), *(number(trace[c][i]) for c in columns)) for i, x in enumerate(trace["x"])
    )
    heads = (f"{unit} trained", *heads)
    return Table(heads, rows, numbers=frozenset(heads))


def epochs_chart(epochs: Mapping[str, Any], name: str) -> Chart | None:
    """One logged number of A and B over the epochs; None if neither logged it."""
    rows = lines.epoch_rows(epochs, name)
    if not rows:
        return None
    last = {row["side"]: row["loss"] for row in rows}
    by_epoch: dict[int, dict[str, float]] = {}
    last_epoch = max(row["x"] for row in rows)
    logged = max(len(entries) for entries in epochs.values())
    for row in rows:
        by_epoch.setdefault(row["x"], {})[row["side"]] = row["loss"]
    table = Table(
        ("Epoch", "A", "B"),
        tuple((str(x), number(v.get("A")), number(v.get("B"))) for x, v in by_epoch.items()),
        numbers=frozenset({"Epoch", "A", "B"}),
    )
    ends = ", ".join(f"{side} ends at {number(v)}" for side, v in sorted(last.items()))
    return Chart(
        f"{name}, epoch by epoch",
        lambda: lines.losses(rows, "epochs", name),
        f"Lines of {name} of A and B over {last_epoch} epochs: {ends}.",
        table,
        "As Keras logged it at the end of every epoch."
        + (f" Drawn: {len(by_epoch)} of them, every peak included." * (len(by_epoch) < logged)),
    )


def share(value: float | None, interval: Any, n: int | None) -> str:
    """A share with its interval and n."""
    words = percent(value)
    if n:
        words += f" of {n}"
    if interval:
        low = percent(interval[0]).removesuffix(" %")
        words += f" (95 % CI {low} to {percent(interval[1])})"
    return words


#: Tensors of the table that are shown without being asked for more.
SHOWN = 5
_PARTS = {
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
    yield Facts(tuple(_zoom_facts(zoom)))
    if zoom.different:
        shown = zoom.different if verbose else zoom.different[:SHOWN]
        rows = tuple((_PARTS.get(s.phase, s.phase), s.name, *_numbers_of(s)) for s in shown)
        more = len(zoom.different) - len(shown)
        title = "On equal inputs" + (f" (and {more} more, with --verbose)" if more else "")
        columns = ("In the", "Tensor", "ULP", "Relative", "")
        yield Table(columns, rows, title, frozenset(columns[2:4]))
    yield from (Text(note, "note") for note in zoom.notes)


def _zoom_facts(zoom: Zoom) -> Iterator[tuple[str, str]]:
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


def _numbers_of(s: Sighting) -> tuple[str, str, str]:
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
