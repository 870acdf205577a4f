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
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.source import unknown

#: the digest of a function in a text, behind its name: ``weighted_mse:0f1e2d3c4b5a6978``
_DIGEST = re.compile(r"(?<=[\w>]):[0-9a-f]{16}(?![0-9a-f])")


def compare_across_pythons(compare: Callable[[Side, Side], Finding], a: Side, b: Side) -> Finding:
    """What ``compare`` finds; where only code differs that two versions of Python compiled, that
    this cannot be judged."""
    finding, pythons = compare(a, b), (_python(a), _python(b))
    if finding.status != DIFFERS or pythons[0] == pythons[1]:
        return finding
    without_code = compare(_without_code(a), _without_code(b))
    if without_code.status == DIFFERS:
        return without_code
    equal = "all other settings are equal; " if without_code.status == IDENTICAL else ""
    return unknown(
        finding.source,
        f"{equal}functions of the script are known by their bytecode, which Python {pythons[0]} "
        f"and {pythons[1]} write differently",
    )


def _python(side: Side) -> str:
    """Major and minor version, as in ``3.11``."""
    return ".".join(str(side.recipe.version.get("python", "")).split(".")[:2])


def _without_code(side: Side) -> Side:
    facts = {
        field.name: _bare(value)
        for field in fields(side.recipe)
        if isinstance(value := getattr(side.recipe, field.name), Mapping)
    }
    return replace(side, fit=replace(side.fit, recipe=replace(side.recipe, **facts)))


def _bare(value: Any) -> Any:
    if isinstance(value, str):
        return _DIGEST.sub("", value)
    if isinstance(value, list | tuple):
        return [_bare(part) for part in value]
    if isinstance(value, Mapping):
        return {k: _bare(v) for k, v in value.items() if not str(k).startswith("code:")}
    return value
