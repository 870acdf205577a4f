"""Trains chunks of replicas of one fit as one program each.

Programs are kept by JAX itself from one study to the next, in a folder of whydiff's own, under keys
of everything that decides about their code. It is switched on only while replicas are trained, and
never where the script, or its environment, has chosen something for JAX's cache: what a person's
own training compiles is neither looked for there nor put there.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

import keras
import numpy as np

from whydiff.core.digests import text_digest
from whydiff.core.disk import drop_oldest, private_folder
from whydiff.core.feeding import TransferError
from whydiff.core.live import Live
from whydiff.core.machine import available_memory, cpu_name, thread_variables
from whydiff.core.replicas import Packing, Replica, Result
from whydiff.core.shards import WIDTH
from whydiff.keras_backend.internals import build_symbolically, layer_tree
from whydiff.replay.fused.chunk import Chunk
from whydiff.replay.fused.feeding import Fed, on_device
from whydiff.replay.fused.lowering import NATIVE, SLICES, has_windows
from whydiff.replay.fused.program import FusedProgram
from whydiff.replay.fused.stacking import Stacking
from whydiff.replay.fused.stopping import check_callbacks, ends_on_nan
from whydiff.replay.outcome import quiet
from whydiff.replay.replicas import Replicas, check
from whydiff.replay.settings import program_key

#: More replicas than this in one program gain nothing more.
MOST = 512
#: On a CPU a program is fastest while what a step touches stays in the cache: measured with
#: ``benchmarks/chunks.py``, the same from 1 to 16 MiB, 1.7 times as long at 32.
CACHE_BYTES = 8 << 20
#: Share of the free memory that a program may use.
SHARE = 0.5


def free_memory() -> int:
    """Bytes that can be had on the device."""
    import jax

    device = jax.devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats:
        return int(stats["bytes_limit"] - stats["bytes_in_use"])
    return available_memory() or 2 << 30


def chunk_size(live: Live, batch: int) -> tuple[int, int]:
    """(replicas that fit into memory, replicas to train in one program), estimated."""
    samples = live.material.samples
    row = sum(int(np.asarray(leaf[0]).nbytes) for leaf in samples.leaves or () if leaf is not None)
    material = live.material
    values = [*material.weights, *material.noise, *material.state]
    need = 4 * sum(int(value.nbytes) for value in values) + 3 * batch * (
        row + activation_bytes(live)
    )
    capacity = max(1, int(free_memory() * SHARE / max(need, 1)))
    cached = max(1, CACHE_BYTES // max(need, 1)) if on_cpu() else MOST
    return capacity, min(capacity, MOST, cached)


def on_cpu() -> bool:
    import jax

    return bool(jax.devices()[0].platform == "cpu")


def activation_bytes(live: Live) -> int:
    """Bytes that one sample leaves behind in the layers of the model, roughly."""
    total = 0
    for layer in layer_tree(live.model):
        try:
            shape = layer.output.shape
        except Exception:  # a layer outside a graph: its inputs are not known
            continue
        total += 4 * int(np.prod([d or 1 for d in shape]))
    return total or 1 << 16


#: Programs that compile faster are not kept.
_SECONDS = 0.2
_MOST = 512 * 2**20  # bytes of programs of one machine and set of versions
_DIRECTORY = "jax_compilation_cache_dir"
_LEAST = "jax_persistent_cache_min_compile_time_secs"


@functools.cache
def _folder() -> Path | None:
    """Where those of this processor, its threads and these versions are."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts: list[Any] = [cpu_name(), _instructions(), cores, os.cpu_count(), thread_variables()]
    facts += [(name, metadata.version(name)) for name in ("jax", "jaxlib", "keras", "numpy")]
    facts += [sys.version, sorted((k, v) for k, v in os.environ.items() if k.startswith("XLA_"))]
    folder = private_folder("compiled", text_digest(repr(facts)))
    if folder is not None:
        drop_oldest(folder, _MOST)
    return folder


