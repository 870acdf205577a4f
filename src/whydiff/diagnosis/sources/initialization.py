"""The initial weights: the value of every variable before the first step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from whydiff.core.findings import Finding
from whydiff.core.recipe import Tensor
from whydiff.core.recording import Side
from whydiff.core.words import count, listed
from whydiff.diagnosis import files
from whydiff.diagnosis.mechanisms import mechanism as mechanism_of
from whydiff.diagnosis.sources import seeds
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown
from whydiff.diagnosis.sources.state import ADAPTED, FILE_REWRITTEN, adapted_otherwise
from whydiff.diagnosis.sources.tensors import (
    Pair,
    Pairs,
    differing,
    equal_tensors,
    of_them,
    pair,
    placed,
)

ID = "initialization"
FIX = (
    "Call keras.utils.set_random_seed(n) before building each model, or load the same weights "
    "into both before fit."
)

ADAPTED_FIX = "Adapt both to the same data, the rows that are trained on: layer.adapt(x_train)."


def compare(a: Side, b: Side) -> Finding:
    """Compare weights that no earlier fit trained, paired by name and shape."""
    weights = [[t for t in s.recipe.initialization if t.role != "hidden"] for s in (a, b)]
    pairs = pair(*weights)
    other = differing(pairs.fresh)
    if other:
        return _differs(a, b, pairs, other)
    reseeded = _other_seeds(a, b) if pairs.alone else ""
    if reseeded:
        return unknown(ID, reseeded)
    if pairs.all_equal:
        return identical(ID, equal_tensors(pairs.fresh + pairs.trained, "weight tensor"))
    if pairs.fresh:
        left = len(pairs.trained) + len(pairs.recast)
        rest = f"; {count(left, 'tensor')} trained before or of another dtype" if left else ""
        return identical(ID, equal_tensors(pairs.fresh, "fresh weight tensor") + rest)
    return unknown(ID, _why_nothing(a, b, pairs))


def _differs(a: Side, b: Side, pairs: Pairs, other: Sequence[Pair]) -> Finding:
    one, two = other[0]
    evidence = (
        f"{of_them(other, pairs.fresh, 'weight tensor')}, "
        f"first {placed(one, two)} ({one.digest[:8]}… against {two.digest[:8]}…)"
    )
    if pairs.alone:
        evidence += f"; {count(len(pairs.alone), 'tensor')} without a counterpart left out"
    adapted = adapted_otherwise(a, b)
    if {one.path for one, _ in other} <= {*adapted}:
        layers = dict.fromkeys(path.rpartition("/")[0] for path in adapted)
        detail = f"{listed(list(layers))} in B was adapted to other data than in A: {evidence}"
        return differs(ID, evidence, ADAPTED_FIX, detail=detail, mechanism=ADAPTED)
    swapped = _swapped(pairs.fresh, other)
    if swapped:
        return differs(ID, evidence, FIX, detail=swapped, mechanism="positional-set-weights")
    shared = _shared_initializer(pairs.fresh)
    # The first tensor of which the ledger knows anything tells the story.
    for one, two in other:
        why = seeds.why(a, b, one.path, two.path, seeds.INITIALIZER)
        if why.mechanism in ("", seeds.REPLACED) and (read := files.weights_rewritten(a, b)):
            remedy = mechanism_of(FILE_REWRITTEN).remedy
            return differs(ID, evidence, remedy, detail=read, mechanism=FILE_REWRITTEN)
        if why.detail:
            mechanism = "shared-initializer" if shared else why.mechanism
            detail = "; ".join(filter(None, (why.detail, shared)))
            return differs(
                ID, evidence, FIX, detail=detail, mechanism=mechanism, intended=why.intended
            )
    mechanism = "shared-initializer" if shared else ""
    return differs(ID, evidence, FIX, detail=shared or evidence, mechanism=mechanism)


def _other_seeds(a: Side, b: Side) -> str:
    """Says so where weights of other shapes were drawn from other seeds as well."""
    shapes = {t.path: t.shape for t in b.recipe.initialization}
    for tensor in a.recipe.initialization:
        if shapes.get(tensor.path, tensor.shape) == tensor.shape:
            continue
        path = tensor.path
        one, other = (seeds.draw_of(side, path, seeds.INITIALIZER) for side in (a, b))
        if one and other and None not in (one.seed, other.seed) and one.seed != other.seed:
            return (
                f"{path} has another shape in B and another seed ({one.seed} vs. {other.seed}), so "
                "its values are counted with the architecture"
            )
    return ""


def _swapped(fresh: Sequence[Pair], other: Sequence[Pair]) -> str:
    """Says so where B holds exactly A's tensors, in other layers."""
    if sorted(a.digest for a, _ in fresh) != sorted(b.digest for _, b in fresh):
        return ""
    two = other[0][1]
    home = next(a.path for a, _ in fresh if a.digest == two.digest)
    return f"{two.path} in B holds what {home} holds in A: the same tensors in other layers"


def _shared_initializer(fresh: Sequence[Pair]) -> str:
    """Says so where equal matrices fill several layers of one model only."""
    twins = [_twins([p[side] for p in fresh]) for side in (0, 1)]
    for name, mine, theirs in (("A", *twins), ("B", *reversed(twins))):
        if mine and not theirs:
            return f"in {name} {' and '.join(mine[:3])} start with identical numbers"
    return ""


def _twins(tensors: Sequence[Tensor]) -> list[str]:
    # Vectors are left out: every bias is zeros, every scale ones.
    groups: dict[str, list[str]] = defaultdict(list)
    for tensor in tensors:
        if len(tensor.shape) >= 2:
            groups[tensor.digest].append(tensor.path)
    return next((paths for paths in groups.values() if len(paths) > 1), [])


def _why_nothing(a: Side, b: Side, pairs: Pairs) -> str:
    if not a.recipe.initialization or not b.recipe.initialization:
        return "the initial weights were not recorded"
    if pairs.recast:
        one, two = pairs.recast[0]
        return f"the weights have other dtypes ({one.dtype} vs. {two.dtype}): no bits to compare"
    if pairs.trained:
        return "every weight was trained by an earlier fit: see the carried-over state"
    return "no weights of equal shape in both models: see the architecture"


SOURCE = Source(
    id=ID,
    title="the initial weights",
    random=True,
    kind="tensors",
    compare=compare,
    says=(
        "The value of every variable of the model before the first step. Keras draws it when "
        "a layer is built, from a seed that the layer drew before; a script may also load or "
        "copy it."
    ),
    carried=(
        "Yes: the recorded weights of the other training are put into the live model before "
        "its first step, layer by layer. Weights of layers whose shapes differ go with the "
        "architecture."
    ),
    looks_like="The loss differs from the very first batch, although script and data are the same.",
    fix=FIX,
)
