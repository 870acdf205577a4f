"""What is written is what is read: executions built at random, and weights of every dtype."""

import math
import shutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from whydiff.core.digests import ALGORITHM, tensor_digest
from whydiff.core.errors import WhydiffError
from whydiff.core.recipe import Batching, Content, Order, Recipe, Tensor
from whydiff.core.recording import Draw, Epoch, Execution, Fit, Frame
from whydiff.storage import Extent, Writer, arrays, load, take_in
from whydiff.storage.blobs import ArrayFolder


def same(a, b):
    """Deep equality: arrays with their dtype, NaN equal to NaN, 1 different from True."""
    if type(a) is not type(b) and not (isinstance(a, Mapping) and isinstance(b, Mapping)):
        return False
    if is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and (a == 0 or math.isnan(a)):
        return math.isnan(a) == math.isnan(b) and math.copysign(1, a) == math.copysign(1, b)
    return bool(a == b)


awkward = st.sampled_from(["NaN", "'NaN", "''-Infinity", "Infinity ", "", "'", "\0", "ß", '"]}'])
names = st.text(max_size=8) | awkward | st.just("'; DROP TABLE step; --")
floats = st.floats().filter(lambda x: not math.isnan(x)) | st.just(math.nan)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | floats | names,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
facts = st.dictionaries(names, plain, max_size=4)
digests = st.integers(0, 2**128 - 1).map(lambda n: f"{n:032x}")
frames = st.builds(Frame, names, st.integers(0, 10**6), names, names)
stacks = st.lists(frames, max_size=2).map(tuple)
tensors = st.lists(
    st.builds(
        Tensor,
        names,
        st.sampled_from(["trainable", "non-trainable", "seed", "slot"]),
        st.lists(st.integers(0, 2**40), max_size=3).map(tuple),
        st.sampled_from(["float32", "bfloat16"]),
        digests,
        st.none() | st.integers(1, 9),
    ),
    max_size=3,
).map(tuple)
indices = st.sampled_from([2**31 - 1, 2**62]).flatmap(
    lambda most: hnp.arrays(np.int64, st.integers(0, 5), elements=st.integers(0, most))
)
series = st.lists(indices, max_size=3).map(tuple)
words = st.integers(0, 2**64 - 1)
samples = hnp.arrays(np.uint64, st.tuples(st.integers(0, 4), st.just(2)), elements=words)
contents = st.builds(
    Content,
    samples,
    st.sampled_from(["sample", "batch"]),
    st.lists(names, max_size=2).map(tuple),
    st.none() | samples,
    digests | st.just(""),
)
recipes = st.builds(
    Recipe,
    tensors,
    st.builds(Order, series, st.booleans()),
    tensors,
    contents,
    st.builds(Batching, series, facts),
    *[facts] * 4,
    tensors,
    *[facts] * 7,
)
logs = st.dictionaries(names, floats, max_size=2)
steps = hnp.arrays(np.uint64, st.tuples(st.integers(0, 6), st.just(5)), elements=words)


@st.composite
def fits(draw, index):
    rows = draw(steps)
    epochs = [
        Epoch(number, draw(st.integers(0, 9)), draw(logs), draw(tensors))
        for number in range(draw(st.integers(0, 3)))
    ]
    return Fit(
        index,
        draw(names),
        draw(stacks),
        draw(recipes),
        rows,
        np.sort(draw(hnp.arrays(np.int64, len(rows), elements=st.integers(0, 9)))),
        tuple(epochs),
        draw(tensors),
        True,
        draw(st.floats(0, 1e6)),
        draw(st.dictionaries(names, plain | facts, max_size=3)),
    )


ledgers = st.lists(
    st.builds(
        Draw,
        st.integers(0, 99),
        st.sampled_from(["initializer", "seed generator"]),
        names,
        st.none() | st.integers(-(2**70), 2**70),
        st.booleans(),
        stacks,
        st.none() | names,
        st.none() | st.integers(1, 3),
    ),
    max_size=3,
    unique_by=lambda draw: draw.number,
).map(lambda draws: tuple(sorted(draws, key=lambda draw: draw.number)))


@st.composite
def executions(draw):
    return Execution(
        draw(names),
        tuple(draw(st.lists(names, max_size=3))),
        "",
        draw(st.none() | st.integers(-9, 255)),
        draw(facts),
        tuple(draw(fits(index)) for index in range(1, draw(st.integers(0, 2)) + 1)),
        draw(ledgers),
    )


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(execution=executions())
def test_any_execution_comes_back(tmp_path_factory, write, execution):
    path = tmp_path_factory.mktemp("round") / "run.whydiff"
    write(path, execution)
    assert [entry.name for entry in path.parent.iterdir()] == ["run.whydiff"]
    back = load(path)
    environment = {**execution.environment, "digest.algorithm": ALGORITHM}
    assert same(back, replace(execution, environment=environment, started=back.started))


def test_a_script_name_that_is_not_utf8_is_spelled_out(tmp_path):
    Writer(tmp_path / "a.whydiff", "tr\udcffain.py", ["\udcff"]).close(0)
    back = load(tmp_path / "a.whydiff")
    assert back.script == "tr\\udcffain.py"
    assert back.arguments == ("\udcff",)


def test_numpy_scalars_and_tuples_become_plain_values(tmp_path):
    writer = Writer(tmp_path / "a.whydiff", "train.py", [])
    writer.environment({"a": np.float32(0.5), "b": (np.int64(3), np.bool_(True)), "c": np.eye(1)})
    writer.close(0)
    back = load(tmp_path / "a.whydiff").environment
    assert same({k: back[k] for k in "abc"}, {"a": 0.5, "b": [3, True], "c": [[1.0]]})


