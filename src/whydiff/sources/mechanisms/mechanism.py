"""What a known mechanism is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mechanism:
    """A known way in which a source comes to differ. ``says`` is one sentence for the user."""

    id: str
    sources: tuple[str, ...]
    title: str
    says: str
    remedy: str
