"""What a study varies: the grammar of ``--vary``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from whydiff.core.dividing import SPLIT, folds_of
from whydiff.core.errors import WhydiffError
from whydiff.core.replicas import ASKED_FOR, FACTORS, RANDOM_SOURCES

PRECISIONS = (
    "float16", "float32", "float64", "bfloat16", "mixed_float16", "mixed_bfloat16",
)  # fmt: skip
_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
_GRAMMAR = (
    "Write --vary initialization,data-order,noise for random sources, split for another division "
    "into training and validation data, data-content=kfold=5 for folds, data-content=bootstrap for "
    "resampled training data, arithmetic=one-ulp for one weight moved by rounding, and factors by "
    "value: optimizer=adam,sgd, batch-size=32,128, learning-rate=0.001,0.01, "
    "precision=float32,mixed_bfloat16, shuffle=on,off."
)
_WAYS = {
    "data-content": "Write data-content=split to divide training and validation data anew, "
    "data-content=kfold=5 to hold out one fold after the other, or data-content=bootstrap to "
    "resample the training data with replacement.",
    "arithmetic": "Write arithmetic=one-ulp to move one initial weight by one unit in the last "
    "place.",
}


@dataclass(frozen=True)
class Varied:
    """``sources`` are random sources to attribute variance to, None where none was named, which
    means all that a script has. ``factors`` maps a factor to the values it is set to. ``ways`` says
    how sources are redrawn that no plain run draws anew."""

    sources: tuple[str, ...] | None = None
    factors: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)


def parse_vary(texts: str | Iterable[str] | None) -> Varied:
    """``["initialization,noise", "optimizer=adam,sgd"]`` as :class:`Varied`.

    A word after ``factor=`` that is no random source is a value of that factor. Raises
    WhydiffError with the word it does not understand.
    """
    texts = [texts] if isinstance(texts, str) else list(texts or ())
    sources: list[str] = []
    factors: dict[str, list[Any]] = {}
    ways: dict[str, str] = {}
    for text in texts:
        factor = ""
        for word in text.split(","):
            name, equals, value = (part.strip() for part in word.partition("="))
            if name == SPLIT and not equals:
                name, equals, value = "data-content", "=", SPLIT
            if not equals and name in RANDOM_SOURCES:
                factor = ""
                _add_source(name, sources)
            elif equals and name in ASKED_FOR:
                check_way(name, value)
                _add_way(name, value, ways)
                factor = ""
                sources.append(name)
            elif equals:
                factor = _known_factor(name)
                factors.setdefault(factor, []).append(_value(factor, value))
            elif factor and name:
                factors[factor].append(_value(factor, name))
            else:
                raise WhydiffError(f"--vary does not know {name!r}{_meant(name)}", _GRAMMAR)
    unique = {name: tuple(dict.fromkeys(values)) for name, values in factors.items()}
    named = tuple(s for s in RANDOM_SOURCES if s in sources)
    return Varied(named or None, unique, ways)


def _add_way(name: str, value: str, ways: dict[str, str]) -> None:
    if ways.setdefault(name, value) != value:
        raise WhydiffError(
            f"--vary asks for {name}={ways[name]} and for {name}={value}",
            "Name one way to redraw it.",
        )


def _add_source(name: str, sources: list[str]) -> None:
    if name in ASKED_FOR:
        raise WhydiffError(f"--vary {name} does not say how it is drawn anew", _WAYS[name])
    sources.append(name)


def check_way(name: str, value: str) -> None:
    """Raise WhydiffError where a source cannot be redrawn in that way."""
    way = value.partition("=")[0]
    if way not in ASKED_FOR[name] or (not folds_of(value) and way != value):
        raise WhydiffError(f"--vary {name}={value} is no way to draw it anew", _WAYS[name])


def _known_factor(name: str) -> str:
    if name in FACTORS:
        return name
    if name in RANDOM_SOURCES:
        raise WhydiffError(
            f"--vary {name} takes no value: it is redrawn with one seed after the other",
            f"Write --vary {name}, and --seed for other seeds.",
        )
    raise WhydiffError(f"--vary does not know {name!r}{_meant(name)}", _GRAMMAR)


def _meant(name: str) -> str:
    near = difflib.get_close_matches(name, [*RANDOM_SOURCES, *FACTORS], 1)
    return f"; did you mean {near[0]}?" if near else ""


def _value(factor: str, text: str) -> Any:
    """The value of a factor, checked as far as that goes without Keras."""
    try:
        if factor == "batch-size":
            size = int(text)
            if size > 0:
                return size
        elif factor == "learning-rate":
            rate = float(text)
            if 0 < rate < float("inf"):
                return rate
        elif factor == "shuffle":
            return _SWITCH[text.lower()]
        elif factor == "precision":
            if text in PRECISIONS:
                return text
        elif text:
            return text
    except (ValueError, KeyError):
        pass
    wanted = {
        "batch-size": "a number of samples, as in batch-size=32,128",
        "learning-rate": "a number above 0, as in learning-rate=0.001,0.01",
        "shuffle": "on or off",
        "precision": f"one of {', '.join(PRECISIONS)}",
    }.get(factor, "a name, as in optimizer=adam,sgd")
    raise WhydiffError(f"--vary {factor}={text}: {text!r} is no {factor}", f"Give {wanted}.")


def vary_words(varied: Varied) -> tuple[str, ...]:
    """What :func:`parse_vary` reads as ``varied``."""
    sources = [f"{s}={varied.ways[s]}" if s in varied.ways else s for s in varied.sources or ()]
    factors = [
        f"{name}={','.join(repr(v) if isinstance(v, float) else value_text(v) for v in values)}"
        for name, values in varied.factors.items()
    ]
    return (*([",".join(sources)] if sources else []), *factors)


def value_text(value: Any) -> str:
    """A factor's value as it is written on the command line."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
