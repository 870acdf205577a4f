"""The nodes of a Slurm allocation, by executorlib: ``slurm`` or ``slurm:8`` in salloc or sbatch.

Without an allocation a Slurm array of shards needs no library at all: see ``docs/cluster.md``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from whydiff.core.errors import WhydiffError
from whydiff.runner.executors import Opened


def tasks_of_allocation(variables: Mapping[str, str]) -> int:
    """How many tasks the allocation has. Raises WhydiffError outside of one."""
    if "SLURM_JOB_ID" not in variables:
        raise WhydiffError(
            "this is no Slurm allocation",
            "Begin with `salloc --ntasks=8`, or give each task of an array its --shard.",
        )
    return max(1, int(variables.get("SLURM_NTASKS") or 1))


@contextlib.contextmanager
def opened(address: str, count: int | None) -> Iterator[Opened]:
    """As many tasks at a time as the allocation has, unless a ``count`` is given."""
    del address  # the allocation that we are in
    size = count or tasks_of_allocation(os.environ)
    with _executor("SlurmJobExecutor", size) as found:
        yield found


@contextlib.contextmanager
def local(count: int) -> Iterator[Opened]:
    """The same without Slurm, on this machine: executorlib's local mode."""
    with _executor("SingleNodeExecutor", count) as found:
        yield found


@contextlib.contextmanager
def _executor(kind: str, count: int) -> Iterator[Opened]:
    import executorlib

    # Every task is a process of its own, so that one that is killed takes no other with it.
    executor = getattr(executorlib, kind)(max_workers=count, disable_dependencies=True)
    try:
        yield Opened(executor, count)
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    executor.shutdown()
