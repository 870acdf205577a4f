"""What is left to do to a recording when its process has ended, in whatever way."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

from whydiff.core.programs import programs_of, unwatched_programs
from whydiff.core.recording import PROGRAMS
from whydiff.storage.opening import drop_older, in_words, kind, put_back, settle
from whydiff.storage.rows import put_meta

#: Facts of the environment that say what was not watched.
REPLACED, BESIDE = "replaced by", "trained beside another, unwatched"


@dataclass(frozen=True)
class Sealed:
    """What a recording that is over holds: trainings, calls, and what kept others out of it."""

    fits: int = 0
    trouble: str = ""  # why the recording stopped before the script did
    replaced: str = ""  # the program that the process became after some training
    beside: int = 0  # trainings that ran while another thread's was watched
    older: bool = False  # nothing was seen, and the file is the one that lay there before
    calls: int = 0  # that measured: evaluate, predict, a model called
    programs: str = ""  # a sentence on those that the script started, which nobody watched


def seal(path: Path, exit_code: int | None) -> Sealed:
    """Add the exit code of a process that ended, and leave one file with no companions.

    A process that was killed, or left by ``os._exit``, could do neither. Only for a file that
    our own process wrote just now. Where that process failed before it trained anything, an
    older recording takes its place again.
    """
    if kind(path) != "recording":
        return Sealed(trouble="the file is no longer a recording")
    db = sqlite3.connect(path, timeout=5, isolation_level=None)
    try:
        meta = dict(db.execute("SELECT name, value FROM meta").fetchall())
        facts = dict(db.execute("SELECT name, value FROM environment").fetchall())
        (fits,) = db.execute("SELECT count(*) FROM fit").fetchone()
        (calls,) = db.execute("SELECT count(*) FROM call WHERE fit IS NULL").fetchone()
        with contextlib.suppress(sqlite3.Error):
            if exit_code is not None and meta.get("exit_code") != exit_code:
                put_meta(db, {"exit_code": exit_code})
            settle(db)
        sealed = Sealed(
            fits,
            str(meta.get("trouble") or ""),
            str(json.loads(facts.get(REPLACED, '""'))),
            int(json.loads(facts.get(BESIDE, "0"))),
            calls=calls,
            programs=unwatched_programs(programs_of(json.loads(facts.get(PROGRAMS, "[]")))),
        )
    except (sqlite3.Error, ValueError) as error:
        return Sealed(trouble=in_words(error, path))
    finally:
        db.close()
    if fits or calls or exit_code == 0:
        drop_older(path)
    elif put_back(path):
        return replace(sealed, older=True)
    return sealed
