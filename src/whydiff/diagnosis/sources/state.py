"""State transferred: what an earlier training left in weights, optimizer and seed states."""

from __future__ import annotations

from collections.abc import Sequence

from whydiff.core.calls import PUT_WEIGHTS
from whydiff.core.findings import Finding
from whydiff.core.recipe import BEFORE, Recipe, Tensor, named_fit
from whydiff.core.recording import Side
from whydiff.core.words import count, listed
from whydiff.diagnosis import files
from whydiff.diagnosis.mechanisms import mechanism as mechanism_of
from whydiff.diagnosis.sources.facts import equal, is_digest, name_of, show
from whydiff.diagnosis.sources.source import Source, differs, identical, unknown
from whydiff.diagnosis.sources.stale import (
    compiled_apart,
    constants_apart,
    left_apart,
    stored_apart,
)
from whydiff.diagnosis.sources.tensors import Pair, differing, equal_tensors, pair, placed

ID = "state"
FIX = "Build and compile a new model for every fit: put both into a function and call it anew."

#: Mechanism: layers were adapted to other data; what they derive follows from their weights.
ADAPTED = "adapted-otherwise"
#: Mechanism: a file that some other program writes anew for every run.
FILE_REWRITTEN = "file-rewritten"
KEPT_FIX = (
    "Keep it in a weight of the layer, self.add_weight(shape=(), initializer='zeros', "
    "trainable=False), which every new layer begins anew; or set it back before each fit."
)
FILE_FIX = (
    "Remove the file before the run, or let both runs start with the same one; if a run is to go "
    "on where the last one stopped, the two are not meant to agree."
)

_STEP_COUNT = ("iteration", "iterations")


def compare(a: Side, b: Side) -> Finding:
    """Compare what earlier training left behind; fresh values belong to other sources."""
    one, two = a.recipe, b.recipe
    hidden, weights = (
        pair(*([t for t in r.initialization if (t.role == "hidden") is wanted] for r in (one, two)))
        for wanted in (True, False)
    )
    noise = pair(one.noise, two.noise)
    optimizer = _optimizer_pairs(one, two)
    carried = {
        "weight": list(weights.trained),
        "hidden state": [*hidden.fresh, *hidden.trained],
        "optimizer variable": optimizer,
        "seed state": list(noise.trained),
    }
    other = {noun: differing(pairs) for noun, pairs in carried.items()}
    paths = files.carried(a, b)
    flat = [t for pairs in other.values() for p in pairs for t in p]
    if paths and all(t.trained_by is None for t in flat):
        detail = files.told(a, b, paths)
        if files.loaded_from(a, b, paths):
            detail += ", and starts with the weights that the other ended with"
        counts = [count(len(pairs), noun) for noun, pairs in other.items() if pairs]
        evidence = f"{detail}; {', '.join(counts)} differ" if counts else detail
        return differs(ID, evidence, FILE_FIX, mechanism="file-carried-over")
    left = _differs(a, b, other) if any(other.values()) else None
    held = _held(a, b)
    if held is not None:
        more = f"; {left.evidence}" if left else ""
        detail = f"{held.detail}{more}"
        return differs(ID, f"{held.evidence}{more}", FIX, detail=detail, mechanism=held.mechanism)
    if left is not None:
        return left
    if not one.initialization and not one.state and not two.initialization and not two.state:
        return unknown(ID, "neither weights nor optimizer state were recorded")
    same = [p for pairs in carried.values() for p in pairs]
    if any(t.trained_by is not None for p in same for t in p):
        return identical(ID, f"the same state was transferred: {equal_tensors(same, 'tensor')}")
    steps = "the optimizer starts at the same step" if optimizer else "no optimizer state differs"
    return identical(ID, f"no weight comes from an earlier fit, {steps}")


