"""Two saved models compared as their files hold them: settings, and weights layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from whydiff.core.calls import SavedModel
from whydiff.core.findings import SUSPECTED, Cause, Divergence, Excluded, Explanation, Remedy
from whydiff.core.words import count, listed
from whydiff.stats.distances import relative_weight_distance

#: Said of causes that no prediction was made to confirm.
ADVICE = (
    "Two files say in what the models differ, not how that came about: explain the scripts that "
    "saved them."
)
_CONNECTIONS = ("inbound_nodes", "input_layers", "output_layers")
#: What a configuration says of itself, not of the model.
_NOT_SETTINGS = frozenset(("shared_object_id", "registered_name", "module", "build_config", "name"))


@dataclass(frozen=True)
class SavedDifference:
    """What differs between two files, as rows for a table each."""

    settings: tuple[dict[str, Any], ...]  # setting, a, b
    compiled: tuple[dict[str, Any], ...]
    weights: tuple[dict[str, Any], ...]  # weight, a and b (shapes), relative; all, equal ones too
    other: tuple[dict[str, Any], ...]  # states of generators and the optimizer that differ

    @property
    def differing(self) -> tuple[dict[str, Any], ...]:
        """The weights that differ or that one model alone has."""
        return tuple(row for row in self.weights if row["relative"] != 0.0)


def compare_saved(a: SavedModel, b: SavedModel) -> SavedDifference:
    """What differs; settings only where both files hold them."""
    settings = _unequal(a.config, b.config) if a.config and b.config else ()
    compiled = _unequal(a.compiled, b.compiled) if a.config and b.config else ()
    tensors = [
        _row(path, a.tensors.get(path), b.tensors.get(path))
        for path in dict.fromkeys((*a.tensors, *b.tensors))
    ]
    weights = tuple(row for row in tensors if not _is_other(row["weight"]))
    other = tuple(row for row in tensors if _is_other(row["weight"]) and row["relative"] != 0.0)
    return SavedDifference(settings, compiled, weights, other)


def explained_by_files(
    a: SavedModel, b: SavedModel, difference: SavedDifference, why: str
) -> Explanation:
    """The answer without predictions: what differs is suspected. ``why`` none were compared."""
    differing = difference.differing
    causes, excluded, unknown = [], [], []
    texts = {
        "architecture": "; ".join(f"{r['setting']}: {r['a']} vs. {r['b']}"
                                  for r in difference.settings[:4]),
        "weights": _differing(difference),
    }  # fmt: skip
    for source, text in texts.items():
        if source == "architecture" and not (a.config and b.config):
            unknown.append(Excluded(source, "a file of weights holds no settings"))
        elif text:
            causes.append(Cause(source, text, SUSPECTED, f"{text}; not confirmed: {why}", ""))
        else:
            excluded.append(Excluded(source, _equal(source, difference)))
    point = None
    if differing:
        point = Divergence(0, 0, "weights", differing[0]["weight"], None, differing[0]["relative"])
    shared = [{path: side.tensors[path] for path in _common(difference)} for side in (a, b)]
    kind = "built" if a.config and b.config else "weights"
    files = listed([a.path, b.path])
    return Explanation(
        question=f"Why do the models saved in {files} differ?",
        between="calls",
        a=described(a, kind),
        b=described(b, kind),
        chosen=f"the files {files}, as saved" if causes else f"{files} hold equal "
        + ("settings and weights" if kind == "built" else "weights") + ", bit for bit",
        identical=not causes,
        first_divergence=point,
        causes=tuple(causes),
        excluded=tuple(excluded),
        unknown=tuple(unknown),
        unexplained=1.0 if causes else 0.0,
        gap={"metric": "weights", "a": None, "b": None,
             "relative": relative_weight_distance(*shared) if shared[0] else None},
        remedy=Remedy("", False, ADVICE if causes else ""),
        notes=(f"Predictions were not compared: {why}.",),
        evidence=rows_of(difference),
        reproduced=not causes,
    )  # fmt: skip


def described(model: SavedModel, kind: str) -> dict[str, Any]:
    """A side of the answer."""
    name = str(model.config.get("class_name", ""))
    return {"call": kind, "file": model.path, "keras": model.keras, "model": name, "line": None}


def rows_of(difference: SavedDifference) -> dict[str, Any]:
    """The evidence of the files."""
    return {
        "saved settings": list(difference.settings),
        "saved compile settings": list(difference.compiled),
        "saved weights": list(difference.weights),
        "saved state": list(difference.other),
    }


def _differing(difference: SavedDifference) -> str:
    differing = difference.differing
    if not differing:
        return ""
    names = [row["weight"] for row in differing]
    shown = listed(names) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} more"
    return f"{len(names)} of {count(len(difference.weights), 'weight tensor')} differ: {shown}"


def _equal(source: str, difference: SavedDifference) -> str:
    if source == "architecture":
        return "all settings of all layers equal"
    return f"all {count(len(difference.weights), 'weight tensor')} equal, bit for bit"


def _common(difference: SavedDifference) -> list[str]:
    return [r["weight"] for r in difference.weights if r["a"] == r["b"]]


def _is_other(path: str) -> bool:
    """State of the optimizer or of a generator of random numbers: no weight of the model."""
    return path.startswith("optimizer/") or "seed_generator" in path


def _row(path: str, a: np.ndarray | None, b: np.ndarray | None) -> dict[str, Any]:
    """``relative`` is 0.0 only for equal bits; None where the shapes differ or one is missing."""
    shapes = {n: "-" if v is None else _shape(v) for n, v in (("a", a), ("b", b))}
    relative = None
    if a is not None and b is not None and a.shape == b.shape and a.dtype == b.dtype:
        same = a.tobytes() == b.tobytes()
        relative = 0.0 if same else relative_weight_distance({path: a}, {path: b})
        relative = relative if same or 0.0 < relative < np.inf else 1.0
    return {"weight": path, **shapes, "relative": relative}


def _shape(value: np.ndarray) -> str:
    return f"{' x '.join(map(str, value.shape)) or 'scalar'} {value.dtype}"


def _unequal(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Settings that differ. Layers correspond by name, or by position where models of the same
    layers name them otherwise: names count on from model to model in one process."""
    layers_a, layers_b = ([_title(layer) for layer in _layers(c)] for c in (a, b))
    renamed = layers_a != layers_b and [c for c, _ in layers_a] == [c for c, _ in layers_b]
    one, two = (
        dict(_settings(config, "", _positions(config) if renamed else {})) for config in (a, b)
    )
    lone = {name for name in one.keys() ^ two.keys() if ": " not in name}  # whole layers
    return tuple(
        {"setting": name, "a": one.get(name, "-"), "b": two.get(name, "-")}
        for name in dict.fromkeys((*one, *two))
        if one.get(name, "-") != two.get(name, "-") and name.partition(": ")[0] not in lone - {name}
    )


