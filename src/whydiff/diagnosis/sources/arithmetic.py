"""The arithmetic: every field equal and yet other bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import DIFFERS, IDENTICAL, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.divergence import first_divergence
from whydiff.diagnosis.sources.backend import same_backend
from whydiff.diagnosis.sources.facts import changes, compare_facts
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown

ID = "arithmetic"
FIX = "Use the same jit_compile= and run_eagerly=, and the backend's deterministic operations."

#: Chosen by each backend in its own way; between backends they are no choice of the script.
_OF_BACKEND = ("jit_compile", "deterministic")
_COMPUTED = ("forward", "gradient", "update")


def source_beside(others: Sequence[Source]) -> Source:
    """The source ``arithmetic``, which is judged by what all ``others`` leave unexplained."""

    def compare(a: Side, b: Side) -> Finding:
        return judge(a, b, [source.compare(a, b) for source in others])

    return Source(
        id=ID,
        title="the order in which numbers are added (rounding)",
        random=True,
        kind="structure",
        compare=compare,
        says=(
            "How the same numbers are added up: compiled or not, in which order, with which "
            "kernels. Two trainings may agree in every other source and still differ in the "
            "last bits."
        ),
        carried=(
            "Its settings, yes: `jit_compile` and `run_eagerly` are compiled into the live "
            "model. Bits that vary from run to run by themselves cannot be carried over; they"
            " are proven by training one side again and getting other bits."
        ),
        looks_like="Everything agrees, then the last bits part; the gap grows from about 1e-7.",
        fix=FIX,
    )


def judge(a: Side, b: Side, others: Sequence[Finding]) -> Finding:
    """Compare the settings; where all ``others`` are identical, also what was computed."""
    one, two = a.recipe.arithmetic, b.recipe.arithmetic
    finding = compare_facts(ID, one, two, FIX, skip=_skip(a, b), intended=True)
    if finding.status == DIFFERS:
        changed = {c.key for c in changes(one, two, skip=_skip(a, b))}
        mechanism, detail = _mechanism(changed), ""
        if "jit_compile" in changed and _draws_on_tensorflow(a) and _draws_on_tensorflow(b):
            mechanism = "tf-xla-noise"
            detail = f"{finding.evidence}; XLA draws other noise from the same seed state"
        return differs(ID, finding.evidence, FIX, detail=detail, mechanism=mechanism, intended=True)
    if not others or any(f.status != IDENTICAL for f in others):
        return finding
    try:
        point = first_divergence(a, b)
    except WhydiffError as error:
        return unknown(ID, str(error))
    if point is None:
        return _computed_alike(a, finding)
    where = f"epoch {point.epoch} step {point.step}"
    if point.phase in _COMPUTED:
        return differs(
            ID,
            f"every field equal and yet other bits from {where} on ({point.where})",
            FIX,
            mechanism="nondeterministic-ops",
        )
    return unknown(ID, f"every field equal, yet {point.where} differs at {where} ({point.phase})")


def _computed_alike(a: Side, finding: Finding) -> Finding:
    steps = len(a.fit.steps)
    if not steps:
        return finding
    settings = f"; {finding.evidence}" if finding.status == IDENTICAL else ""
    return identical(ID, f"all {steps} steps gave the same bits{settings}")


def _skip(a: Side, b: Side) -> Callable[[str], bool]:
    one, two = a.recipe.arithmetic, b.recipe.arithmetic
    same = same_backend(a.recipe, b.recipe)

    def skip(key: str) -> bool:
        if key == "steps_per_execution":
            return True  # only how often Python is called: measured to change no bit
        return not same and (key in _OF_BACKEND or key not in one or key not in two)

    return skip


def _draws_on_tensorflow(side: Side) -> bool:
    return bool(side.recipe.noise) and side.recipe.backend.get("backend") == "tensorflow"


def _mechanism(changed: set[str]) -> str:
    if "jax_threefry_partitionable" in changed:
        return "jax-threefry-partitionable"
    if changed & {"jit_compile", "run_eagerly", "jax_disable_jit", "functions run eagerly"}:
        return "jit-or-eager"
    if "deterministic" in changed:
        return "op-determinism"
    if any("precision" in key or "float_32" in key for key in changed):
        return "tf32"
    return ""
