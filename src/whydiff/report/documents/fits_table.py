"""The fits of a script that has many, a line each: how far apart they end, and because of what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whydiff.core.words import count, duration, listed, number, pair
from whydiff.report.document import SCREEN, Block, Section, Table, Text

#: rows on a first screen; a search over settings has hundreds
MOST_ROWS = 30
#: sources of which it is said where they agree
EVERYWHERE = ("initialization", "data-order", "data-content")
#: sources with a column of their own
MOST_SOURCES = 4

Row = Mapping[str, Any]


def fits_of_script(rows: Sequence[Row]) -> Iterator[Section]:
    """Every fit with its final metric, those compared marked; nothing where no rows were kept."""
    if not rows:
        return
    metric = rows[0]["metric"]
    values = _values(rows)
    lead = f"{count(len(rows), 'fit')}."
    if values:
        least, most = pair(min(values), max(values))
        lead = (
            f"{count(len(rows), 'fit')} end with {metric} from {least} to {most}; "
            "--fits best,worst compares the two furthest apart."
        )
    said = " ".join([*_differences(rows), *_moved(rows)])
    shown = [row for i, row in enumerate(rows) if i < MOST_ROWS or row["side"]]
    left = len(rows) - len(shown)
    sources = _sources(rows)[:MOST_SOURCES]
    models = len({row["model"] for row in rows}) > 1 or not sources
    heads = ("", "Fit", "Line", *(["Model"] if models else []), metric, *sources)
    measured = (
        f" Below a source: {metric} of fit {_fit_a(rows)} with that taken from the line's fit; "
        "data-content comes with its validation data."
    )
    table = Table(
        heads,
        tuple(
            (row["side"], str(row["fit"]), str(row["line"] or "-"),
             *([row["model"]] if models else []), number(row["value"]),
             *(number(row.get("alone", {}).get(source)) for source in sources))
            for row in shown
        ),
        numbers=frozenset({"Fit", "Line", metric, *sources}),
        legend="A and B mark the compared fits."
        + (measured if sources else "")
        + (f" {count(left, 'further fit')} in the JSON." if left else ""),
    )  # fmt: skip
    blocks: tuple[Block, ...] = (Text(said), table) if said else (table,)
    yield Section("fits", "The fits of the script", blocks, lead, SCREEN)


def _differences(rows: Sequence[Row]) -> Iterator[str]:
    """In which sources the fits that are alike differ from A, and in which all agree."""
    a, others = _fit_a(rows), [row for row in rows if "differs" in row]
    by_fits: dict[tuple[int, ...], list[str]] = {}
    for source in dict.fromkeys(source for row in others for source in row["differs"]):
        fits = tuple(row["fit"] for row in others if source in row["differs"])
        by_fits.setdefault(fits, []).append(source)
    for place, fits in enumerate(sorted(by_fits, key=len, reverse=True)):
        which, differ = _which(fits, len(others)), "differ" if len(fits) > 1 else "differs"
        sources = listed(by_fits[fits])
        yield (
            f"{which} {differ} from fit {a} in {sources}."
            if not place
            else (f"{which} {differ} in {sources}, too.")
        )
    equal = [s for s in EVERYWHERE if others and all(s in row["agrees"] for row in others)]
    if equal:
        yield f"In all of them {listed(equal)} {'agree' if len(equal) > 1 else 'agrees'} with it."


def _which(fits: Sequence[int], others: int) -> str:
    if len(fits) == others > 1:
        return "Both others" if others == 2 else f"All {others} others"
    named = listed([str(fit) for fit in fits[:4]])
    return f"Fit{'s' * (len(fits) > 1)} {named}" if len(fits) <= 4 else f"{len(fits)} of {others}"


def _fit_a(rows: Sequence[Row]) -> Any:
    return next((row["fit"] for row in rows if row["side"] == "A"), "")


def _moved(rows: Sequence[Row]) -> Iterator[str]:
    """How far each source alone moves the metric over the fits, as measured."""
    measured = [row for row in rows if row.get("alone")]
    base = [row for row in rows if row["side"] == "A"]
    if base and "unmeasured" in base[0]:
        yield (
            f"What each of these moves alone takes about {duration(base[0]['unmeasured'])} more to "
            "measure: --budget gives the time."
        )
    if len(measured) < 2 or not _values(base):
        return
    said = []
    for source in _sources(rows):
        values = [row["alone"][source] for row in measured if source in row["alone"]]
        least, most = pair(min([*values, *_values(base)]), max([*values, *_values(base)]))
        said.append(f"{source} from {least} to {most}")
    fit, n = base[0]["fit"], len(measured)
    each = "other two" if n == 2 else f"{n} others"
    yield (
        f"Taken alone from each of the {each} into fit {fit}, a source moves "
        f"{rows[0]['metric']} over: {listed(said)}."
    )
    apart = [str(row["fit"]) for row in measured if not row["whole"]]
    if apart:
        yield f"All of them together do not give fit{'s' * (len(apart) > 1)} {listed(apart)} again."


def _sources(rows: Sequence[Row]) -> list[str]:
    """Sources whose worth alone was measured, the one that moves the metric furthest first."""
    base = next(iter(_values([row for row in rows if row["side"] == "A"])), 0.0)
    furthest: dict[str, float] = {}
    for row in rows:
        for source, value in row.get("alone", {}).items():
            furthest[source] = max(furthest.get(source, 0.0), abs(value - base))
    return sorted(furthest, key=lambda source: -furthest[source])


def _values(rows: Sequence[Row]) -> list[float]:
    return [float(row["value"]) for row in rows if row["value"] is not None]
