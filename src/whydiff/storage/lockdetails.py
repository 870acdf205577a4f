"""The details of a lock: a file beside it that no person reads, which the lock names by its digest.

A header and one compressed JSON object. Reading trusts nothing, and ends soon.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from whydiff.core.digests import text_digest
from whydiff.core.disk import read_bytes

#: The zero byte says to git and to reviews that this is no text.
HEADER = b"whydiff lock details\x00\n"
#: No lock of a real training comes near this, neither compressed nor not.
MOST_BYTES = 256 << 20


def details_path(lock: Path) -> Path:
    """``train.lock.details`` beside ``train.lock``."""
    return lock.with_name(f"{lock.name}.details")


def packed(text: str) -> bytes:
    """The bytes of a file of details."""
    return HEADER + zlib.compress(text.encode(), 9)


def unpacked(path: Path, digest: str) -> tuple[str, str]:
    """The text in a file of details, "" where it is not there or not the one that was named.

    The second value says why there is none. ``ValueError`` where the file is damaged, ``OSError``
    where it cannot be read.
    """
    try:
        data = read_bytes(path, MOST_BYTES)
    except FileNotFoundError:
        return "", f"{path.name} is missing"
    if not data.startswith(HEADER):
        raise ValueError(f"{path.name} holds no details of a lock")
    reader = zlib.decompressobj()
    try:
        content = reader.decompress(data[len(HEADER) :], MOST_BYTES)
        text = content.decode()
    except zlib.error as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None
    if not reader.eof:
        raise ValueError(f"{path.name} is cut short or too large")
    if text_digest(text) != digest:
        return "", f"{path.name} belongs to another state of the lock"
    return text, ""
