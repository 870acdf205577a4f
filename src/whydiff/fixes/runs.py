"""What to try when two runs of one script, or two scripts, differ by chance."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from whydiff.core.recording import Side
from whydiff.fixes.proposal import Step
from whydiff.fixes.seed_lines import (
    above_the_data,
    completed,
    drawn_lines,
    moved,
    own_seed_step,
    seeded_in_time,
    seeding_statements,
    torch_beside_keras,
    where_first_drawn,
)
from whydiff.fixes.spots import script_files
from whydiff.script_text.edits import Script, place_before
from whydiff.script_text.generators import Change, Seeds, changes
from whydiff.script_text.imports import Names
from whydiff.script_text.orders import uses_hash_order
from whydiff.script_text.project_seed import ProjectSeed
from whydiff.script_text.seeding import seed_script, seeded, seeding_prelude
from whydiff.script_text.splits import seeded_splits

#: what a seed set in the script reaches
SEEDABLE = ("initialization", "data-order", "noise")
#: what is drawn by Keras alone, or by nothing
_DRAWN_BY_KERAS = {"initialization", "noise", "arithmetic"}
#: at most this many proposals: each trial trains twice
MOST = 4

Targets = tuple[str, ...]  # source ids
Plan = tuple[tuple[Step, ...], Targets]

_HASH_ORDERED = ("data-content", "data-order", "architecture")
_HASHED = Step(
    environment={"PYTHONHASHSEED": "0"},
    how="Fixes the order of sets and the values of hash() from outside the script.",
)

_COMBINATIONS = ("s", "g", "o", "p", "sg", "so", "sp", "go", "gop", "sgo", "sgop")


def plans(
    script: Script,
    path: Path,
    side: Side,
    causes: Sequence[str],
    given: ProjectSeed | None = None,
) -> list[Plan]:
    """Combinations of steps with what they should make agree, smallest first.

    ``given`` is the seed of the project that a script without one of its own may import.
    """
    names = Names(script)
    seed = _seed_step(script, names, path, side, causes, given)
    parts = _parts(script, names, path, side, seed)
    determinism = _determinism(script, names, side) if "arithmetic" in causes else Step()
    found: list[tuple[Step, ...]] = []
    whole = _whole(script, names, path, side, causes)
    for combination in _COMBINATIONS:
        left_out = any(parts[c] and c not in combination for c in whole)
        plausible = not left_out and _plausible(combination, parts, causes, names)
        if all(parts[c] for c in combination) and plausible:
            found.append(tuple(parts[c] for c in combination))
    hash_order = uses_hash_order(script, names) or not (parts["g"] or parts["o"])
    if hash_order and any(c in _HASH_ORDERED for c in causes):
        found.append((*(parts[c] for c in "sgp" if parts[c]), _HASHED))
    if determinism:
        found = [(*steps, determinism) for steps in (found or [()])]
    if parts["s"].edits and _local_import(script, path):
        early = Step(
            prelude=seeding_prelude(script.text),
            how="Sets one seed before the script's own modules are imported.",
        )
        found.append((early, *(parts[c] for c in "gop" if parts[c])))
    seedable = tuple(c for c in causes if c in SEEDABLE)
    also = bool(parts["s"] and seedable and seedable != tuple(causes))
    done: list[Plan] = [(steps, tuple(causes)) for steps in _few(found, MOST - also)]
    return [*done, ((parts["s"],), seedable)] if also else done


def _parts(script: Script, names: Names, path: Path, side: Side, seed: Step) -> dict[str, Step]:
    found = changes(script, names, drawn_lines(path, side))
    generators = [c for c in found if c.kind == "generator"]
    if not seed and not seeded(script, names):  # a seed that is set too late for a split
        splits = seeded_splits(script, names, Seeds(script, names).next)
        generators += [Change((e,), "generator", line, what) for e, line, what in splits]
    return {
        "s": seed,
        "g": generator_step(generators),
        "o": _step([c for c in found if c.kind == "order"]),
        "p": _step([c for c in found if c.kind == "parallel"]),
    }


def _seed_step(
    script: Script,
    names: Names,
    path: Path,
    side: Side,
    causes: Sequence[str],
    given: ProjectSeed | None,
) -> Step:
    """What the script has for a seed is completed or moved before another line is added."""
    drawn = bool({*causes} - _DRAWN_BY_KERAS)  # by the script: data, their order, or a setting
    of_torch = torch_beside_keras(script, names, path, side) if drawn else Step()
    if seeded(script, names) or (of_torch and seeded_in_time(side)):
        return of_torch
    earlier = above_the_data(script, names, path, side) if drawn else Step()
    if seeded_in_time(side):
        return earlier
    built = bool({"initialization", "noise"} & {*causes})
    whole = completed(script, names, path, side, built)
    for step in (earlier, moved(script, names, path, side), whole):
        if step:
            return step
    first_use = _first_use(path, side)
    shuffled = {"data-order"} if not _draws_globally(names) else set()  # by Keras
    data = bool({*causes} - _DRAWN_BY_KERAS - shuffled)
    inside = own_seed_step(script, names, path, side)
    if not inside and not data:
        inside = where_first_drawn(script, names, path, side)
    if inside:
        return inside
    with_seed = partial(seed_script, script, names, _backend(side), first_use, data)
    seeding, of_project = with_seed(), with_seed(otherwise=given.text) if given else None
    # One that the script sets for others is taken over, whatever the project has.
    others = of_project is None or of_project.edits == seeding.edits
    if given is None or of_project is None or others or of_project.edits[-1].start < given.below:
        return Step(seeding.edits, seeding.prelude, how=seeding.how)
    how = f"Sets the project's seed ({given.owner}) before anything is drawn or built."
    return Step((*given.edits, *of_project.edits), how=how)


def generator_step(found: Sequence[Change]) -> Step:
    """One step that gives every generator of the script a seed."""
    return _step([c for c in found if c.kind == "generator"])


def _step(found: Sequence[Change]) -> Step:
    what = dict.fromkeys(f"line {c.line}: {c.what}" for c in found if c.edits)
    sentence = "; ".join(what)
    if not sentence:
        return Step()
    # An import that several of them need is added once.
    edits = tuple(dict.fromkeys(e for c in found for e in c.edits))
    return Step(edits, how=sentence[:1].upper() + sentence[1:] + ".")


def _whole(script: Script, names: Names, path: Path, side: Side, causes: Sequence[str]) -> str:
    """The parts that a proposal may not leave out, where a setting was drawn: of a few values two
    runs draw the same one by chance, and half a repair would pass for one."""
    if not {*causes} - _DRAWN_BY_KERAS - {"data-order", "data-content", "batch-size"}:
        return ""
    lines = [statement.lineno for statement in seeding_statements(script, names, path, side)]
    above = min(lines, default=math.inf)
    return "sg" if _local_import(script, path) or _draws_globally(names, above) else "g"


def _plausible(
    combination: str, parts: dict[str, Step], causes: Sequence[str], names: Names
) -> bool:
    """Leave out trials that cannot work, since each trains twice."""
    seeds_from_clock = "from the clock" in parts["g"].how
    if seeds_from_clock and "g" not in combination:
        return False  # it would undo whatever is set before
    needs_seed = any(c in ("initialization", "noise") for c in causes) and parts["s"]
    if needs_seed and "s" not in combination and not seeds_from_clock:
        return False  # initializers draw from Python's `random`: only a seed reaches them
    drawn = {*causes} - _DRAWN_BY_KERAS - {"data-order"}
    if combination == "s" and drawn and (parts["g"] or parts["o"]):
        return _draws_globally(names)
    return True


def _draws_globally(names: Names, above: float = math.inf) -> bool:
    """Whether the script draws from a global generator, which a seed does reach, above a line."""
    own = ("default_rng", "RandomState", "Generator", "SeedSequence", "PCG64")
    drawing = ("numpy.random.", "random.", "tensorflow.random.", "torch.rand")
    helpers = ("train_test_split", ".shuffle", "make_blobs", "make_classification")
    calls = (node for node in ast.walk(names.script.tree) if isinstance(node, ast.Call))
    called = [names.called(node) for node in calls if node.lineno < above]
    return any(
        c.endswith(helpers) or (c.startswith(drawing) and not c.endswith(own)) for c in called
    )


def _few(found: Sequence[tuple[Step, ...]], most: int) -> list[tuple[Step, ...]]:
    """The smallest ones and, where there are too many, the most thorough ones at the end."""
    unique = [f for i, f in enumerate(found) if f and f not in found[:i]]
    return unique if len(unique) <= most else [*unique[: most - 2], *unique[-2:]]


def _backend(side: Side) -> str:
    return str(side.recipe.backend.get("backend", ""))


def _first_use(path: Path, side: Side) -> int:
    """The first module-level line that is known to have drawn a seed or called fit."""
    files = script_files(path, side.execution.script)
    stacks = [*(d.stack for d in side.execution.ledger), *(f.stack for f in side.execution.fits)]
    frames = (f for stack in stacks for f in stack)
    return min((f.line for f in frames if f.function == "<module>" and f.file in files), default=0)


def _local_import(script: Script, path: Path) -> bool:
    """Whether the script imports a module that lies beside it, which may draw while it loads."""
    for node in script.tree.body:
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        for module in (m.partition(".")[0] for m in modules):
            if path.with_name(f"{module}.py").exists() or (path.parent / module).is_dir():
                return True
    return False


def _determinism(script: Script, names: Names, side: Side) -> Step:
    """Ask the backend for kernels that give equal bits each time; JAX can on a GPU alone."""
    backend = _backend(side)
    if backend == "jax" and not side.has_gpu:
        return Step()
    if backend == "jax":
        return Step(
            environment={"XLA_FLAGS": "--xla_gpu_exclude_nondeterministic_ops=true"},
            how="Keeps XLA from choosing kernels whose result varies.",
        )
    calls = {
        "tensorflow": ("tf.config.experimental.enable_op_determinism()", "import tensorflow as tf"),
        "torch": ("torch.use_deterministic_algorithms(True)", "import torch"),
    }
    if backend not in calls:
        return Step()
    code, needs = calls[backend]
    first = next(_after_imports(script), None)
    place = place_before(script, first) if first else None
    how = "Asks the backend for deterministic kernels, which can be slower."
    if place is None:
        return Step(prelude=f"{needs}\n{code}\n", how=how)
    name = names.name_of(backend, place.statement.lineno)
    lines = [name + code[code.index(".") :]] if name else [needs, code]
    return Step((place.insert(*lines),), how=how)


def _after_imports(script: Script) -> Iterator[ast.stmt]:
    body = script.tree.body
    imports = [i for i, s in enumerate(body) if isinstance(s, ast.Import | ast.ImportFrom)]
    yield from body[imports[-1] + 1 if imports else 0 :]