def _instructions() -> str:
    """The instruction sets of the processor: machines of one name may be allowed different ones."""
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open() as file:
        return next((line for line in file if line.startswith(("flags", "Features"))), "")
    return ""


@contextlib.contextmanager
def kept_programs() -> Iterator[None]:
    """What JAX compiles within is looked for among the programs that are kept, and kept."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    config: Any = jax.config
    before = {name: getattr(config, name, None) for name in (_DIRECTORY, _LEAST)}
    folder = _folder()
    allowed = getattr(config, "jax_enable_compilation_cache", False) and before[_LEAST] is not None
    if folder is None or before[_DIRECTORY] is not None or not allowed:
        yield
        return

    def put(values: dict[str, Any]) -> None:
        for name, value in values.items():
            config.update(name, value)
        compilation_cache.reset_cache()  # JAX looks at these settings once

    put({_DIRECTORY: str(folder), _LEAST: _SECONDS})
    try:
        yield
    finally:
        put(before)


def kept_choice(question: str) -> str:
    """What :func:`keep_choice` was given for ``question`` on such a machine, or ""."""
    folder = _folder()
    if folder is None:
        return ""
    try:
        return (folder / f"choice-{text_digest(question)}").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def keep_choice(question: str, choice: str) -> None:
    """Remember a choice that took time to make."""
    folder = _folder()
    if folder is not None:
        with contextlib.suppress(OSError):
            (folder / f"choice-{text_digest(question)}").write_text(choice, encoding="utf-8")


class Fused:
    """The fused executor of one live fit; ``solo`` holds its model, draws and settings."""

    def __init__(self, solo: Replicas) -> None:
        self._solo, self._live = solo, solo.live
        self._data: dict[bool, Fed] = {}  # by whether the rows are divided anew
        self._key: Any = None
        self.program: FusedProgram | None = None
        self.stacking: Stacking | None = None
        self._base: Any = None  # the compiled model that the program was made from
        self._timed = False  # whether the program's lowering was chosen by timing
        self._sizes: list[int] = []  # numbers of replicas the program was compiled for

    def refusal(self) -> str:
        """Why this fit cannot be fused, "" if it can (as far as can be told before tracing)."""
        try:
            self._check()
        except TransferError as why:
            return str(why)
        return ""

    def _check(self) -> None:
        live = self._live
        if keras.backend.backend() != "jax":
            raise TransferError(
                f"the script trains on {keras.backend.backend()}; only JAX can be fused"
            )
        if live.model.run_eagerly or not live.model.jit_compile:
            raise TransferError("the script trains without compiling its steps")
        if live.origins is None:
            raise TransferError("this fit was recorded without the origins of its values")
        check_callbacks(live)
        self.fed(Replica(0))

    def fed(self, replica: Replica) -> Fed:
        """What replicas are fed whose rows are divided like those of this one, or not at all."""
        divided = bool(replica.division)
        if divided not in self._data:
            pool = self._solo.drawing.pool.samples if divided else None
            self._data[divided] = on_device(self._live, self._solo.probe, pool)
        return self._data[divided]

    def train(
        self, replicas: Sequence[Replica], keep_weights: bool, packing: Packing | None = None
    ) -> Iterator[Result]:
        """One result per replica. Raises TransferError where a program cannot be made;
        replicas not yielded by then are to be trained otherwise.

        With a ``packing`` what trains in one program, and where in it, depends on its pack alone.
        """
        self._check()
        packing = packing or Packing(1, tuple(r.number for r in replicas))
        groups: dict[Any, list[Replica]] = {}
        for replica in replicas:
            try:
                check(replica)
            except TransferError as why:
                if replica.number in packing.wanted:
                    yield Result(replica, "fused", failure=str(why))
                continue
            groups.setdefault(self._group(replica), []).append(replica)
        for _, members in sorted(groups.items(), key=lambda item: str(item[0])):
            yield from self._train_group(members, keep_weights, packing)

    def _group(self, replica: Replica) -> Any:
        """Replicas of equal group share a program and the shapes of their batches."""
        key = program_key(self._live, replica.settings)
        return key, str(replica.settings.get("batch-size")), replica.division

    def _train_group(
        self, members: Sequence[Replica], keep_weights: bool, packing: Packing
    ) -> Iterator[Result]:
        wanted = set(packing.wanted)
        if wanted.isdisjoint(r.number for r in members):
            return
        whole = -(-len(members) // packing.packs)
        with kept_programs():
            stacking = self._compiled(members[:whole])
        size = self._chunk_size(members[:whole])
        parts = [
            list(members[i : min(i + size, pack + whole)])
            for pack in range(0, len(members), whole)
            for i in range(pack, pack + whole, size)
        ]
        parts = [part for part in parts if not wanted.isdisjoint(r.number for r in part)]
        train = partial(self._train_chunk, size, stacking, keep_weights)
        started = time.monotonic()
        # The first traces and compiles; after that threads only wait for XLA, which lets go of
        # Python's lock, so that small operations of several chunks keep several cores busy.
        with quiet(), kept_programs(), ThreadPoolExecutor(_threads(stacking)) as pool:
            chunks = [train(parts[0])]
            chunks += pool.map(train, parts[1:])
        results = [r for r in chain.from_iterable(chunks) if r.replica.number in wanted]
        share = (time.monotonic() - started) / len(results)
        for result in results:
            yield from self._finished(replace(result, seconds=share), keep_weights)

    def _train_chunk(
        self, size: int, stacking: Stacking, keep_weights: bool, part: list[Replica]
    ) -> list[Result]:
        padded = part + [part[-1]] * (size - len(part))
        chunk = Chunk(self._solo, stacking, self.fed(part[0]), padded)
        return chunk.run(keep_weights)[: len(part)]

    def _finished(self, result: Result, keep_weights: bool) -> Iterator[Result]:
        if ends_on_nan(self._live) and _was_nan(result):
            # It ends within an epoch, which only solo can do.
            yield from self._solo.train([result.replica], keep_weights)
        else:
            yield result

    def _compiled(self, members: Sequence[Replica]) -> Stacking:
        key = self._group(members[0])
        settled = self._timed or not worth_timing(self._live.model, len(members))
        compiled = self._solo.compiled(members[0])  # solo may have compiled for others since
        same = key == self._key and compiled is self._base
        if self.stacking is not None and same and settled:
            return self.stacking
        self.program, self.stacking, self._sizes = None, None, []
        self._base = compiled
        build_metrics(self._live)
        recorded = replace(members[0], seeds={})  # nothing to draw, so nothing to compile for it
        self.program = best_program(
            self._live.model,
            self._live.material.samples.structure,
            len(members),
            Timing(
                lambda program, n: Stacking(self._solo, program).state([recorded] * n),
                self.fed(members[0]).samples,
                int(self._solo.drawing.feeding(members[0])[1][0].max()),
            ),
            _what_decides(self._live, key),
        )
        self.stacking = Stacking(self._solo, self.program)
        self._key, self._timed = key, worth_timing(self._live.model, len(members))
        return self.stacking

    def _chunk_size(self, members: Sequence[Replica]) -> int:
        batches = self._solo.drawing.feeding(members[0])[1]
        _, size = chunk_size(self._live, int(batches[0].max()))
        count = -(-len(members) // size)
        size = -(-len(members) // count)  # equal chunks share one compiled program
        for known in self._sizes:  # a little too large or too small costs less than compiling
            if size / 2 <= known <= size * 2:
                return known
        self._sizes.append(size)
        return size

    def width(self) -> int:
        """How many replicas are best trained as one program, whatever memory is free."""
        return WIDTH if on_cpu() else MOST

    def capacity(self) -> int:
        """How many replicas of the fit, as the script set it up, fit into memory at once."""
        batches = self._solo.drawing.feeding(Replica(0))[1]
        return chunk_size(self._live, int(batches[0].max()))[0]


def _threads(stacking: Stacking) -> int:
    """Chunks to train at the same time: a core each, where Python's part is but waiting."""
    import jax

    if jax.devices()[0].platform != "cpu" or not stacking.traceable:
        return 1
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)


