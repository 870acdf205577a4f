"""Dataclasses to plain rows and back: JSON text, stacks, tensors. Decoding trusts nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from json import dumps  # not json.dumps: a script may put one of its own there
from typing import Any

import numpy as np

from whydiff.core.recipe import Tensor
from whydiff.core.recording import Draw, Frame
from whydiff.storage.checked import json_value

#: JSON has no such numbers, so they are written as these strings ...
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
#: ... and a text that reads like one of them gets one apostrophe more in front of it.
_ESCAPE = "'"

_INT64 = range(-(2**63), 2**63)


def dump(value: Any, what: str = "") -> str:
    """A plain value as JSON text; non-finite floats become ``"NaN"``, ``"Infinity"``, ...

    Numpy scalars and arrays and tuples count as their plain twins. ``TypeError`` names the
    place of anything else, beginning with ``what``.
    """
    return dumps(_plain(value, what), allow_nan=False, separators=(",", ":"))


def load(text: Any, what: str) -> Any:
    """The plain value of JSON ``text``. ``ValueError`` says that ``what`` is not valid."""
    if not isinstance(text, str):
        raise ValueError(f"{what} is {type(text).__name__}, not JSON text")
    try:
        return json_value(text, _unescaped)
    except ValueError as error:
        raise ValueError(f"{what} is not JSON as written here: {error}") from None


def load_mapping(text: Any, what: str) -> dict[str, Any]:
    """Like :func:`load`, for a JSON object."""
    value = load(text, what)
    if not isinstance(value, dict):
        raise ValueError(f"{what} is {type(value).__name__}, not a JSON object")
    return value


def load_strings(text: Any, what: str) -> tuple[str, ...]:
    """Like :func:`load`, for a JSON array of strings."""
    value = load(text, what)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{what} is not a list of strings")
    return tuple(value)


def load_logs(text: Any, what: str) -> dict[str, float]:
    """Like :func:`load`, for a JSON object of numbers."""
    value = load_mapping(text, what)
    for name, number in value.items():
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise ValueError(f"{what}: {name!r} is {type(number).__name__}, not a number")
        try:
            float(number)
        except OverflowError:
            raise ValueError(f"{what}: {name!r} is too large a number") from None
    return value


def text(value: str) -> str:
    """``value`` as SQLite can store it: lone surrogates (odd file names) spelled out."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _is_escaped(value: str) -> bool:
    return value.lstrip(_ESCAPE) in _NON_FINITE


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _ESCAPE + value if _is_escaped(value) else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"key {key!r} at {where or 'the top'} is not a string")
        return {key: _plain(item, f"{where}.{key}".lstrip(".")) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} at {where or 'the top'} is not a plain value")


def _unescaped(value: str) -> Any:
    if not _is_escaped(value):
        return value
    return value[1:] if value.startswith(_ESCAPE) else _NON_FINITE[value]


def dump_stack(stack: Iterable[Frame]) -> str:
    """Call stack -> JSON array of ``{"file", "line", "function", "text"}``, outermost first."""
    return dump(
        [{"file": f.file, "line": f.line, "function": f.function, "text": f.text} for f in stack]
    )


def load_stack(text: Any, what: str) -> tuple[Frame, ...]:
    """The inverse of :func:`dump_stack`; ``ValueError`` where it is not one."""
    frames = load(text, what)
    if not isinstance(frames, list):
        raise ValueError(f"{what} is not a list of frames")
    out = []
    for item in frames:
        try:
            frame = Frame(item["file"], item["line"], item["function"], item["text"])
        except (TypeError, KeyError, IndexError):
            raise ValueError(f"{what} holds something that is not a frame") from None
        if type(frame.line) is not int or not all(
            isinstance(part, str) for part in (frame.file, frame.function, frame.text)
        ):
            raise ValueError(f"{what} holds a frame with wrong types")
        out.append(frame)
    return tuple(out)


def tensor_row(tensor: Tensor) -> tuple[Any, ...]:
    """Columns role, path, shape, dtype, digest, trained_by of table ``tensor``."""
    return (
        text(tensor.role),
        text(tensor.path),
        dump(list(tensor.shape)),
        tensor.dtype,
        tensor.digest,
        tensor.trained_by,
    )


def row_tensor(row: tuple[Any, ...], what: str) -> Tensor:
    """The inverse of :func:`tensor_row`; ``ValueError`` where the row is not one."""
    role, path, shape_json, dtype, digest, trained_by = row
    if not all(isinstance(part, str) for part in (role, path, dtype, digest)):
        raise ValueError(f"{what} holds a tensor whose role, path, dtype or digest is not text")
    shape = load(shape_json, f"{what}: shape of {path}")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{what}: shape of {path} is not a list of sizes")
    if trained_by is not None and type(trained_by) is not int:
        raise ValueError(f"{what}: trained_by of {path} is not the number of a fit")
    return Tensor(path, role, tuple(shape), dtype, digest, trained_by)


def draw_row(draw: Draw) -> tuple[Any, ...]:
    """Columns of table ``draw``. A seed beyond 64 bits is written as decimal text."""
    seed = None if draw.seed is None else int(draw.seed)
    return (
        int(draw.number),
        text(draw.kind),
        text(draw.owner),
        seed if seed is None or seed in _INT64 else str(seed),
        int(draw.explicit),
        dump_stack(draw.stack),
        None if draw.layer is None else text(draw.layer),
        draw.fit,
    )


def row_draw(row: tuple[Any, ...]) -> Draw:
    """The inverse of :func:`draw_row`; ``ValueError`` where the row is not one."""
    number, kind, owner, seed, explicit, stack, layer, fit = row
    what = f"draw {number}"
    if isinstance(seed, str):
        seed = int(seed)
    if not (seed is None or type(seed) is int) or explicit not in (0, 1):
        raise ValueError(f"{what}: seed or explicit has a wrong type")
    if not isinstance(kind, str) or not isinstance(owner, str):
        raise ValueError(f"{what}: kind or owner is not text")
    if not (layer is None or isinstance(layer, str)) or not (fit is None or type(fit) is int):
        raise ValueError(f"{what}: layer or fit has a wrong type")
    return Draw(number, kind, owner, seed, bool(explicit), load_stack(stack, what), layer, fit)
