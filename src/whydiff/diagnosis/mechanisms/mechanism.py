"""What a known mechanism is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mechanism:
    """A known way in which a source comes to differ. ``says`` is one sentence for the user.

    ``seen`` tells what a recording has to show for it to be recognised; "" if none can.
    """

    id: str
    sources: tuple[str, ...]
    title: str
    says: str
    remedy: str
    seen: str = ""
