"""Dataclasses to plain rows and back: JSON text, stacks, tensors. Decoding trusts nothing.

Whatever is in a file, reading ends soon, with a value of the type that was asked for or with a
``ValueError`` that names the place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json import dumps  # not json.dumps: a script may put one of its own there
from typing import Any, TypeVar

import numpy as np

from whydiff.core.recipe import Tensor
from whydiff.core.recording import Draw, Frame

T = TypeVar("T")

#: Objects and lists inside each other. Models within models come to some dozens.
MOST_DEEP = 150


def spelled_out(value: str) -> str:
    """A text in which bytes that no text has (names that are no UTF-8) are spelled out."""
    if value.isascii():
        return value
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def json_value(text: str | bytes, leaf: Callable[[str], Any] = spelled_out) -> Any:
    """The plain value of JSON text; ``leaf`` is applied to every string that is no key.

    ``ValueError`` for anything else than JSON, and for what is nested too deeply.
    """
    try:
        return _read(json.loads(text, parse_constant=_refuse), leaf, MOST_DEEP)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"bare {constant}")


def _read(value: Any, leaf: Callable[[str], Any], deep: int) -> Any:
    if isinstance(value, str):
        return leaf(value)
    if isinstance(value, list | dict):
        if not deep:
            raise ValueError("it is nested too deeply")
        if isinstance(value, list):
            return [_read(item, leaf, deep - 1) for item in value]
        return {spelled_out(k): _read(item, leaf, deep - 1) for k, item in value.items()}
    return value


class Checked:
    """A JSON object that nobody vouches for; ``what`` says where it stands."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{what} is {_kind(value)}, not an object")
        self._value, self.what = value, what

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def names(self) -> Iterator[str]:
        """The names of all entries."""
        return iter(self._value)

    def items(self) -> Iterator[tuple[str, Checked]]:
        """All entries, each of which must be an object."""
        return ((name, self.part(name)) for name in self._value)

    def take(self, name: str, kind: type[T]) -> T:
        """The entry ``name``, of exactly that type."""
        if name not in self._value:
            raise ValueError(f"{self.what} has no {name!r}")
        value = self._value[name]
        if type(value) is not kind:
            raise ValueError(f"{self.what}: {name!r} is {_kind(value)}, not {kind.__name__}")
        return value

    def text(self, name: str) -> str:
        """A string."""
        return self.take(name, str)

    def boolean(self, name: str) -> bool:
        """true or false."""
        return self.take(name, bool)

    def integer(self, name: str) -> int:
        """A whole number."""
        return self.take(name, int)

    def number(self, name: str) -> float:
        """Any number, whole ones included."""
        value = self._value.get(name)
        return self._float(name, value) if type(value) is int else self.take(name, float)

    def anything(self, name: str) -> Any:
        """An entry of any type."""
        if name not in self._value:
            raise ValueError(f"{self.what} has no {name!r}")
        return self._value[name]

    def mapping(self, name: str) -> dict[str, Any]:
        """An object of which only that is asked."""
        return self.take(name, dict)

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        """What ``read`` takes, or None where the entry is null."""
        if name in self._value and self._value[name] is None:
            return None
        return read(name)

    def part(self, name: str) -> Checked:
        """An object, checked on."""
        return Checked(self.mapping(name), f"{self.what}: {name}")

    def parts(self, name: str) -> list[Checked]:
        """A list of objects."""
        values = self.take(name, list)
        return [Checked(v, f"{self.what}: {name} {i + 1}") for i, v in enumerate(values)]

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        return self._each(name, (str,))

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        return self._each(name, (int,))

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of numbers, as floats."""
        return tuple(self._float(name, v) for v in self._each(name, (int, float)))

    def rows(self, name: str, width: int) -> list[list[Any]]:
        """A list of lists of that length."""
        rows = self._each(name, (list,))
        for row in rows:
            if len(row) != width:
                raise ValueError(f"{self.what}: {name!r} has a row of {len(row)}, not {width}")
        return list(rows)

    def _float(self, name: str, value: float) -> float:
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{self.what}: {name!r} is too large a number") from None

    def _each(self, name: str, kinds: tuple[type, ...]) -> tuple[Any, ...]:
        values = self.take(name, list)
        for value in values:
            if type(value) not in kinds:
                raise ValueError(f"{self.what}: {name!r} holds {_kind(value)}")
        return tuple(values)


def one_of(value: str, allowed: Sequence[str]) -> str:
    """``value`` if it is allowed."""
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return value


def digits(value: str, most: int) -> str:
    """``value`` if it is a hexadecimal number of at most so many digits."""
    if not 0 < len(value) <= most or any(c not in "0123456789abcdef" for c in value):
        raise ValueError(f"{value!r} is not a digest")
    return value


def _kind(value: Any) -> str:
    return "null" if value is None else f"{type(value).__name__}"


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
    """Call stack -> JSON array of ``{"file", "line", "function", "text"}``, outermost first.

    A line of a notebook that is open has a ``"cell"``, too.
    """
    return dump(
        [
            {"file": f.file, "line": f.line, "function": f.function, "text": f.text}
            | ({"cell": f.cell} if f.cell else {})
            for f in stack
        ]
    )


def load_stack(text: Any, what: str) -> tuple[Frame, ...]:
    """The inverse of :func:`dump_stack`; ``ValueError`` where it is not one."""
    frames = load(text, what)
    if not isinstance(frames, list):
        raise ValueError(f"{what} is not a list of frames")
    out = []
    for item in frames:
        try:
            cell = item.get("cell", "")
            frame = Frame(item["file"], item["line"], item["function"], item["text"], cell)
        except (TypeError, KeyError, IndexError, AttributeError):
            raise ValueError(f"{what} holds something that is not a frame") from None
        if type(frame.line) is not int or not all(
            isinstance(part, str) for part in (frame.file, frame.function, frame.text, frame.cell)
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
