"""Processes of this machine, by loky: ``loky:4``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from whydiff.runner.executors import Opened
from whydiff.runner.executors.local import cores, end_with


@contextlib.contextmanager
def opened(address: str, count: int | None) -> Iterator[Opened]:
    """``count`` processes, by default one for each core."""
    from loky import ProcessPoolExecutor

    del address  # always this machine
    size = count or cores()
    executor = ProcessPoolExecutor(size, initializer=end_with, initargs=(os.getpid(),))
    try:
        yield Opened(executor, size)
    except BaseException:
        executor.shutdown(wait=False, kill_workers=True)
        raise
    executor.shutdown()
