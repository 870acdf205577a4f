"""Files that a script read and wrote: what one execution may have left to the next.

Each is a fact of the execution's surroundings, named ``file PATH``: ``read 3f2a...``, ``written``
or ``read 3f2a..., then written``. The digest is that of the content as it was first read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: how the names of these facts begin
FILE = "file "
#: said where the content was too large to be digested, or could not be seen
UNSEEN = "unseen"
_READ, _WRITTEN, _THEN = "read ", "written", ", then written"


@dataclass(frozen=True)
class Used:
    """How a script used a file. ``read`` is the digest of what it read before it wrote, or ""."""

    read: str = ""
    written: bool = False

    def text(self) -> str:
        """The fact's value."""
        if not self.read:
            return _WRITTEN
        return _READ + self.read + (_THEN if self.written else "")


def content_digest(content: bytes) -> str:
    """What stands for a file's content."""
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def used(text: str) -> Used:
    """The opposite of :meth:`Used.text`."""
    if text.startswith(_READ):
        digest = text.removeprefix(_READ)
        return Used(digest.removesuffix(_THEN), digest.endswith(_THEN))
    return Used(written=text == _WRITTEN)


def files_of(environment: Mapping[str, Any]) -> dict[str, Used]:
    """Every file that was seen to be read or written, by its path."""
    return {
        name.removeprefix(FILE): used(str(value))
        for name, value in environment.items()
        if name.startswith(FILE)
    }
