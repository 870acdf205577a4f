"""The architecture: layers, their settings and connections, shapes, trainable flags."""

from __future__ import annotations

from collections.abc import Sequence

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.recipe import Recipe
from whydiff.core.recording import Side
from whydiff.core.words import count
from whydiff.diagnosis.sources.facts import (
    Change,
    PlainField,
    both,
    changes,
    compare_facts,
    describe,
    listed,
    name_of,
)
from whydiff.diagnosis.sources.layers import aligned_facts, layers, matched, same_layers
from whydiff.diagnosis.sources.source import Source, differs, identical
from whydiff.diagnosis.sources.stale import compiled_apart, left_apart

ID = "architecture"
FIX = "Build both models with the same function, and compare model.summary()."

#: mechanism: a class of layers holds a value that each new layer changes
COUNTS_ON = "class-counts-on"
#: layers that get a mask and do not pass it on, where layers behind them take one
MASKS_END = "masks end at"
#: What a layer's config may also hold although it belongs to other sources.
_ELSEWHERE = ("name", "seed", "dtype", "trainable")
_GRAPHS = ("Sequential", "Functional")


def compare(a: Side, b: Side) -> Finding:
    """Compare layers by class and position, then their settings; names do not count."""
    finding = _compare(a, b)
    ends = [side.recipe.architecture.get(MASKS_END) or [] for side in (a, b)]
    if finding.status != DIFFERS or not isinstance(a.recipe, Recipe) or ends[0] == ends[1]:
        return finding
    where = "; ".join(
        f"in {name} the mask ends at {listed(map(str, paths))}, and layers behind it compute with "
        "the padding"
        for name, paths in zip("AB", ends, strict=True)
        if paths
    )
    detail = f"{finding.detail or finding.evidence}; {where}"
    return differs(ID, finding.evidence, FIX, detail=detail, mechanism="mask-ends")


def _compare(a: Side, b: Side) -> Finding:
    one, two = a.recipe, b.recipe
    facts_a, facts_b = aligned_facts(one, two, one.architecture, two.architecture)
    graphs = one.architecture.get("model") in _GRAPHS and two.architecture.get("model") in _GRAPHS
    alike = same_layers(one, two)
    code = [facts.get("code:model") for facts in (facts_a, facts_b)]
    one_code = code[0] is not None and code[0] == code[1]
    state: set[str] = (
        {*compiled_apart(a, b), *left_apart(a, b)} if isinstance(one, Recipe) else set()
    )

    def skip(key: str) -> bool:
        if key == "layers":
            return True  # compared by class and position
        if key in state:
            return True  # set alike, but compiled before that, or left so by an earlier training
        if key == "model" and alike and (graphs or (_graph(one) and _graph(two)) or one_code):
            return True  # what a model of the same layers and connections is called is no matter
        # Keras may see another call of the same layers: only where both sides list them they count
        if key.partition(":")[0] == "connections" and not (facts_a.get(key) and facts_b.get(key)):
            return True
        return key.startswith("layer:") and _elsewhere(key.rpartition(":")[2])

    if not alike:
        settings = changes(facts_a, facts_b, skip=lambda k: skip(k) or not k.startswith("layer:"))
        text = _added_and_removed(one, two)
        evidence = "; ".join(filter(None, (text, describe(settings, 3))))
        return differs(ID, evidence, FIX, intended=True)
    first = ("model", "inputs", "outputs")
    field = PlainField(ID, FIX, what="layer settings", first=first, intended=True)
    finding = compare_facts(field, facts_a, facts_b, skip)
    if finding.status != DIFFERS and isinstance(one, Recipe):  # a measuring call moves no weight
        stale = _trained_otherwise(a, b)
        if stale:
            return differs(ID, stale, FIX, mechanism="trainable-without-compile")
    same_run = isinstance(one, Recipe) and a.execution is b.execution
    if finding.status == DIFFERS and same_run:
        found = changes(facts_a, facts_b, skip=skip, first=first)
        counted = _counted_on(one, found)
        if counted:
            return differs(ID, finding.evidence, FIX, detail=counted, mechanism=COUNTS_ON)
    if finding.status == DIFFERS or not layers(one):
        return finding
    names = [p for p, _ in layers(one)] != [p for p, _ in layers(two)]
    kinds = listed((kind for _, kind in layers(one)), 4)
    evidence = f"the same {count(len(layers(one)), 'layer')} ({kinds}) with equal settings"
    return identical(ID, f"{evidence}; only names differ" if names else evidence)


