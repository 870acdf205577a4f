"""The arithmetic: every field equal and yet other bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import DIFFERS, IDENTICAL, Divergence, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.divergence import first_divergence
from whydiff.diagnosis.sources.backend import same_backend
from whydiff.diagnosis.sources.facts import PlainField, changes, compare_facts
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown
from whydiff.diagnosis.sources.version import THREEFRY, by_default, draws_otherwise
from whydiff.stats.ulp import ROUNDING, is_rounding

ID = "arithmetic"
FIX = "Use the same jit_compile= and run_eagerly=, and the backend's deterministic operations."

#: Chosen by each backend in its own way; between backends they are no choice of the script.
_OF_BACKEND = ("jit_compile", "deterministic")
#: begins what is said where every field is equal and the difference is not known to be rounding
UNRECORDED = "every recorded field is equal, yet the training"
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
            "model. Bits that vary from run to run by themselves cannot be transferred; they"
            " are proven by training one side again and getting other bits."
        ),
        looks_like="Everything agrees, then the last bits part; the gap grows from about 1e-7.",
        fix=FIX,
    )


def judge(a: Side, b: Side, others: Sequence[Finding], sized: bool = True) -> Finding:
    """Compare the settings; where all ``others`` are identical, also what was computed.

    Only a first difference of the size of rounding is arithmetic. ``sized=False`` leaves that to
    the caller: a lock keeps no losses, and whoever verifies it measures what rounding grows to.
    """
    one, two = a.recipe.arithmetic, b.recipe.arithmetic
    finding = compare_facts(PlainField(ID, FIX, intended=True), one, two, _skip(a, b))
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
        return _computed_alike(a, max(a.fit.every, b.fit.every), finding)
    where = f"epoch {point.epoch + 1}, step {point.step + 1} ({point.where})"
    if point.phase not in _COMPUTED:
        return unknown(ID, f"{UNRECORDED} first differs at {where}, in the phase {point.phase}")
    size = first_difference(a, b, point)
    mechanism = "nondeterministic-ops" if a.has_gpu or b.has_gpu else "threads-race"
    if not sized:
        evidence = f"every recorded field is equal, and the bits differ from {where} on"
        return differs(ID, evidence, FIX, mechanism=mechanism)
    if size is None:
        return unknown(ID, f"{UNRECORDED} differs from {where} on; how much was not measured")
    if not _rounds(size, a, b):
        return unknown(
            ID,
            f"{UNRECORDED} differs by {size:.2g} of the loss from {where} on: too much for "
            "rounding, so it is something that is not recorded",
        )
    return differs(
        ID,
        f"every recorded field is equal, and from {where} on the bits differ by rounding "
        f"({size:.1e} of the loss)",
        FIX,
        mechanism=mechanism,
    )


def first_difference(a: Side, b: Side, point: Divergence) -> float | None:
    """The first difference as a part of the loss; None where no loss near it was kept.

    A step that first differs in its update shows in the loss of the step after it. Logged losses
    are means since the epoch began: the difference of one step is that many times larger.
    """
    epochs = np.asarray(a.fit.step_epochs)
    row = int(np.searchsorted(epochs, point.epoch)) + point.step + (point.phase == "update")
    losses = [side.fit.notes.get("losses") or () for side in (a, b)]
    if row >= min(len(epochs), *map(len, losses)):
        return None
    one, two = (float(kept[row]) for kept in losses)
    steps = row - int(np.searchsorted(epochs, epochs[row])) + 1
    largest = max(abs(one), abs(two))
    size = abs(one - two) * steps / largest if largest else 0.0
    return size if np.isfinite(size) and size > 0 else None


def _rounds(size: float, a: Side, b: Side) -> bool:
    """Whether a difference of this size can be rounding in the coarsest type that computes."""
    policies = " ".join(str(v) for side in (a, b) for v in side.recipe.precision.values())
    if "bfloat16" in policies:
        return size <= ROUNDING * 2.0**-8
    kind = "float16" if "float16" in policies else "float32" if "float32" in policies else "float64"
    return is_rounding(size, np.dtype(kind))


def _computed_alike(a: Side, every: int, finding: Finding) -> Finding:
    steps = len(a.fit.steps)
    if not steps:
        return finding
    settings = f"; {finding.evidence}" if finding.status == IDENTICAL else ""
    which = f"all {steps} steps" if every == 1 else f"all that were digested of {steps} steps"
    return identical(ID, f"{which} gave the same bits{settings}")


def _skip(a: Side, b: Side) -> Callable[[str], bool]:
    one, two = a.recipe.arithmetic, b.recipe.arithmetic
    same = same_backend(a.recipe, b.recipe)

    def skip(key: str) -> bool:
        if key == "steps_per_execution":
            return True  # only how often Python is called: measured to change no bit
        if key == THREEFRY and draws_otherwise(a, b) and by_default(a) and by_default(b):
            return True  # the version's own default: told of what was drawn with it
        return not same and (key in _OF_BACKEND or key not in one or key not in two)

    return skip


def _draws_on_tensorflow(side: Side) -> bool:
    return bool(side.recipe.noise) and side.recipe.backend.get("backend") == "tensorflow"


def _mechanism(changed: set[str]) -> str:
    if THREEFRY in changed:
        return "jax-threefry-partitionable"
    if changed & {"jit_compile", "run_eagerly", "jax_disable_jit", "functions run eagerly"}:
        return "jit-or-eager"
    if "deterministic" in changed:
        return "op-determinism"
    if any("precision" in key or "float_32" in key for key in changed):
        return "tf32"
    return ""
