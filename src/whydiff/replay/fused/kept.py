"""Compiled programs of replicas, and how they compute, kept from one study to the next.

Programs are kept by JAX itself, in a folder of whydiff's own, under keys of everything that decides
about their code. It is switched on only while replicas are trained, and never where the script, or
its environment, has chosen something for JAX's cache: what a person's own training compiles is
neither looked for there nor put there.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from whydiff.core.digests import text_digest
from whydiff.core.disk import drop_oldest, private_folder
from whydiff.core.machine import cpu_name, thread_variables

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
