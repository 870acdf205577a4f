"""Samples as small pictures, where they are images. Standard library and NumPy only."""

from __future__ import annotations

import struct
import zlib

import numpy as np

#: pixels of a side that a picture has at most; a larger one is thinned out
MOST_PIXELS = 96
#: pixels of a side from which on an array may be an image
FEWEST_PIXELS = 8


def picture(sample: np.ndarray) -> np.ndarray | None:
    """One sample as an image, uint8 of shape (h, w) or (h, w, 3); None if it is none.

    An image has one, three or four channels, first or last, or none and equal sides. Values from
    0 to 1 or 0 to 255 are taken as they are, others are stretched from their least to their
    greatest. NaN and infinities are black.
    """
    array = np.asarray(sample)
    if array.dtype.kind not in "fiub":
        return None
    if array.ndim == 3 and array.shape[-1] not in (1, 3, 4) and array.shape[0] in (1, 3):
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 2:
        if array.shape[0] != array.shape[1]:
            return None
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4):
        return None
    if min(array.shape[:2]) < FEWEST_PIXELS:
        return None
    step = -(-max(array.shape[:2]) // MOST_PIXELS)
    return _bytes(array[::step, ::step, :3] if array.shape[-1] >= 3 else array[::step, ::step, 0])


def _bytes(array: np.ndarray) -> np.ndarray:
    values = np.where(np.isfinite(array), array, 0).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        values = values * 255
    elif low < 0 or high > 255:
        values = (values - low) * (255 / (high - low) if high > low else 0.0)
    return np.rint(values).astype(np.uint8)


def png(image: np.ndarray) -> bytes:
    """A PNG file of an image, uint8 of shape (h, w) or (h, w, 3)."""
    height, width = image.shape[:2]
    kind = 0 if image.ndim == 2 else 2
    rows = np.ascontiguousarray(image, np.uint8).reshape(height, -1)
    lines = b"".join(b"\x00" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
