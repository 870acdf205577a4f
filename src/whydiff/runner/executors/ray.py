"""Ray: ``ray`` for this machine, ``ray://HOST:PORT`` for a cluster.

Ray has futures, and no executor: here is one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from typing import Any

from whydiff.runner.executors import Opened


class RayExecutor(Executor):
    """Tasks of one core each on a Ray that is connected."""

    def __init__(self) -> None:
        import ray

        self._ray = ray
        self._running: dict[Future[Any], Any] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The task's future; a task whose worker died fails with ``WorkerCrashedError``."""
        # Who was lost is for the caller to count: a retry of Ray's own could train it unseen.
        reference = self._ray.remote(num_cpus=1, max_retries=0)(fn).remote(*args, **kwargs)
        future: Future[Any] = reference.future()
        self._running[future] = reference
        future.add_done_callback(lambda done: self._running.pop(done, None))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for what runs, or with ``cancel_futures`` stop it."""
        for future, reference in list(self._running.items()):
            if cancel_futures:
                self._ray.cancel(reference, force=True)
            elif wait:
                with contextlib.suppress(Exception):
                    future.result()


@contextlib.contextmanager
def opened(address: str, count: int | None) -> Iterator[Opened]:
    """Connected to the cluster at ``address``, or to one of this machine's own."""
    import ray

    ours = not ray.is_initialized()
    if ours and address:
        ray.init(address=f"ray://{address}", log_to_driver=False)
    elif ours:
        ray.init(num_cpus=count, include_dashboard=False, log_to_driver=False)
    executor = RayExecutor()
    try:
        resources: Callable[[], Mapping[str, float]] = ray.cluster_resources
        size = count or max(1, int(resources().get("CPU", 1)))
        yield Opened(executor, size)
    except BaseException:
        executor.shutdown(cancel_futures=True)
        raise
    finally:
        executor.shutdown()
        if ours:
            ray.shutdown()