def _held(a: Side, b: Side) -> Finding | None:
    """Values that are no variables: compiled into the step earlier, or derived by a layer."""
    old = compiled_apart(a, b)
    if old:
        detail = "; ".join(old.values())
        return differs(ID, detail, FIX, mechanism="stale-trace")
    begins = {key.rpartition(":")[::2]: (x, y, "") for key, (x, y) in stored_apart(a, b).items()}
    for key, (x, y, fit) in left_apart(a, b).items():
        name, where = name_of(key)
        name = name.removesuffix(" (read from outside)")
        begins[where, name] = (x, y, f", where {named_fit(fit)} left it")
    if begins:
        parts = [
            f"{name} of {where} begins with {_value(x)} in A and {_value(y)} in B{by}"
            for (where, name), (x, y, by) in begins.items()
        ]
        detail = f"{'; '.join(parts)}: a value that training itself sets, and no variable"
        return differs(ID, detail, KEPT_FIX, mechanism="attribute-kept")
    paths = constants_apart(a, b)
    if not paths:
        return None
    layers = [entry for side in (a, b) for entry in side.recipe.architecture.get("layers") or ()]
    owner = paths[0].rpartition("/")[0]
    normalizes = f"{owner}: Normalization" in layers
    detail = f"{listed(paths)}, which {'is' if len(paths) == 1 else 'are'} no variable of the model"
    if normalizes:
        detail += ": the layer derives it from its weights when it is adapted, built or loaded"
    mechanism = "not-finalized" if normalizes else "other-constant"
    if normalizes and any(adapted_otherwise(a, b)):
        mechanism = ADAPTED
    return differs(ID, detail, FIX, mechanism=mechanism)


def _value(value: object) -> str:
    """A value as it is told; of an array only its digest is known."""
    return "an array" if is_digest(value) else show(value)


def adapted_otherwise(a: Side, b: Side) -> list[str]:
    """Paths of weights of Normalization layers that differ, where adapt() was called for both and
    nothing else put them there; none under another Keras or backend, which may round otherwise."""
    around = [(side.recipe.backend, side.recipe.version) for side in (a, b)]
    if around[0] != around[1] or not all(map(_only_adapted, (a, b))):
        return []
    one, two = ({t.path: t.digest for t in s.recipe.initialization} for s in (a, b))
    layers = {str(entry) for s in (a, b) for entry in s.recipe.architecture.get("layers") or ()}
    return [
        path
        for path, digest in one.items()
        if two.get(path, digest) != digest and f"{path.rpartition('/')[0]}: Normalization" in layers
    ]


def _only_adapted(side: Side) -> bool:
    before = [e for e in side.execution.events if e.after_call < side.fit.call]
    put = (e for e in before if e.kind in PUT_WEIGHTS and e.model_number in (0, *side.fit.models))
    return any(e.kind == "adapt" for e in before) and not any(put)


def _optimizer_pairs(a: Recipe, b: Recipe) -> list[Pair]:
    """Comparable optimizer variables; hyperparameters are the optimizer's own source."""
    one = [t for t in a.state if t.role != "hyperparameter"]
    two = [t for t in b.state if t.role != "hyperparameter"]
    if not equal(a.optimizer.get("class"), b.optimizer.get("class")):
        one, two = _counters(one), _counters(two)
    pairs = pair(one, two)
    # A slot may start at a hyperparameter (Adagrad) or at the weight itself: then it is fresh
    # although it differs, and the difference belongs to the optimizer or the initial weights.
    starts = [k for k in {*a.optimizer, *b.optimizer} if "initial" in k]
    hyper = any(not equal(a.optimizer.get(k), b.optimizer.get(k)) for k in starts)
    copies_a = {t.digest for t in a.initialization}
    copies_b = {t.digest for t in b.initialization}
    fresh = [
        (p, q)
        for p, q in pairs.fresh
        if p.digest == q.digest
        or _is_counter(p)
        or not (hyper or (p.digest in copies_a and q.digest in copies_b))
    ]
    return [*pairs.trained, *fresh]


