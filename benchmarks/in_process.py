"""A fit watched in this very process, for benchmarks that look inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whydiff.core.live import Live
from whydiff.recorder.hooks import install
from whydiff.recorder.session import Session


class _NoRecording:
    """Takes everything that is recorded, and forgets it."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


class _Holder:
    session = Session(_NoRecording(), 0)


def capture(fit: Callable[[], Any], keep_bytes: int = 4 << 30) -> Live:
    """The last fit that ``fit()`` runs, watched. Once per process."""
    holder = _Holder()
    holder.session = Session(_NoRecording(), keep_bytes)
    install(holder)
    fit()
    holder.session.closed = True
    return holder.session.lives[-1]
