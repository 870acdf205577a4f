"""The job of a script's process: what its parent asks of it, as text on its command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whydiff.core.keeping import Keep


#: Behind the name of a recording: the file that says that Keras could not be watched.
UNWATCHED = ".unwatched"
#: The same: the file that says that its run is over.
OVER = ".over"


@dataclass(frozen=True)
class Job:
    """What to run: script, arguments, where to record, whether to serve replays afterwards.

    With ``module`` it is run as ``python -m`` does, with ``function`` that of the module is called
    as an installed ``command`` does. A script that is run again in a process that is kept gets
    ``environment`` and ``folder``; None leaves them as they were when the process began.
    """

    script: str
    arguments: tuple[str, ...]
    output: str
    source: str | None = None  # a file with the text to run in place of the script's
    changed: Mapping[str, str] = field(default_factory=dict)  # other files -> their changed texts
    prelude: str = ""  # Python to run before the script
    reseed: int | None = None  # the number of a replica, whose random numbers are others
    backend: str = ""  # Keras's, whatever the script chooses
    module: str = ""
    function: str = ""
    command: str = ""
    keep_bytes: int = 0  # of the data of a fit, to train it again
    keep: Keep = "all"  # which values the recording holds
    every: int = 1  # what a step leaves is digested after every so many of them
    arrays: str = ""  # a folder for large arrays, which processes share
    force: bool = False  # replace any file by the recording
    tells: str = ""  # a file that is there until something is done outside of its scratch copy
    behind: str = ""  # the recording of a run that is to be over before that
    covered: tuple[Mapping[str, str], ...] = ()  # folders under overlays
    facts: Mapping[str, str] = field(default_factory=dict)  # what the parent knows of the run
    checkout: Mapping[str, str] = field(default_factory=dict)  # of a revision: its places
    resume: Mapping[str, Any] | None = None  # a core.resumption.Resume
    serve: tuple[int, ...] | None = None  # file descriptors: requests, answers
    environment: Mapping[str, str] | None = None
    folder: str | None = None

    @property
    def ours(self) -> tuple[str, ...]:
        """Files that watching writes and reads, and no script; one is all that begin with it."""
        return (self.output, self.arrays) if self.arrays else (self.output,)

    @property
    def overlays(self) -> tuple[str, ...]:
        """The folders that are under overlays, and no copies."""
        return tuple(one["folder"] for one in self.covered if not one.get("copied"))

    def text(self) -> str:
        """JSON that :meth:`read` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Job:
        """The job in a text."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in json.loads(text).items()
        }
        return cls(**fields)