def _counters(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [t for t in tensors if _is_counter(t)]


def _is_counter(tensor: Tensor) -> bool:
    return tensor.path.rpartition("/")[2] in _STEP_COUNT


def _differs(a: Side, b: Side, other: dict[str, list[Pair]]) -> Finding:
    flat = [p for pairs in other.values() for p in pairs]
    first = next((p for p in flat if p[0].trained_by is not None or p[1].trained_by is not None),
                 flat[0])  # fmt: skip
    origins = f"{_origin(first[0], 'A')} and {_origin(first[1], 'B')}"
    if first[0].role == "hidden" and first[0].trained_by is None and first[1].trained_by is None:
        origins = "holds other values: an earlier predict or evaluate moved it in one of them"
    counts = ", ".join(count(len(pairs), noun) for noun, pairs in other.items() if pairs)
    detail = f"{placed(*first)} {origins}"
    mechanism, remedy = _mechanism(a, b, other), FIX
    loaded = [name for name, side in (("A", a), ("B", b)) if files.loaded_before(side)]
    if mechanism == "shared-layers" and len(loaded) == 1:
        mechanism = "earlier-fit-loaded"
        remedy = mechanism_of(mechanism).remedy
        detail += f" in {files.loaded_before(a if loaded == ['A'] else b)}"
    if mechanism == "cell-run-again":
        detail = f"the cell was run again on a model that was fitted before: {detail}"
    return differs(
        ID,
        f"{counts} differ by what was there before: {detail}",
        remedy,
        detail=detail,
        mechanism=mechanism,
    )


def _origin(tensor: Tensor, name: str) -> str:
    if tensor.trained_by is None:
        return f"is fresh in {name}" if tensor.role != "hidden" else f"comes from no fit in {name}"
    return f"starts in {name} from what {named_fit(tensor.trained_by)} left"


def _mechanism(a: Side, b: Side, other: dict[str, list[Pair]]) -> str:
    weights = [t for p in other["weight"] for t in p if t.trained_by is not None]
    slots = [t for p in other["optimizer variable"] for t in p if t.trained_by is not None]
    if other["hidden state"] and not weights and not slots:
        return "hidden-state-kept"
    if any(t.trained_by == BEFORE for t in weights) and _same_place(a, b):
        return "cell-run-again"
    if weights and slots:
        return "continued-fit"
    if slots:
        fresh = [
            side
            for side, tensors in zip(
                (a, b), zip(*other["optimizer variable"], strict=True), strict=True
            )
            if all(t.trained_by is None for t in tensors)
        ]
        resumed = any(t.trained_by is not None for s in fresh for t in s.recipe.initialization)
        return "slots-lost" if resumed else "optimizer-not-reset"
    if weights and all(t.trained_by != BEFORE for t in weights):
        models = {
            fit.model
            for side in (a, b)
            for fit in side.execution.fits
            if fit.index in {t.trained_by for t in weights}
        }
        # The very model of an earlier fit with a fresh optimizer was compiled again.
        late = a if a.fit.index > b.fit.index else b
        return "continued-fit" if late.fit.model in models else "shared-layers"
    return ""


def _same_place(a: Side, b: Side) -> bool:
    """Whether the same line called both fits."""
    places = [[(f.file, f.line, f.text) for f in side.fit.stack] for side in (a, b)]
    return bool(places[0]) and places[0] == places[1]


SOURCE = Source(
    id=ID,
    title="what an earlier training left behind",
    random=False,
    kind="tensors",
    compare=compare,
    says=(
        "What an earlier training left behind: trained weights, the optimizer's moments and "
        "step count, advanced seed states, layers that two models share."
    ),
    carried=(
        "Yes: weights, optimizer variables and seed states are set to the recorded values of "
        "the other training before the first step."
    ),
    looks_like="Each fold or repetition starts better than the last; the first epoch is too good.",
    fix=FIX,
)