def _counted_on(a: Recipe, found: Sequence[Change]) -> str:
    """Says so where layers differ only as their classes count the layers that were made before."""
    kinds = dict(layers(a))
    of_classes: list[Change] = []
    others: list[Change] = []
    for change in found:
        setting, path = name_of(change.key)
        held = bool(path) and setting.startswith(f"{kinds.get(path)}.")
        (of_classes if held else others).append(change)
    counting = {kinds[name_of(change.key)[1]] for change in of_classes}
    if not counting or any(kinds.get(name_of(c.key)[1]) not in counting for c in others):
        return ""
    kept = dict.fromkeys(f"{name_of(c.key)[0]} {both(c.a, c.b)}" for c in of_classes)
    follows = f", and with it {describe(others, 3)}" if others else ""
    return f"the class goes on counting from the model before ({', '.join(kept)}){follows}"


def _trained_otherwise(a: Side, b: Side) -> str:
    """Says so where weights of a layer moved in one training only, though its flag is equal.

    ``trainable`` takes effect when the model is compiled: set afterwards, the flag says one thing
    and the compiled step does another.
    """
    flags = [_flags(side.recipe) for side in (a, b)]
    moved = [_moved(side) for side in (a, b)]
    for layer, trainable in flags[0].items():
        if flags[1].get(layer) is not trainable or not all(layer in m for m in moved):
            continue
        one, other = (m[layer] for m in moved)
        if one == other or not all(any(m.values()) for m in moved):
            continue
        name = "A" if one is not trainable else "B"
        if trainable:
            return (
                f"{layer} is trainable in both, yet its weights never changed in {name}: trainable "
                "was set after compile()"
            )
        return (
            f"{layer} is frozen in both (trainable=False), yet its weights changed in {name}: "
            "trainable was set after compile()"
        )
    return ""


def _flags(recipe: Recipe) -> dict[str, bool]:
    """Whether each layer is trainable."""
    facts = recipe.architecture.items()
    return {key.partition(":")[2]: bool(v) for key, v in facts if key.startswith("trainable:")}


def _moved(side: Side) -> dict[str, bool]:
    """By layer whether training changed a weight that it holds itself."""
    moved: dict[str, bool] = {}
    for before, after in zip(side.recipe.initialization, side.fit.final, strict=False):
        if before.role in ("trainable", "non-trainable") and before.path == after.path:
            layer = before.path.rpartition("/")[0]
            moved[layer] = moved.get(layer, False) or before.digest != after.digest
    return moved


def _graph(recipe: Recipe) -> bool:
    return bool(recipe.architecture.get("connections"))


def _elsewhere(setting: str) -> bool:
    first = setting.partition(".")[0]
    return first in _ELSEWHERE or first.endswith(("_initializer", "_regularizer"))


def _added_and_removed(a: Recipe, b: Recipe) -> str:
    one, two, pairs = layers(a), layers(b), matched(a, b)
    found_a, found_b = {i for i, _ in pairs}, {j for _, j in pairs}
    only_a, only_b = (
        [f"{path} ({kind})" for i, (path, kind) in enumerate(listing) if i not in found]
        for listing, found in ((one, found_a), (two, found_b))
    )
    parts = [
        f"only in {name}: {listed(paths, 3)}"
        for name, paths in (("A", only_a), ("B", only_b))
        if paths
    ]
    return "; ".join(parts) or "the layers come in another order"


SOURCE = Source(
    id=ID,
    title="the architecture of the model",
    random=False,
    kind="structure",
    compare=compare,
    says=(
        "The layers, their settings and connections, the shapes, and which weights are "
        "trainable. Names do not count."
    ),
    carried=(
        "Yes: the other training's own model is trained, with everything else from the first."
        " Initial weights go along for the layers whose shapes differ."
    ),
    looks_like="Other numbers of weights, or the first loss differs with equal weights and batch.",
    fix=FIX,
)
