"""Which samples are images, and that the files are PNGs."""

import struct
import zlib

import numpy as np
import pytest

from whydiff.core.pictures import picture, png


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((28, 28), (28, 28)),
        ((28, 28, 1), (28, 28)),
        ((1, 28, 28), (28, 28)),
        ((3, 32, 32), (32, 32, 3)),
        ((32, 48, 3), (32, 48, 3)),
        ((32, 32, 4), (32, 32, 3)),
        ((400, 200, 3), (80, 40, 3)),
        ((64,), None),
        ((20, 8), None),
        ((4, 4, 3), None),
        ((32, 32, 7), None),
        ((), None),
    ],
)
def test_what_is_an_image(shape, expected):
    found = picture(np.zeros(shape, np.float32))
    assert (None if found is None else found.shape) == expected


def test_values_are_stretched_only_where_they_are_no_colours():
    ramp = np.linspace(0, 1, 64).reshape(8, 8)
    assert picture(ramp).max() == 255
    assert picture(ramp * 200).max() == 200
    assert picture(ramp * 2 - 1).min() == 0 and picture(ramp * 2 - 1).max() == 255
    assert picture(np.full((8, 8), -1.0)).max() == 0
    assert picture(np.full((8, 8), np.nan)).max() == 0
    assert picture(np.full((8, 8), "x")) is None


@pytest.mark.parametrize("shape", [(9, 11), (9, 11, 3)])
def test_a_png_holds_the_very_values(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    data = png(image)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(name + body)
        chunks[name] = body
        at += 12 + length
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (11, 9)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(9, -1)
    assert (lines[:, 0] == 0).all() and (lines[:, 1:] == image.reshape(9, -1)).all()
