"""A and B side by side: order, seeds, settings, environment, with the differences marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whydiff.core.words import count, number
from whydiff.report.charts.lines import order, order_rows
from whydiff.report.document import Block, Chart, Facts, Fold, Section, Table, Text


def side_by_side(evidence: Mapping[str, Any]) -> Section:
    """The section of everything that can be laid side by side."""
    blocks: list[Block] = [
        *_order_of(evidence.get("order") or {}),
        *_seeds(evidence.get("seeds") or {}),
        *_pairs("Settings", evidence.get("settings") or [], ("source", "name"), ("Of", "Setting")),
        *_pairs("Environment", evidence.get("environment") or [], ("name",), ("Fact",)),
    ]
    lead = "Rows marked ≠ differ; = means equal."
    return Section("sides", "A and B side by side", tuple(blocks), lead)


def _order_of(told: Mapping[str, Any]) -> Iterator[Block]:
    if not told:
        return
    a, b, equal = told["a epochs"], told["b epochs"], told["equal epochs"]
    both = min(a, b)
    if not both:
        return
    if equal == both:
        yield Text(f"Order of the samples: equal in {_all(both)}.")
        return
    alike = bool(told.get("numbered alike"))
    if alike:
        text = f"equal in {equal} of {count(both, 'epoch')} that both trained."
        yield Text(f"Order of the samples: {text}")
    rows = order_rows(told["fed"], 0)
    if not rows:
        return
    numbered = (
        "Samples are numbered as in A's data, those that only B has after them: a circle of A and "
        "a diamond of B at one place mean the same sample at the same position."
        if alike
        else "A and B were fed other samples, so each is numbered by itself: a circle and a "
        "diamond at one place mean the same place in the data of each."
    )
    positions = sorted({row["position"] for row in rows})
    by_side = {(row["side"], row["position"]): row["sample"] for row in rows}
    yield Chart(
        "Which sample was fed where, in the first epoch",
        lambda: order(rows),
        "Dots of the samples fed by position: "
        + "; ".join(f"{s} {_shape([r for r in rows if r['side'] == s])}" for s in ("A", "B"))
        + ".",
        Table(
            ("Position", "A", "B"),
            tuple(
                (str(p), *(str(by_side.get((s, p), "-")) for s in ("A", "B"))) for p in positions
            ),
            numbers=frozenset({"Position", "A", "B"}),
            marked=frozenset(
                i for i, p in enumerate(positions) if by_side.get(("A", p)) != by_side.get(("B", p))
            ),
        ),
        f"{numbered} {len(positions)} positions, evenly spread.",
    )


def _all(n: int) -> str:
    return "the one epoch" if n == 1 else f"all {n} epochs"


def _shape(rows: Sequence[Mapping[str, Any]]) -> str:
    samples = [row["sample"] for row in rows]
    if not samples:
        return "was fed nothing"
    return "is fed in ascending order" if samples == sorted(samples) else "is fed shuffled"


def _seeds(ledgers: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Block]:
    """The seed ledger: who holds which seed, and who chose it."""
    sides = {
        name: {(d["layer"] or f"{d['owner']} {i + 1}"): d for i, d in enumerate(ledger)}
        for name, ledger in ledgers.items()
    }
    a, b = sides.get("a", {}), sides.get("b", {})
    if not a and not b:
        return
    rows: list[tuple[str, ...]] = []
    marked: set[int] = set()
    for layer in dict.fromkeys([*a, *b]):
        one, other = a.get(layer), b.get(layer)
        told = [_seed(entry) for entry in (one, other)]
        if (one or {}).get("seed") != (other or {}).get("seed"):
            marked.add(len(rows))
        rows.append((layer, *told))
    table = Table(
        ("Held by", "Seed in A", "Seed in B"),
        tuple(rows),
        "Seed ledger: the seeds that initializers and seed generators hold",
        marked=frozenset(marked),
    )
    differing = f"{len(marked)} of {count(len(rows), 'seed')} differ"
    yield table if marked else Fold(f"Seed ledger: {differing}", (table,))


def _seed(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "-"
    how = "written in the script" if entry.get("explicit") else "drawn from Python's random"
    line = f", line {entry['line']}" if entry.get("line") else ""
    return f"{plain(entry.get('seed'))} ({how}{line})"


def _pairs(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    keys: tuple[str, ...],
    heads: tuple[str, ...],
) -> Iterator[Block]:
    """Facts of both sides: the differing ones in sight, the equal ones folded."""
    if not rows:
        return
    cells = [(*(str(row[k]) for k in keys), plain(row["a"]), plain(row["b"])) for row in rows]
    differs = [row["a"] != row["b"] for row in rows]
    columns = (*heads, "A", "B")
    unequal = tuple(c for c, d in zip(cells, differs, strict=True) if d)
    equal = tuple(c for c, d in zip(cells, differs, strict=True) if not d)
    if unequal:
        marks = frozenset(range(len(unequal)))
        yield Table(
            columns, unequal, f"{title}: {len(unequal)} of {len(rows)} differ", marked=marks
        )
    if equal:
        told = f"{title}: {len(equal)} equal" if unequal else f"{title}: all {len(equal)} equal"
        yield Fold(told, (Table(columns, equal, told),))


#: rows of one table before the rest is only counted
SHOWN_ROWS = 200
#: what is to be looked at, not read: the page of --html draws it
DRAWN = frozenset(
    ("trace", "order", "epochs", "disagreements", "settings", "environment", "command")
)


def evidence_blocks(evidence: Mapping[str, Any]) -> Iterator[Block]:
    """One block per entry: a list of mappings becomes a table, a mapping facts.

    What only a page can show is left to it.
    """
    for name, value in evidence.items():
        if name in DRAWN:
            continue
        title = name.replace("_", " ").capitalize()
        if isinstance(value, Mapping):
            yield Text(title)
            yield Facts(tuple((str(k), plain(v)) for k, v in value.items()))
        elif _is_table(value):
            yield _table(title, value)
        elif isinstance(value, list | tuple):
            yield Facts(((title, ", ".join(plain(v) for v in value)),))
        else:
            yield Facts(((title, plain(value)),))


def plain(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {plain(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(v) for v in value)
    return number(value)


def _is_table(value: Any) -> bool:
    rows = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0
    return rows and all(isinstance(row, Mapping) for row in value)


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = tuple(dict.fromkeys(str(k) for row in rows for k in row))
    numeric = frozenset(
        c for c in columns if all(isinstance(row.get(c), int | float | None) for row in rows)
    )
    shown = tuple(tuple(plain(row.get(c)) for c in columns) for row in rows[:SHOWN_ROWS])
    if len(rows) > SHOWN_ROWS:
        title += f" (first {SHOWN_ROWS} of {len(rows)})"
    return Table(columns, shown, title, numeric)