def _layers(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else None
    layers = layers if isinstance(layers, list) else []
    return [layer for layer in layers if isinstance(layer, dict)]


def _title(layer: Mapping[str, Any]) -> tuple[str, str]:
    config = layer.get("config")
    name = config.get("name", "") if isinstance(config, dict) else ""
    return str(layer.get("class_name", "")), str(name)


def _positions(config: Mapping[str, Any]) -> dict[str, str]:
    return {_title(layer)[1]: f"layer {i}" for i, layer in enumerate(_layers(config), 1)}


def _settings(value: Any, path: str, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every setting as text by its place, ``dense: activation``, layers called by ``names``."""
    if path.endswith(_CONNECTIONS):
        yield path, _connected(value, names)
    elif isinstance(value, dict) and "class_name" in value:
        yield path or "model", str(value["class_name"])
        inner = value.get("config")
        if names:
            names = {**names, **_positions(value)}
        if isinstance(inner, dict):
            yield from _settings(inner, path, names)
        elif inner is not None:
            yield path, f"{value['class_name']} {inner}"
    elif isinstance(value, dict):
        for key, one in value.items():
            if key not in _NOT_SETTINGS:
                yield from _settings(one, f"{path}: {key}" if path else key, names)
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for i, one in enumerate(value):
            title = _title(one)[1] if isinstance(one, dict) else ""
            place = names.get(title, title) or f"{path}[{i}]"
            outer = path.removesuffix("layers")
            inside = path.endswith("layers") and title
            yield from _settings(one, f"{outer}{place}" if inside else f"{path}[{i}]", names)
    else:
        yield path, str(value)


def _connected(value: Any, names: Mapping[str, str]) -> str:
    """Connections as text."""
    if isinstance(value, dict):
        pairs = (f"{k}: {_connected(v, names)}" for k, v in value.items() if k != "dtype")
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_connected(one, names) for one in value)}]"
    return names.get(str(value), str(value))
