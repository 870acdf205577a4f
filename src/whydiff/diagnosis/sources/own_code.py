"""Functions of the script under two versions of Python, whose digests cannot be compared.

They are recorded by digests of their bytecode, and another version of Python compiles the same text
to other bytecode.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from whydiff.core.findings import DIFFERS, IDENTICAL, Finding
from whydiff.core.recipe import Facts
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.source import unknown

#: the digest of a function in a text, behind its name: ``weighted_mse:0f1e2d3c4b5a6978``
_DIGEST = re.compile(r"(?<=[\w>]):[0-9a-f]{16}(?![0-9a-f])")

#: Facts as they are compared: as they are, or without what is known of code.
Through = Callable[[Facts], Facts]


def across_pythons(versions: tuple[Facts, Facts], find: Callable[[Through], Finding]) -> Finding:
    """What ``find`` finds; where only code differs that two versions of Python compiled, that
    this cannot be judged.

    ``versions`` are the facts of that source on both sides. ``find`` compares what it is about
    through the function that it is given, which takes facts and returns those to compare.
    """
    finding, pythons = find(_as_they_are), [_python(facts) for facts in versions]
    if finding.status != DIFFERS or pythons[0] == pythons[1]:
        return finding
    without_code = find(_bare)
    if without_code.status == DIFFERS:
        return without_code
    equal = "all other settings are equal; " if without_code.status == IDENTICAL else ""
    return unknown(
        finding.source,
        f"{equal}functions of the script are known by their bytecode, which Python {pythons[0]} "
        f"and {pythons[1]} write differently",
    )


def compare_across_pythons(compare: Callable[[Side, Side], Finding], a: Side, b: Side) -> Finding:
    """What ``compare`` finds of two sides, see :func:`across_pythons`."""
    return across_pythons(
        (a.recipe.version, b.recipe.version),
        lambda through: compare(_with_facts(a, through), _with_facts(b, through)),
    )


def _as_they_are(facts: Facts) -> Facts:
    return facts


def _python(facts: Facts) -> str:
    """Major and minor version, as in ``3.11``."""
    return ".".join(str(facts.get("python", "")).split(".")[:2])


def _with_facts(side: Side, through: Through) -> Side:
    if through is _as_they_are:
        return side
    facts: dict[str, Any] = {
        field.name: through(value)
        for field in fields(side.recipe)
        if isinstance(value := getattr(side.recipe, field.name), Mapping)
    }
    return replace(side, fit=replace(side.fit, recipe=replace(side.recipe, **facts)))


def is_code(name: str, value: Any) -> bool:
    """Whether a fact holds code of the script: a method of its own, or a function as a setting."""
    return name.startswith("code:") or name.endswith(".of") or _bare(value) != value


def _bare(value: Any) -> Any:
    if isinstance(value, str):
        return _DIGEST.sub("", value)
    if isinstance(value, list | tuple):
        return [_bare(part) for part in value]
    if isinstance(value, Mapping):
        return {k: _bare(v) for k, v in value.items() if not str(k).startswith("code:")}
    return value
