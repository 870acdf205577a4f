"""How far the training has come whose recording is being written."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.storage.files import reading


@dataclass(frozen=True)
class Underway:
    """Of the last fit that has begun: its number, and epochs that are over and that it will train.

    ``epochs`` is 0 where nobody knows: a loop of the script's own says nothing of them.
    """

    fit: int
    done: int
    epochs: int


def underway(path: Path) -> Underway | None:
    """None where no fit is being trained, or nothing of one is on disk yet."""
    try:
        with reading(path) as db:
            found = db.execute(
                "SELECT fit, (SELECT count(*) FROM epoch WHERE epoch.fit = fit.fit) FROM fit "
                "WHERE NOT finished ORDER BY fit DESC LIMIT 1"
            ).fetchone()
            if found is None:
                return None
            facts = db.execute(
                "SELECT name, value FROM fact WHERE fit = ? AND source = 'duration' "
                "AND name IN ('epochs', 'initial_epoch')",
                found[:1],
            )
            duration = {name: json.loads(value) for name, value in facts}
    except (OSError, ValueError, sqlite3.Error, WhydiffError):  # it is only just being made
        return None
    last, first = (duration.get(name) for name in ("epochs", "initial_epoch"))
    epochs = last - (first or 0) if isinstance(last, int) else 0
    return Underway(found[0], found[1], max(epochs, 0))
