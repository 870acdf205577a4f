"""Our reading and writing of safetensors files, beside that of those whose format it is."""

import json

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from whydiff.storage.blobs import NATIVE, packed, unpacked

names = st.text(max_size=8).filter(lambda name: name != "__metadata__")
shapes = hnp.array_shapes(min_dims=0, min_side=0, max_side=3)
kinds = st.sampled_from(sorted(NATIVE)).map(np.dtype)
arrays = st.dictionaries(names, kinds.flatmap(lambda kind: hnp.arrays(kind, shapes)), max_size=5)


def bits(found):
    return {key: (a.dtype, a.shape, a.tobytes()) for key, a in found.items()}


@given(arrays, st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2))
def test_what_is_written_is_read_by_both(given_arrays, metadata):
    data = packed(given_arrays, metadata)
    found, kept = unpacked(data)
    assert bits(found) == bits(given_arrays) == bits(safetensors.numpy.load(data))
    assert kept == metadata
    assert bits(unpacked(safetensors.numpy.save(given_arrays, metadata or None))[0]) == bits(
        given_arrays
    )


def file(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(dtype="F32", shape=(1,), place=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(place)}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        file(b"[]"),
        file(b"{" * 10**5),
        file(b"\xff{}"),
        file({"a": entry()}),
        file({"a": entry()}, bytes(5)),
        file({"a": entry(), "b": entry()}, bytes(4)),
        file({"a": entry(), "b": entry(place=(5, 9))}, bytes(9)),
        file({"a": entry(shape=(2,))}, bytes(4)),
        file({"a": entry(shape=(-1, -1))}, bytes(4)),
        file({"a": entry(shape=[1] * 65)}, bytes(4)),
        file({"a": entry(shape=(2**62, 4), place=(0, 0))}),
        file({"a": entry(dtype="F128")}, bytes(4)),
        file({"a": entry(place=(4, 0))}, bytes(4)),
        file({"a": [1, 2]}, bytes(4)),
        file({"a": entry() | {"more": 1}}, bytes(4)),
        file(b'{"a":{},"a":{}}'),
        file({"__metadata__": {"a": 1}}),
        file({"__metadata__": []}),
    ],
)
def test_what_is_no_such_file_is_refused(data):
    with pytest.raises(ValueError):
        unpacked(data)
