"""Processes of this machine, by the standard library: ``processes:4``."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from whydiff.runner.executors import Opened
from whydiff.runner.executors.local import cores, end_with


@contextlib.contextmanager
def opened(address: str, count: int | None) -> Iterator[Opened]:
    """``count`` processes, by default one for each core."""
    del address  # always this machine
    size = count or cores()
    before = set(multiprocessing.active_children())
    # Not forked: a process that has threads, as Keras's backends have, must not be.
    executor = ProcessPoolExecutor(
        size,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=end_with,
        initargs=(os.getpid(),),
    )
    try:
        yield Opened(executor, size)
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    executor.shutdown()
