import numpy as np
import pytest

from whydiff.replay.values import nudged
from whydiff.stats.ulp import max_ulp
from whydiff.testing.sides import tensor


def weights(dtype="float32"):
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(4, 3)).astype(dtype)
    kernel[0] = 0.0
    arrays = [kernel, np.zeros(3, dtype), np.ones(3, dtype)]
    roles = ("trainable", "trainable", "non-trainable")
    return arrays, [
        tensor(f"t{i}", a, r) for i, (a, r) in enumerate(zip(arrays, roles, strict=True))
    ]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_one_entry_moves_by_one_ulp_and_the_step_is_told(dtype):
    arrays, tensors = weights(dtype)
    before = [a.copy() for a in arrays]
    for number in range(20):
        changed, moved = nudged(arrays, tensors, number)
        different = changed[0] != arrays[0]
        assert different.sum() == 1 and moved > 0
        assert max_ulp(arrays[0], changed[0]) == 1
        assert arrays[0][different] != 0.0  # a zero would become the smallest number there is
        assert moved == pytest.approx(float(abs(changed[0] - arrays[0]).max()), rel=1e-3)
        assert (changed[1] == arrays[1]).all() and (changed[2] == arrays[2]).all()
    assert all((a == b).all() for a, b in zip(arrays, before, strict=True))  # its input stays


def test_numbers_pick_entries_and_the_same_number_the_same_entry():
    arrays, tensors = weights()
    picked = [np.flatnonzero(nudged(arrays, tensors, n)[0][0] != arrays[0])[0] for n in range(20)]
    assert len(set(picked)) > 4
    assert picked[3] == np.flatnonzero(nudged(arrays, tensors, 3)[0][0] != arrays[0])[0]


def test_nothing_to_move():
    arrays = [np.zeros(3, "float32"), np.ones(2, "int32")]
    tensors = [tensor("a", arrays[0]), tensor("b", arrays[1])]
    changed, moved = nudged(arrays, tensors, 0)
    assert moved == 0.0
    assert all((a == b).all() for a, b in zip(arrays, changed, strict=True))


def test_bfloat16():
    ml_dtypes = __import__("ml_dtypes")
    array = np.array([1.0, -2.0], ml_dtypes.bfloat16)
    changed, moved = nudged([array], [tensor("a", array)], 0)
    assert moved in (2.0**-7, 2.0**-6)
    assert (changed[0] != array).sum() == 1