def test_another_digest_algorithm_is_kept(recorded, edit):
    edit(recorded, "UPDATE meta SET value = 'mix32-1' WHERE name = 'digest_algorithm'")
    assert load(recorded).environment["digest.algorithm"] == "mix32-1"


@pytest.mark.parametrize(
    "dtype",
    [
        *["bool", "int8", "uint16", "int64", "float16", "float32", "float64"],
        *["complex64", "complex128"],
        *[ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.int4],
    ],
)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3), (1, 2, 1)])
def test_weights_of_any_dtype_come_back(tmp_path, recipe, dtype, shape):
    array = (np.arange(math.prod(shape)) % 5).astype(dtype).reshape(shape)
    writer = Writer(tmp_path / "a.whydiff", "train.py", [])
    writer.begin_fit(1, "", (), recipe, {})
    writer.tensors(1, "final", {"weights:dense/kernel": array.T, "'; --": array})
    writer.close(0)
    assert writer.trouble == ""
    back = arrays(tmp_path / "a.whydiff", 1, "final")
    assert same(back["weights:dense/kernel"], np.array(array.T, order="C"))
    assert same(back["'; --"], array)


def test_weights_not_kept_are_an_empty_mapping(recorded):
    assert list(arrays(recorded, 1, "initial")) == ["weights:dense/kernel"]
    assert arrays(recorded, 1, "final") == {}
    assert arrays(recorded, 7, "initial") == {}


def test_weights_larger_than_a_row_are_cut_and_joined(tmp_path, recipe, monkeypatch):
    monkeypatch.setattr("whydiff.storage.schema.PART_BYTES", 1000)
    array = np.random.default_rng(0).random((40, 50))
    writer = Writer(tmp_path / "a.whydiff", "train.py", [])
    writer.begin_fit(1, "", (), recipe, {})
    for moment in ("initial", "final", "final"):
        writer.tensors(1, moment, {"weights:a": array})
    writer.close(0)
    assert same(arrays(tmp_path / "a.whydiff", 1, "final"), {"weights:a": array})


@pytest.mark.parametrize("dtype", ["float32", "complex128", ml_dtypes.bfloat16])
def test_equal_arrays_are_stored_once_and_repeated_elements_as_one(tmp_path, recipe, dtype):
    path = tmp_path / "a.whydiff"
    kernel = np.random.default_rng(0).normal(size=(300, 400)).astype(dtype)
    slots = {f"state:{i}": np.full((300, 400), i, dtype) for i in range(3)}
    initial = {"weights:kernel": kernel, **slots, "state:-0": -np.zeros((300, 400), dtype)}
    writer = Writer(path, "train.py", [])
    for fit in (1, 2):
        writer.begin_fit(fit, "", (), recipe, {})
        writer.tensors(fit, "initial", initial)
        writer.tensors(fit, "final", {"weights:kernel": kernel.copy()})
    writer.close(0)
    assert kernel.nbytes < path.stat().st_size < 1.3 * kernel.nbytes + 2**17
    for fit in (1, 2):
        assert same(arrays(path, fit, "initial"), initial)
        assert same(arrays(path, fit, "final"), {"weights:kernel": kernel})
    assert same(arrays(path, 2, "initial", "state:1"), {"state:1": slots["state:1"]})
    assert arrays(path, 2, "initial", "state:7") == {}


def test_large_arrays_left_beside_a_recording_are_read_there_and_taken_in(tmp_path, recipe):
    path, folder, copy = (tmp_path / name for name in ("a.whydiff", "arrays", "copy.whydiff"))
    large = np.random.default_rng(0).normal(size=(512, 600)).astype(np.float32)
    described = Tensor("k", "trainable", large.shape, "float32", tensor_digest(large), None)
    others = {"weights:small": np.arange(3.0), "weights:half": large.astype(ml_dtypes.bfloat16)}
    kept = {"weights:k": large, "weights:in no table": large + 1, **others}
    writer = Writer(path, "train.py", [], extent=Extent(beside=ArrayFolder(folder)))
    writer.begin_fit(1, "", (), replace(recipe, initialization=(described,)), {})
    writer.tensors(1, "initial", kept)
    writer.close(0)
    assert [one.name for one in folder.iterdir()] == [described.digest]
    assert path.stat().st_size < sum(one.nbytes for one in kept.values()) - large.nbytes + 2**18
    assert same(arrays(path, 1, "initial"), kept)
    shutil.copy(path, copy)
    take_in(copy, path)
    shutil.rmtree(folder)
    assert same(arrays(copy, 1, "initial"), kept)
    with pytest.raises(WhydiffError):
        arrays(path, 1, "initial")


@pytest.mark.parametrize(
    ("keep", "names"),
    [("none", []), ("weights", ["weights:k"]), ("all", ["noise:n", "state:s", "weights:k"])],
)
def test_only_the_values_asked_for_are_kept(tmp_path, recipe, keep, names):
    writer = Writer(tmp_path / "a.whydiff", "train.py", [], extent=Extent(keep))
    writer.begin_fit(1, "", (), recipe, {})
    initial = {"weights:k": np.arange(3.0), "noise:n": np.arange(2), "state:s": np.ones(3)}
    writer.tensors(1, "initial", initial)
    writer.close(0)
    assert sorted(arrays(tmp_path / "a.whydiff", 1, "initial")) == names
    assert len(load(tmp_path / "a.whydiff").fits) == 1