def _what_decides(live: Live, key: Any) -> str:
    """All that says how fast a model trains on a machine, in one text; ``key`` are settings that
    its replicas have in common."""
    recipe, samples = live.recipe, live.material.samples
    facts = [sorted(f.items()) for f in (recipe.architecture, recipe.optimizer, recipe.precision)]
    leaves = [None if a is None else (a.shape[1:], str(a.dtype)) for a in samples.leaves or []]
    return repr([facts, leaves, [sorted(set(b.tolist())) for b in live.material.batches[:1]], key])


def _was_nan(result: Result) -> bool:
    return any(not np.isfinite(logs.get("loss", 0.0)) for logs in result.logs)


def build_metrics(live: Any) -> None:
    """Make the variables of metrics and loss, as ``fit`` does from its first batch."""
    samples = live.material.samples
    batch = samples.batch(np.arange(min(2, len(samples))))
    structure = keras.tree.pack_sequence_as(samples.structure, batch)
    if not isinstance(structure, tuple):
        structure = (structure,)
    build_symbolically(live.model, structure)


# --- which lowering trains a model faster: both are timed on the model itself -----------------


#: How much faster than the usual lowering the other one must be: two equal machines should choose
#: alike, since each rounds in its own way.
CLEARLY = 1.25
#: Fewer replicas than this train faster than both ways compile.
WORTH_TIMING = 8


