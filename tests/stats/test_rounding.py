import ml_dtypes
import numpy as np
import pytest

from whydiff.stats.rounding import ROUNDING, is_rounding


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
def test_rounding_is_some_epsilons_of_the_dtype(dtype):
    eps = float(np.finfo(dtype).eps)
    assert is_rounding(ROUNDING * eps, np.dtype(dtype))
    assert not is_rounding(ROUNDING * eps * 1.01, np.dtype(dtype))


def test_eight_bits_round_coarsely_and_integers_never():
    assert is_rounding(1.0, np.dtype(ml_dtypes.bfloat16))
    assert not is_rounding(1.01, np.dtype(ml_dtypes.bfloat16))
    assert not is_rounding(1e-9, np.dtype(np.int32)) and not is_rounding(0.0, np.dtype(bool))
