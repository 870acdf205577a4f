"""Reading the seed ledger: why two random values are not the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from whydiff.core.recording import (
    FEED_DRAWS,
    LEDGER,
    LEDGER_AT_FIRST_STEP,
    SEEDING,
    UNKEPT_SEEDINGS,
    Draw,
    Execution,
    Side,
)
from whydiff.diagnosis.sources.version import THREEFRY, by_default, crosses, draws_otherwise

INITIALIZER, GENERATOR = "initializer", "seed generator"

#: Mechanism: values that do not come from the seed of the initializer.
REPLACED = "weights-replaced"

_KERAS_SEED = "keras.utils.set_random_seed"
_CLOCK = re.compile(r"\btime\.|time_ns|perf_counter|getpid|datetime|urandom|uuid|SystemRandom")
_CONSTANT = {"Zeros", "Ones", "Constant", "Identity", "IdentityInitializer"}


@dataclass(frozen=True)
class Why:
    """What the ledgers say about one tensor that differs: a sentence and the mechanism."""

    detail: str = ""
    mechanism: str = ""
    intended: bool = False


def same_execution(a: Side, b: Side) -> bool:
    """Whether both fits belong to one run of the script."""
    one, other = a.execution, b.execution
    same = (one.script, one.arguments, one.started) == (
        other.script,
        other.arguments,
        other.started,
    )
    return one is other or (same and a.fit.index != b.fit.index)


def same_script(a: Side, b: Side) -> bool:
    """Whether both runs ran one script with the same arguments."""
    one, other = a.execution, b.execution
    return one.script == other.script and one.arguments == other.arguments


def draw_of(side: Side, path: str, kind: str) -> Draw | None:
    """The draw behind a tensor: held by its layer, first seen in this fit or in the last before."""
    name = path.rpartition("/")[2]
    found: list[tuple[tuple[bool, int, int, int], Draw]] = []
    for draw in side.execution.ledger:
        if draw.kind != kind or draw.layer is None or draw.fit is None:
            continue
        if draw.fit > side.fit.index:
            continue
        owner, _, attribute = draw.layer.rpartition("/")
        if draw.layer != path and owner and not path.startswith(owner + "/"):
            continue
        match = _fits(attribute, name) if kind == INITIALIZER else int(draw.layer == path)
        if kind == INITIALIZER and not match:
            continue
        found.append(((draw.fit == side.fit.index, len(owner), match, draw.fit), draw))
    return max(found, key=lambda item: item[0])[1] if found else None


def _fits(attribute: str, name: str) -> int:
    """How well an attribute (kernel_initializer) goes with a weight (kernel); 0 if not."""
    stem = attribute.removesuffix("_initializer")
    if stem == name:
        return 3
    if stem and (name.startswith(stem + "_") or stem.startswith(name + "_")):
        return 2
    return 1 if attribute in ("initializer", "init") else 0


def why(a: Side, b: Side, path_a: str, path_b: str, kind: str) -> Why:
    """Why the random value behind ``path_a`` of A is not that behind ``path_b`` of B."""
    one, other = draw_of(a, path_a, kind), draw_of(b, path_b, kind)
    if one is None or other is None:
        return Why()
    if one.owner != other.owner and kind == INITIALIZER:
        constant = one.owner in _CONSTANT or other.owner in _CONSTANT
        seeds = "" if constant or one.seed == other.seed else _seeds(one, other)
        text = f"{path_a}: {one.owner} vs. {other.owner}{seeds and ', '}{seeds}"
        return Why(text, "other-initializer", intended=True)
    if one.seed is None or other.seed is None:
        return Why()
    if one.seed == other.seed:
        return _same_seed(a, b, path_a, one)
    if _clocked(one) or _clocked(other):
        return Why(f"{path_a}: {_seeds(one, other)}, made from the clock or process", "clock-seed")
    if one.explicit and other.explicit:
        text = f"{path_a}: the script writes {_seeds(one, other)}"
        if "torch" in (a.recipe.backend.get("backend"), b.recipe.backend.get("backend")):
            text += _overlap(one.seed, other.seed) if kind == GENERATOR else ""
        return Why(text, "explicit-seeds")
    if one.explicit or other.explicit:
        written, drawn = ("A", "B") if one.explicit else ("B", "A")
        text = f"{path_a}: {_seeds(one, other)}; written in {written}, drawn in {drawn}"
        return Why(text, "explicit-seeds")
    return _both_drawn(a, b, path_a, one, other)


def seeding_of(side: Side, before: int, generator: str) -> Draw | None:
    """The last call of the script that seeded a generator before entry ``before`` of the ledger.

    ``generator`` is "random", "numpy", "tensorflow" or "torch"; Keras's set_random_seed seeds all,
    that of torch where it is the backend.
    """
    return max(_seedings_of(side, before, generator), key=lambda d: d.number, default=None)


def first_seeding(side: Side, before: int, generator: str) -> Draw | None:
    """The first such call."""
    return min(_seedings_of(side, before, generator), key=lambda d: d.number, default=None)


def _seedings_of(side: Side, before: int, generator: str) -> list[Draw]:
    return [
        d
        for d in side.execution.ledger
        if d.kind == SEEDING and d.number < before and _reaches(side, d.owner, generator)
    ]


def unseeded(a: Side, b: Side, seedings: Sequence[Draw | None]) -> str:
    """Says where nothing had seeded what a value was drawn from; "" where that is not known.

    ``seedings`` are those in force in A and in B. A lock keeps none.
    """
    names = [
        name
        for name, side, seeding in zip("AB", (a, b), seedings, strict=True)
        if seeding is None and UNKEPT_SEEDINGS not in side.fit.notes
    ]
    where = f" in {names[0]}" if len(names) == 1 else ""
    return f", which nothing had seeded{where}" if names else ""


def generators_of(side: Side) -> list[Draw]:
    """The generators of its own that the script made before the first step of the fit, with their
    seeds. One that feeds data may be made when the first batch is asked for."""
    before = _at_first_step(side)
    return [
        d
        for d in side.execution.ledger
        if d.kind == SEEDING and d.owner.rpartition(".")[2] == "default_rng" and d.number < before
    ]


def _reaches(side: Side, function: str, generator: str) -> bool:
    """Whether a function seeds that global generator; one of a library is trusted to do so."""
    if generator == "torch" and function == _KERAS_SEED:
        return side.recipe.backend.get("backend") == "torch"  # Keras leaves it alone elsewhere
    module, _, name = function.rpartition(".")
    if name == "default_rng" or module == "jax.random":
        return False  # a generator of its own
    known = {"random", "numpy.random", "tensorflow.random", "torch"}
    return module.partition(".")[0] == generator if module in known else True


def other_seedings(a: Side, b: Side, one: Draw | None, other: Draw | None) -> Why | None:
    """Why two values differ where the script seeded their generator with two other seeds.

    ``one`` and ``other`` are the seedings in force; None where that is not the reason.
    """
    if one is None or other is None or one.seed == other.seed:
        return None
    if same_execution(a, b) and one.number == other.number:
        return None
    text = f"{call_of(one)} in A and {call_of(other)} in B"
    if _clocked(one) or _clocked(other):
        return Why(f"{text}: a seed from the clock or process", "clock-seed")
    if same_script(a, b) and not same_execution(a, b):
        return Why(f"{text}, although script and arguments are the same", "clock-seed")
    return Why(f"{text}: other seeds, set by the script itself", "explicit-seeds", intended=True)


def seeded_alike(a: Side, b: Side, one: Draw | None, other: Draw | None) -> str:
    """The call by which both sides last seeded a generator, each for itself; "" if not alike."""
    if one is None or other is None or one.seed is None or one.seed != other.seed:
        return ""
    if same_execution(a, b) and one.number == other.number:
        return ""
    return call_of(one)


def seeded_otherwise(a: Side, b: Side) -> Why | None:
    """Why the data were drawn otherwise where the script seeds what they may be drawn from.

    None where a generator without a seed was made besides: then that may have drawn them.
    """
    own = [generators_of(side) for side in (a, b)]
    if any(d.seed is None for side in own for d in side):
        return None
    calls = [seeding_of(side, ledger_at(side), "numpy") for side in (a, b)]
    made = [sorted(map(call_of, side)) for side in own]
    pairs = [calls]
    if made[0] != made[1]:  # the same generators may have been made in another order, by threads
        last = [next(reversed(side), None) for side in own]
        # What is made behind the seeding of all, and for the purpose, is what draws.
        behind = all(d and c and d.number > c.number for d, c in zip(last, calls, strict=True))
        pairs = [last, calls] if behind else [calls, last]
    found = (other_seedings(a, b, one, other) for one, other in pairs)
    return next((why for why in found if why is not None), None)


def fed_otherwise(a: Side, b: Side) -> Why | None:
    """Why a generator or PyDataset feeds otherwise where all that was seen to draw for it was
    seeded, and with other seeds; None where that is not the reason, or not known."""
    if not all(isinstance(side.fit.notes.get(FEED_DRAWS), list) for side in (a, b)):
        return None
    drew: list[list[Any]] = [side.fit.notes[FEED_DRAWS] for side in (a, b)]
    found = []
    for name in dict.fromkeys([*drew[0], *drew[1]]):
        if name is None:
            return None
        if isinstance(name, str):
            seeded = [seeding_of(side, _at_first_step(side), name) for side in (a, b)]
            why = other_seedings(a, b, seeded[0], seeded[1])
            if why is None and not seeded_alike(a, b, seeded[0], seeded[1]):
                return None  # what nobody seeded may have ordered the samples as well
            found += [why] if why is not None else []
    own = [{name for name in side if isinstance(name, int)} for side in drew]
    one, other = (
        next((d for d in reversed(generators_of(side)) if d.seed in seeds), None)
        for side, seeds in ((a, own[0] - own[1]), (b, own[1] - own[0]))
    )
    return next(iter(found), None) or other_seedings(a, b, one, other)


def seeded_apart(a: Execution, b: Execution) -> list[str]:
    """The seedings of one script by which two runs of it may go apart: another seed in each, as
    the clock gives, or none at all."""
    kept = [[d for d in e.ledger if d.kind == SEEDING] for e in (a, b)]
    found = []
    for one, other in zip(*kept, strict=False):
        if one.owner != other.owner or _at(one) != _at(other):
            break  # from here on they do other things
        if one.seed is None and other.seed is None and not one.explicit:
            found.append(f"{call_of(one)} without a seed")
        elif one.seed != other.seed:
            clock = ", made from the clock or process" * _clocked(one)
            found.append(f"{call_of(one)} vs. {call_of(other).partition(' (')[0]}{clock}")
    return list(dict.fromkeys(found))


def _at_first_step(side: Side) -> int:
    """The ledger entry behind the last one that was there when the first batch was."""
    known = side.fit.notes.get(LEDGER_AT_FIRST_STEP)
    return known + 1 if isinstance(known, int) else ledger_at(side)


def ledger_at(side: Side) -> int:
    """The ledger entry behind the last one that was there when the fit began."""
    known = side.fit.notes.get(LEDGER)
    return known + 1 if isinstance(known, int) else len(side.execution.ledger) + 1


def call_of(seeding: Draw) -> str:
    """The call as it stands in the script, with its file and line."""
    return f"{seeding.owner}({'' if seeding.seed is None else seeding.seed}){_at(seeding)}"


def _both_drawn(a: Side, b: Side, path: str, one: Draw, other: Draw) -> Why:
    text = f"{path} drew {_seeds(one, other)} from Python's random"
    seeded = [seeding_of(s, d.number, "random") for s, d in ((a, one), (b, other))]
    differently = other_seedings(a, b, *seeded)
    if differently is not None:
        return replace(differently, detail=f"{path}: {differently.detail}")
    for side, opposite, seed, ours, theirs in (
        (a, b, other.seed, "A", "B"),
        (b, a, one.seed, "B", "A"),
    ):
        layer = _owner_of(side, opposite, seed)
        if layer:
            return Why(
                f"{text}: the seed it has in {theirs} went to {layer} in {ours}", "shifted-draws"
            )
    for seeding in seeded:
        if seeding is not None and seeding.seed is None and not seeding.explicit:
            text += f": {call_of(seeding)} seeds it from the operating system"
            return Why(text, "python-random-unseeded")
    if same_execution(a, b):
        return Why(f"{text}, which was not set back to the same seed in between", "seeded-once")
    if None not in seeded:
        return Why(f"{text}: seeded alike, but drawn at another place in the sequence",
                   "shifted-draws")  # fmt: skip
    nobody = unseeded(a, b, seeded)
    return Why(text + nobody, "python-random-unseeded" if nobody else "")


def _owner_of(side: Side, opposite: Side, seed: int | None) -> str:
    """Which other object of ``side`` drew that seed, if one did."""
    for draw in side.execution.ledger:
        if draw.explicit or draw.seed != seed:
            continue
        if same_execution(side, opposite) and draw.fit != side.fit.index:
            continue  # the opposite side's own draws are in the same ledger
        return draw.layer or f"another {draw.owner}"
    return ""


def _same_seed(a: Side, b: Side, path: str, draw: Draw) -> Why:
    text = f"{path}: the same seed {draw.seed} and {draw.owner}"
    backends = a.recipe.backend.get("backend"), b.recipe.backend.get("backend")
    if backends[0] != backends[1]:
        return Why(f"{text}, but {backends[0]} and {backends[1]} draw other numbers from it",
                   "backend-draws")  # fmt: skip
    fans = _fans(a, b, path) if draw.kind == INITIALIZER else ""
    if draws_otherwise(a, b):
        settings = " vs. ".join(str(side.recipe.arithmetic[THREEFRY]) for side in (a, b))
        return Why(f"{text}, but {THREEFRY} is {settings}{_jax(a, b)}: other numbers from it"
                   + (f"; {fans}, too" if fans else ""), "jax-threefry-partitionable")  # fmt: skip
    if fans:
        return Why(f"{text}, but {fans}", "keras-fans-3-15")
    if dict(a.recipe.version) != dict(b.recipe.version):
        return Why(f"{text}, but other versions of the libraries", "other-version")
    if draw.kind == GENERATOR:
        return Why(f"{text}, but it has drawn another number of times before this fit")
    return Why(f"{text}, yet other values: set or loaded after they were drawn, or other settings "
               "of the initializer", REPLACED)  # fmt: skip


def _jax(a: Side, b: Side) -> str:
    """The versions of JAX where the setting is their default."""
    if not crosses(a, b, "jax", (0, 5)) or not (by_default(a) and by_default(b)):
        return ""
    return " (JAX " + " vs. ".join(str(side.recipe.version["jax"]) for side in (a, b)) + ")"


def _fans(a: Side, b: Side, path: str) -> str:
    """Says so where the versions of Keras scale a weight otherwise, and which weights they do."""
    if not crosses(a, b, "keras", (3, 15)) or not _of_attention(a, path):
        return ""
    versions = " vs. ".join(str(side.recipe.version["keras"]) for side in (a, b))
    return f"Keras {versions} takes another fan for a kernel of this shape"


def _of_attention(side: Side, path: str) -> bool:
    """Whether a weight is a kernel of three axes or more of an EinsumDense, as in attention."""
    layer = path.rpartition("/")[0]
    kinds = dict(str(e).rpartition(": ")[::2] for e in side.recipe.architecture.get("layers") or ())
    shapes = [tensor.shape for tensor in side.recipe.initialization if tensor.path == path]
    return kinds.get(layer) == "EinsumDense" and any(len(shape) >= 3 for shape in shapes)


def _seeds(one: Draw, other: Draw) -> str:
    return f"seed {one.seed} in A{_at(one)} and {other.seed} in B{_at(other)}"


def _at(draw: Draw) -> str:
    """Where the script made the object: `` (train.py:12)``."""
    if not draw.stack:
        return ""
    frame = draw.stack[-1]
    return f" ({frame.name}:{frame.line})"


def _clocked(draw: Draw) -> bool:
    return draw.explicit and any(_CLOCK.search(frame.text) for frame in draw.stack)


def _overlap(one: int | None, other: int | None) -> str:
    if one is None or other is None or not 0 < abs(one - other) <= 1000:
        return ""
    return "; on torch such neighbouring seeds give the same numbers, shifted by a few draws"
