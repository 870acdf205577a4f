"""Facts kept layer by layer: names that do not matter, layers that only one side has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from whydiff.core.recipe import Facts, Recipe

#: Prefixes of keys that name a layer after the first colon.
PER_LAYER = (
    "layer",
    "policy",
    "regularizer",
    "activity_regularizer",
    "trainable",
    "training",
    "code",
)


def layers(recipe: Recipe) -> list[tuple[str, str]]:
    """(path, class) of every layer; an input layer computes nothing and is left out."""
    return [(path, kind) for path, kind in _all_layers(recipe) if kind != "InputLayer"]


def _all_layers(recipe: Recipe) -> list[tuple[str, str]]:
    listed = recipe.architecture.get("layers")
    pairs = []
    for entry in listed if isinstance(listed, list | tuple) else ():
        path, _, kind = str(entry).rpartition(": ")
        pairs.append((path, kind))
    return pairs


def same_layers(a: Recipe, b: Recipe) -> bool:
    """Whether both models have layers of the same classes in the same order."""
    return [kind for _, kind in layers(a)] == [kind for _, kind in layers(b)]


def aligned_facts(a: Recipe, b: Recipe, of_a: Facts, of_b: Facts) -> tuple[Facts, Facts]:
    """Both facts under A's layer names, without facts of layers that only one side has.

    A layer's name does not change what it computes, so models of the same layers compare by
    position. A layer that only one model has is a difference of the architecture; its policy,
    regularizer and so on are no evidence of their own.
    """
    mapping = _renaming(a, b)
    if mapping:
        of_a = {k: _rename_values(k, v, {}) for k, v in of_a.items()}
        of_b = {_rename(k, mapping): _rename_values(k, v, mapping) for k, v in of_b.items()}
    paths_a = [path for path, _ in layers(a)]
    paths_b = [mapping.get(path, path) for path, _ in layers(b)]
    keep_a = {k: v for k, v in of_a.items() if k in of_b or _has(paths_b, paths_a, k)}
    keep_b = {k: v for k, v in of_b.items() if k in of_a or _has(paths_a, paths_b, k)}
    return keep_a, keep_b


def _renaming(a: Recipe, b: Recipe) -> dict[str, str]:
    if not same_layers(a, b):
        return {}
    pairs = [*zip(layers(a), layers(b), strict=True)]
    inputs_a, inputs_b = (
        [layer for layer in _all_layers(r) if layer[1] == "InputLayer"] for r in (a, b)
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
    """Renames the layers in the values of ``layers`` and ``connections``.

    Connections are kept sorted by text, and without the numbers Keras gives to names.
    """
    if key not in ("layers", "connections") or not isinstance(value, list | tuple):
        return value
    words = re.compile(r"[\w/.\-]+")
    renamed = [words.sub(lambda m: _rename_path(m.group(), mapping), str(v)) for v in value]
    if key == "layers":
        return renamed
    return sorted(re.sub(r"_\d+\b", "", text) for text in renamed)


def _has(there: list[str], here: list[str], key: str) -> bool:
    """Whether the other side has the layer that ``key`` speaks of (yes if it names none)."""
    prefix, colon, rest = key.partition(":")
    if not colon or prefix not in PER_LAYER or not there:
        return True
    place = rest.rpartition(":")[0] if prefix == "layer" else rest
    return _within(place, there) or not _within(place, here)


def _within(place: str, paths: list[str]) -> bool:
    return any(place == path or place.startswith(path + "/") for path in paths)
