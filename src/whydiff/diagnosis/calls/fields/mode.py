"""How two calls ran: in training or inference, from which states of their generators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from whydiff.core.calls import EXPORTED, MeasuringCall
from whydiff.core.findings import IDENTICAL, Finding
from whydiff.core.recipe import Facts
from whydiff.core.words import listed
from whydiff.diagnosis.calls.fields.findings import differs, recipe_of
from whydiff.diagnosis.sources.facts import changes, describe
from whydiff.diagnosis.sources.layers import aligned_facts


def compare_noise(a: MeasuringCall, b: MeasuringCall) -> Finding:
    """States of the generators that the calls draw from."""
    drew = [sorted({g.name for g in c.recipe.generators if g.drew}) for c in (a, b)]
    one, two = a.recipe.noise, b.recipe.noise
    states = [[t.digest for t in side] for side in (one, two)]
    befores = [{g.name: g.before for g in c.recipe.generators if g.drew} for c in (a, b)]
    outside = befores[0] != befores[1] and (drew[0] or drew[1])
    operations = [[t for t in side if t.role == "operation seed"] for side in (one, two)]
    if [t.digest for t in operations[0]] != [t.digest for t in operations[1]]:
        name = (operations[0] or operations[1])[0].path
        return differs(
            "noise", f"the compiled function draws with {name}",
            f"{name} draws on from call to call inside the compiled function, where no seed sets "
            "it back", "unseeded-noise",
        )  # fmt: skip
    if states[0] == states[1] and not outside:
        every = "the seed generator" if len(one) == 1 else f"all {len(one)} seed generators"
        text = (
            f"{every} in the same state"
            if one
            else "no seed generator in the model, and no global generator moved"
        )
        return Finding("noise", IDENTICAL, text)
    backend = str(a.recipe.backend.get("backend", ""))
    foreign = {*drew[0], *drew[1]} - ({backend} if one and two else set())
    if outside and foreign:
        names = listed(sorted(foreign))
        return differs(
            "noise",
            f"the call draws from the global generator of {names}",
            f"numbers drawn inside the model from {names}'s global generator, which has moved on "
            "in between",
            "unseeded-noise",
        )
    moved = [x.path.rpartition("/")[0] or x.path for x, y in zip(one, two, strict=False)
             if x.digest != y.digest]  # fmt: skip
    whose = f" (of {listed(list(dict.fromkeys(moved))[:3])})" if moved else ""
    if moved and not outside and _in_training_alone((a, b), moved):
        return differs("noise", "the seed generators are in other states", IDLE)
    return differs(
        "noise", "the seed generators are in other states",
        f"the model's seed generators{whose} have moved on: every call draws other numbers",
        "noise-at-inference",
    )  # fmt: skip


#: What is said of seed generators from which nothing was drawn.
IDLE = (
    "the seed generators are in other states, but belong to layers of Keras that draw in training "
    "alone and ran in inference"
)


def _in_training_alone(calls: Sequence[MeasuringCall], layers: Sequence[str]) -> bool:
    """Whether layers draw in training only, and were seen to run in inference in both calls."""
    known = calls[0].recipe.architecture
    classes = dict(str(entry).rpartition(": ")[::2] for entry in known.get("layers") or ())
    flags = [training_flags(call) for call in calls]
    return all(
        _ACTING.search(classes.get(path, ""))
        and f"code:{path}" not in known
        and all(seen.get(f"training:{path}") is False for seen in flags)
        for path in layers
    )


def compare_mode(a: MeasuringCall, b: MeasuringCall) -> Finding:
    """Training or inference behaviour, layer by layer."""
    flags = [training_flags(c) for c in (a, b)]
    one, two = aligned_facts(recipe_of(a), recipe_of(b), flags[0], flags[1])
    moved = changes(one, two)
    if not moved:
        running = sorted(k.partition(":")[2] for k, v in one.items() if v is True and ":" in k)
        text = (
            f"training behaviour in {listed(running)} in both"
            if running
            else "every layer in inference in both"
        )
        return Finding("mode", IDENTICAL, text)
    layers = _acting(a, [c.key.partition(":")[2] for c in moved if ":" in c.key])
    details = []
    for call, own in ((a, one), (b, two)):
        active = [k.partition(":")[2] for k, v in own.items() if v is True and k.partition(":")[2]]
        active = _acting(call, active)
        how = _asked(call)
        details.append(f"{how}: {listed(active[:4]) + ' in training' if active else 'inference'}")
    mechanism = "training-flag"
    arguments = [c.recipe.mode.get("training") for c in (a, b)]
    if None in arguments and True not in arguments and _any_true(one, two):
        mechanism = next(
            (m for m in map(trained_without_flag, (a, b)) if m != BY_DEFAULT), BY_DEFAULT
        )
    if any(EXPORTED in c.notes for c in (a, b)):
        mechanism = "exported-in-training"
    evidence = describe(moved, 3) if not layers else f"{listed(layers[:4])}: {describe(moved, 2)}"
    return differs("mode", evidence, " vs. ".join(details), mechanism)


#: Mechanism: the default of a layer's own argument is True.
BY_DEFAULT = "training-by-default"


def trained_without_flag(call: MeasuringCall) -> str:
    """The mechanism by which layers of a call that passes no flag run as in training."""
    baked = any(k.startswith("baked:") and v for k, v in call.recipe.mode.items())
    return "training-baked-in" if baked else BY_DEFAULT


#: Classes of layers that behave otherwise in training.
_ACTING = re.compile(r"Dropout|Noise|Normalization|Random|Attention|LSTM|GRU|RNN|MixUp|CutMix")


def _acting(call: MeasuringCall, paths: Sequence[str]) -> list[str]:
    """Of some layers those that training changes, where that is known of any of them."""
    known = call.recipe.architecture
    classes = dict(str(entry).rpartition(": ")[::2] for entry in known.get("layers") or ())
    acting = [p for p in paths if _ACTING.search(classes.get(p, "")) or f"code:{p}" in known]
    return acting or list(paths)


def _any_true(one: Facts, two: Facts) -> bool:
    return any(v is True for v in (*one.values(), *two.values()))


def _asked(call: MeasuringCall) -> str:
    line = f" (line {call.line})" if call.line else ""
    if call.kind in ("predict", "evaluate"):
        return f"{call.kind}{line}"
    training = call.recipe.mode.get("training")
    if EXPORTED in call.notes:
        return f"the exported function{line}"
    return f"model(x{'' if training is None else f', training={training}'}){line}"


def training_flags(call: MeasuringCall) -> dict[str, Any]:
    """The flag at each layer; the argument itself where layers were not seen."""
    mode = call.recipe.mode
    layers = {
        k: any(v)
        if isinstance(v, (list, tuple))
        else bool(v)  # several, where it ran several times
        for k, v in mode.items()
        if k.startswith("training:")
    }
    if layers:
        return layers
    through = call.kind in ("predict", "evaluate")
    return {"training": False if through else bool(mode.get("training") or False)}
