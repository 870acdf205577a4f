"""How much of a gap each source is worth: Shapley values from a table of coalition values.

A coalition is the set of sources that are taken from B while the rest comes from A; its value
is the distance of that hybrid's predictions from A's. The empty coalition reproduces A, the
full one B.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import factorial

from whydiff.core.hybrids import Coalition

Values = Mapping[Coalition, float]


def coalitions(sources: Sequence[str], limit: int) -> list[Coalition]:
    """The hybrids to train, the most telling first, none twice.

    The empty and the full set, then every single source, then all but one. The remaining sets
    follow by size if all ``2**len(sources)`` of them are at most ``limit``.
    """
    names = list(dict.fromkeys(sources))
    everything = frozenset(names)
    wanted: list[Coalition] = [frozenset(), everything]
    wanted += [frozenset([name]) for name in names]
    wanted += [everything - {name} for name in names]
    if 2 ** len(names) <= limit:
        wanted += _subsets(names)
    return list(dict.fromkeys(wanted))


def is_complete(values: Values, sources: Iterable[str]) -> bool:
    """Whether every coalition of the sources has a value, so that Shapley values are exact."""
    return all(coalition in values for coalition in _subsets(list(dict.fromkeys(sources))))


def shapley(values: Values, sources: Sequence[str]) -> dict[str, float]:
    """Shapley value of every source; they sum to ``v(all) - v(none)``.

    Exact if all ``2**n`` coalitions have values: the average of a source's marginal contribution
    over all orders of joining (L. S. Shapley, "A value for n-person games", 1953).

    Otherwise the average of its first contribution, ``v({i}) - v(none)``, and its last,
    ``v(all) - v(all but i)``, rescaled to the same sum. The two bound the Shapley value in a
    variance decomposition (A. B. Owen, "Sobol' indices and Shapley value", SIAM/ASA J.
    Uncertainty Quantification 2, 2014), and their average is exact for n <= 2 and wherever only
    pairs of sources interact.

    Raises KeyError if a single source, all but one, none or all has no value.
    """
    names = list(dict.fromkeys(sources))
    if is_complete(values, names):
        return {name: _exact(values, names, name) for name in names}
    everything = frozenset(names)
    total = values[everything] - values[frozenset()]
    estimate = {
        name: (
            values[frozenset([name])]
            - values[frozenset()]
            + values[everything]
            - values[everything - {name}]
        )
        / 2
        for name in names
    }
    return _rescaled(estimate, total)


def alone(values: Values, sources: Sequence[str], source: str) -> float:
    """Part of the whole distance that appears when only this source is taken from B.

    0.0 where the whole distance is 0. May exceed 1: sources can cancel each other.
    """
    return _part(values[frozenset([source])], values[frozenset(sources)])


def remaining(values: Values, sources: Sequence[str], source: str) -> float:
    """Part of the whole distance that remains when only this source is made equal to A's."""
    everything = frozenset(sources)
    return _part(values[everything - {source}], values[everything])


def _part(value: float, whole: float) -> float:
    return value / whole if whole else 0.0


def _subsets(names: Sequence[str]) -> Iterable[Coalition]:
    for size in range(len(names) + 1):
        yield from map(frozenset, combinations(names, size))


def _exact(values: Values, names: Sequence[str], name: str) -> float:
    others = [n for n in names if n != name]
    n = len(names)
    total = 0.0
    for coalition in _subsets(others):
        weight = factorial(len(coalition)) * factorial(n - len(coalition) - 1) / factorial(n)
        total += weight * (values[coalition | {name}] - values[coalition])
    return total


def _rescaled(estimate: dict[str, float], total: float) -> dict[str, float]:
    """Scale to the given sum; where estimates cancel, spread what is missing evenly instead."""
    found = sum(estimate.values())
    magnitude = sum(map(abs, estimate.values()))
    if found * total > 0 and abs(found) >= magnitude / 2:
        return {name: part * total / found for name, part in estimate.items()}
    rest = (total - found) / len(estimate) if estimate else 0.0
    return {name: part + rest for name, part in estimate.items()}
