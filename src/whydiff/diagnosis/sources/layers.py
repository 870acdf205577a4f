"""Facts kept layer by layer: names that do not matter, layers that only one side has."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from whydiff.core.recipe import Facts, Recipe, by_name

#: Prefixes of keys that name a layer after the first colon.
PER_LAYER = (
    "layer",
    "policy",
    "regularizer",
    "activity_regularizer",
    "trainable",
    "training",
    "connections",
    "code",
)


def layers(recipe: Recipe) -> list[tuple[str, str]]:
    """(path, class) of every layer; an input layer computes nothing and is left out."""
    return [(path, kind) for path, kind in _all_layers(recipe.architecture) if kind != "InputLayer"]


def _all_layers(architecture: Facts) -> list[tuple[str, str]]:
    listed = architecture.get("layers")
    pairs = []
    for entry in listed if isinstance(listed, list | tuple) else ():
        path, _, kind = str(entry).rpartition(": ")
        pairs.append((path, kind))
    return pairs


def last_activation(architecture: Facts) -> str:
    """The activation of a model's last layer, "" where that is not known."""
    path, kind = next(reversed(_all_layers(architecture)), ("", ""))
    known = architecture.get(f"layer:{path}:activation")
    # A layer that is an activation has no such setting.
    return str(known) if known else kind.lower() if kind in ("Softmax", "Sigmoid") else ""


def same_layers(a: Recipe, b: Recipe) -> bool:
    """Whether both models have layers of the same classes in the same order."""
    return [kind for _, kind in layers(a)] == [kind for _, kind in layers(b)]


def matched(a: Recipe, b: Recipe) -> list[tuple[int, int]]:
    """Pairs of positions in :func:`layers` of A and of B that are the same layer.

    By position where the classes agree in order, or by name where the script names the same layers
    and makes them in another order. Otherwise layers of equal name, class and
    settings first, between them those of equal class and settings, then those of equal class.
    """
    one, two = layers(a), layers(b)
    if same_layers(a, b):
        return by_name(one, two)
    full_a, full_b = (
        [(path, kind, _settings(recipe, path)) for path, kind in listing]
        for recipe, listing in ((a, one), (b, two))
    )
    pairs: list[tuple[int, int]] = []
    for start in range(3):  # drop the name, then the settings
        keys = ([((p, k, s), (k, s), (k,))[start] for p, k, s in full] for full in (full_a, full_b))
        pairs = _filled(pairs, *keys)
    return pairs


def _filled(
    pairs: list[tuple[int, int]], a: Sequence[Hashable], b: Sequence[Hashable]
) -> list[tuple[int, int]]:
    """The pairs, and equal keys between them."""
    more = list(pairs)
    last_a = last_b = 0
    for i, j in [*pairs, (len(a), len(b))]:
        more += [(last_a + p, last_b + q) for p, q in _blocks(a[last_a:i], b[last_b:j])]
        last_a, last_b = i + 1, j + 1
    return sorted(more)


def _blocks(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return [(m.a + k, m.b + k) for m in blocks for k in range(m.size)]


def _settings(recipe: Recipe, path: str) -> str:
    start = f"layer:{path}:"
    facts = {
        k.removeprefix(start): v for k, v in recipe.architecture.items() if k.startswith(start)
    }
    return repr(sorted(facts.items()))


def aligned_facts(a: Recipe, b: Recipe, of_a: Facts, of_b: Facts) -> tuple[Facts, Facts]:
    """Both facts under A's layer names, without facts of layers that only one side has.

    A layer's name does not change what it computes, so models of the same layers compare by
    position. A layer that only one model has is a difference of the architecture; its policy,
    regularizer and so on are no evidence of their own.
    """
    mapping = _renaming(a, b)
    of_a, of_b = _without_strangers(a, b, of_a), _without_strangers(b, a, of_b)
    if mapping:
        of_a = {k: _rename_values(k, v, {}) for k, v in of_a.items()}
        of_b = {_rename(k, mapping): _rename_values(k, v, mapping) for k, v in of_b.items()}
    paths_a = [path for path, _ in layers(a)]
    paths_b = [mapping.get(path, path) for path, _ in layers(b)]
    keep_a = {k: v for k, v in of_a.items() if k in of_b or _has(paths_b, paths_a, k)}
    keep_b = {k: v for k, v in of_b.items() if k in of_a or _has(paths_a, paths_b, k)}
    return keep_a, keep_b


def _renaming(a: Recipe, b: Recipe) -> dict[str, str]:
    """B's layer names that change: to A's name, or out of the way of another layer of A."""
    one, two = layers(a), layers(b)
    indices = matched(a, b)
    pairs = [(one[i], two[j]) for i, j in indices]
    found = {j for _, j in indices}
    taken = {path for path, _ in one}
    own = [two[j] for j in range(len(two)) if j not in found and two[j][0] in taken]
    pairs += [((f"{path} of B", kind), (path, kind)) for path, kind in own]
    inputs_a, inputs_b = (
        [layer for layer in _all_layers(r.architecture) if layer[1] == "InputLayer"] for r in (a, b)
    )
    pairs += zip(inputs_a, inputs_b, strict=False)
    return {there: here for (here, _), (there, _) in pairs if here != there}


def _rename(key: str, mapping: Mapping[str, str]) -> str:
    prefix, colon, rest = key.partition(":")
    if not colon or prefix not in PER_LAYER:
        return key
    path, colon2, tail = rest.rpartition(":") if prefix == "layer" else (rest, "", "")
    return f"{prefix}:{_rename_path(path, mapping)}{colon2}{tail}"


def _rename_path(path: str, mapping: Mapping[str, str]) -> str:
    """Renames the longest leading part of a path that is a layer."""
    head, tail = path, ""
    while head:
        if head in mapping:
            return mapping[head] + tail
        head, slash, last = head.rpartition("/")
        tail = slash + last + tail
    return path


def _rename_values(key: str, value: Any, mapping: Mapping[str, str]) -> Any:
    """Renames the layers in the values of ``layers`` and ``connections``, kept sorted by text."""
    connections = key.partition(":")[0] == "connections"
    if not (connections or key == "layers") or not isinstance(value, list | tuple):
        return value
    words = re.compile(r"[\w/.\-]+")
    renamed = [words.sub(lambda m: _rename_path(m.group(), mapping), str(v)) for v in value]
    return sorted(renamed) if connections else renamed


def _without_strangers(mine: Recipe, other: Recipe, facts: Facts) -> Facts:
    """Leaves out facts of a layer that only the other model lists: names would collide."""
    here, there = ([path for path, _ in layers(recipe)] for recipe in (mine, other))
    if not here:
        return facts
    return {k: v for k, v in facts.items() if _has(here, there, k)}


def _has(there: list[str], here: list[str], key: str) -> bool:
    """Whether the other side has the layer that ``key`` speaks of (yes if it names none)."""
    prefix, colon, rest = key.partition(":")
    if not colon or prefix not in PER_LAYER or not there:
        return True
    place = rest.rpartition(":")[0] if prefix == "layer" else rest
    return _within(place, there) or not _within(place, here)


def _within(place: str, paths: list[str]) -> bool:
    return any(place == path or place.startswith(path + "/") for path in paths)
