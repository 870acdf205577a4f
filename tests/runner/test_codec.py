"""Messages arrive as they were sent, bit for bit, and nothing of a broken one is taken."""

import dataclasses
import io
import typing

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from whydiff.core.feeding import TransferError
from whydiff.core.replicas import Replica, Result
from whydiff.runner import codec, messages as m
from whydiff.storage.blobs import ArrayFolder


def alike(a, b):
    """Whether two messages are equal, arrays by their bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if dataclasses.is_dataclass(a):
        return all(alike(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    return a == b or a != a != b != b


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.text() | st.integers() | st.tuples(st.integers(), st.integers())
ARRAYS = hnp.arrays(
    st.sampled_from(["<f4", "<f8", "<f2", ">f4", "<i8", "|u1", "|b1", "<c8", "<U3", "|S2"]),
    hnp.array_shapes(min_dims=0, min_side=0),
)
VALUES = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.builds(m.Answered, inner)
    ),
)


@given(VALUES)
def test_a_message_arrives_as_it_was_sent(value):
    assert alike(codec.copied(value), value)


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn"])
def test_types_that_numpy_does_not_know_keep_their_bits(name):
    array = np.arange(6, dtype=np.float32).reshape(2, 3).astype(getattr(ml_dtypes, name))
    assert alike(codec.copied((array, array.T)), (array, np.ascontiguousarray(array.T)))


def test_arrays_that_arrive_can_be_written_to_and_are_nobody_elses():
    sent = np.zeros(3)
    arrived = codec.copied(sent)
    arrived += 1
    assert (sent == 0).all() and (arrived == 1).all()


def test_large_arrays_of_files_are_one_file_wherever_they_are_equal(tmp_path):
    large = np.random.default_rng(0).normal(size=(300, 1000))
    slots = np.broadcast_to(np.float32(-0.0), (300, 1000))
    codec.save([large, large.T, slots, np.arange(3)], tmp_path / "a")
    codec.save({"again": large.copy()}, tmp_path / "b")
    loaded = codec.load(tmp_path / "a")
    assert alike(loaded, [large, np.ascontiguousarray(large.T), slots.copy(), np.arange(3)])
    assert loaded[2].strides == (0, 0)
    assert len(list((tmp_path / "arrays").iterdir())) == 2
    assert all((tmp_path / name).stat().st_size < 1000 for name in "ab")
    sink = io.BytesIO()
    codec.write([large, large + 1], sink, ArrayFolder(tmp_path / "arrays", adds=False))
    assert large.nbytes < sink.tell() < large.nbytes + 1000
    sink.seek(0)
    assert alike(codec.read(sink, ArrayFolder(tmp_path / "arrays")), [large, large + 1])
    assert len(list((tmp_path / "arrays").iterdir())) == 2
    loaded[0][:] = 7
    assert alike(codec.load(tmp_path / "b"), {"again": large})


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (np.array([None]), TransferError),
        (object(), TypeError),
        (np.float32(1), TypeError),
        ({"a": [m.Pack(1, "x"), {1: {2}}]}, TypeError),
    ],
)
def test_what_cannot_be_sent_sends_nothing(value, error):
    sink = io.BytesIO()
    with pytest.raises(error):
        codec.write((np.zeros(3), value), sink)
    assert sink.getvalue() == b""


def test_messages_follow_each_other_and_a_cut_one_is_the_end():
    sink = io.BytesIO()
    result = Result(Replica(3, {"noise": 5}), "solo", weights={"dense/kernel": np.eye(2)})
    messages = [m.ScriptEnded(3), m.Answered(m.Replicated((result,))), m.Refused("no", "else")]
    for message in messages:
        codec.write(message, sink)
    whole = sink.getvalue()
    source = io.BytesIO(whole)
    assert alike([codec.read(source) for _ in messages], messages)
    with pytest.raises(EOFError):
        codec.read(source)
    for length in range(len(whole)):
        source, arrived = io.BytesIO(whole[:length]), 0
        with pytest.raises(EOFError):
            while True:
                codec.read(source)
                arrived += 1
        assert arrived < len(messages)


def test_every_request_and_reply_can_be_sent():
    requests = typing.get_args(m.AnyRequest)
    assert len(requests) == len(set(requests)) > 20
    assert {cls for cls in vars(m).values() if _is_message(cls)} <= set(m.TYPES.values())
    assert set(requests) | set(typing.get_args(m.Reply)) <= set(m.TYPES.values())


def _is_message(value):
    return isinstance(value, type) and dataclasses.is_dataclass(value)
