"""Versions of Keras, its backend, NumPy and Python."""

from __future__ import annotations

import re
from typing import Any

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.sources.backend import same_backend
from whydiff.diagnosis.sources.facts import PlainField, compare_facts
from whydiff.diagnosis.sources.source import Source, differs

ID = "version"
#: The setting that decides how JAX draws random numbers.
THREEFRY = "jax_threefry_partitionable"
_PARTITIONABLE = "jax-threefry-partitionable"
FIX = "Install the same versions in both environments (pip freeze, a lock file)."


def compare(a: Side, b: Side) -> Finding:
    """Compare versions; of other backends only the packages that both have."""
    one, two = a.recipe.version, b.recipe.version
    if not same_backend(a.recipe, b.recipe):
        shared = [k for k in one if k in two]
        one, two = {k: one[k] for k in shared}, {k: two[k] for k in shared}
    field = PlainField(ID, FIX, what="versions", first=("keras",))
    finding = compare_facts(field, one, two)
    if finding.status == DIFFERS and draws_otherwise(a, b) and a.recipe.noise and b.recipe.noise:
        # Weights that were drawn otherwise are transferred; what a step draws is not.
        detail = f"{finding.evidence}; JAX draws other noise from the same seed states"
        return differs(ID, finding.evidence, FIX, detail=detail, mechanism=_PARTITIONABLE)
    return finding


def other_generations(a: Side, b: Side) -> bool:
    """Whether one side is a training with Keras 2 and the other one with Keras 3."""
    return crosses(a, b, "keras", (3,))


def draws_otherwise(a: Side, b: Side) -> bool:
    """Whether JAX draws other numbers from one seed on the two sides: a setting, and since JAX 0.5
    its default."""
    one, two = (side.recipe.arithmetic.get(THREEFRY) for side in (a, b))
    return one is not None and two is not None and one != two


def by_default(side: Side) -> bool:
    """Whether that setting is as the side's version of JAX has it by itself."""
    version, value = side.recipe.version.get("jax"), side.recipe.arithmetic.get(THREEFRY)
    return bool(version) and value is (numbers(version) >= (0, 5))


def crosses(a: Side, b: Side, package: str, border: tuple[int, ...]) -> bool:
    """Whether the versions of a package lie on both sides of ``border``."""
    one, two = (side.recipe.version.get(package) for side in (a, b))
    return bool(one and two) and (numbers(one) < border) != (numbers(two) < border)


def numbers(version: Any) -> tuple[int, ...]:
    """The leading numbers of a version: (3, 15, 1)."""
    return tuple(int(part) for part in re.findall(r"\d+", str(version))[:3])


SOURCE = Source(
    id=ID,
    title="the versions of the libraries",
    random=False,
    kind="environment",
    compare=compare,
    says="The versions of Keras, its backend, NumPy and Python.",
    carried=(
        "Only with another process that has the other versions, and together with the "
        "hardware. Between recordings of two machines nothing can be trained again: `whydiff "
        "diff` reports it."
    ),
    looks_like="The same script gives other numbers on another machine or after an upgrade.",
    fix=FIX,
)