def worth_timing(model: Any, replicas: int) -> bool:
    """Whether a lowering makes a difference that pays for compiling both."""
    return replicas >= WORTH_TIMING and has_windows(model)


@dataclass(frozen=True, eq=False)
class Timing:
    """What a program is timed on: ``start(program, n)`` gives first values of n replicas."""

    start: Callable[[FusedProgram, int], Any]
    data: Sequence[Any]  # arrays, or None, by leaf
    batch: int


def best_program(
    model: Any, structure: Any, replicas: int, timing: Timing, question: str
) -> FusedProgram:
    """A program in the usual lowering, or in one that trains ``model`` clearly faster.

    ``question`` says everything that decides which is faster: asked before on such a machine, it
    is not asked again.
    """
    if not has_windows(model):
        return FusedProgram(model, structure, NATIVE)
    usual, other = (SLICES, NATIVE) if on_cpu() else (NATIVE, SLICES)
    if not worth_timing(model, replicas):
        return FusedProgram(model, structure, usual)
    known = kept_choice(question)
    if known in (usual, other):
        return FusedProgram(model, structure, known)
    programs = [FusedProgram(model, structure, lowering) for lowering in (usual, other)]
    first, second = (_seconds(program, timing) for program in programs)
    faster = programs[first > CLEARLY * second]
    keep_choice(question, faster.lowering)
    return faster


def _seconds(program: FusedProgram, timing: Timing) -> float:
    """Seconds of two steps of two replicas, the better of two runs after compiling."""
    import jax

    ready: Callable[[Any], Any] = jax.block_until_ready
    samples = next(len(leaf) for leaf in timing.data if leaf is not None)
    positions = np.arange(timing.batch, dtype=np.int32) % samples
    orders = [np.zeros((2, 2, timing.batch), np.int32) + positions]
    best = float("inf")
    for run in range(3):
        state = ready(timing.start(program, 2))
        begun = time.perf_counter()
        ready(program.epoch(state, timing.data, orders))
        if run:
            best = min(best, time.perf_counter() - begun)
    return best
