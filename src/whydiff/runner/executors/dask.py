"""The workers of a Dask scheduler: ``dask://HOST:PORT``, or ``dask:4`` for some of this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.runner.executors import Opened


@contextlib.contextmanager
def opened(address: str, count: int | None) -> Iterator[Opened]:
    """As many tasks at a time as the workers have threads, unless a ``count`` is given."""
    import distributed

    make: Any = distributed.Client
    with contextlib.ExitStack() as stack:
        place = address or stack.enter_context(local_cluster(count or 1))
        try:
            client = stack.enter_context(make(f"tcp://{place}", set_as_default=False))
        except OSError as error:
            raise WhydiffError(
                f"there is no Dask scheduler at {address}: {error}",
                "Give the address that `dask scheduler` prints.",
            ) from None
        executor = client.get_executor(pure=False, retries=0)
        try:
            yield Opened(executor, count or max(1, sum(client.nthreads().values())))
        finally:
            executor.shutdown(wait=False)


@contextlib.contextmanager
def local_cluster(count: int) -> Iterator[str]:
    """A scheduler and ``count`` workers of this machine; the scheduler's address."""
    import dask
    import distributed

    make: Any = distributed.LocalCluster
    # A task whose worker is lost comes back to us at once: we begin it again, alone.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        make(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        yield cluster.scheduler_address.removeprefix("tcp://")
