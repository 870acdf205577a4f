"""How small a difference must be to be rounding, and how large to show in a result."""

from __future__ import annotations

import numpy as np

#: A difference of one step beyond this many epsilons of its dtype is not rounding: summing n
#: numbers in another order moves the sum by about sqrt(n) epsilons, times the condition of the sum.
ROUNDING = 256.0
#: Two sides that round apart at every step end up further apart than one that was nudged once, by
#: one unit in the last place of one weight. benchmarks/rounding.py measures by how much.
ALLOWED = 10.0
#: From this on a difference that began as rounding is one that shows in the results.
SHOWS = 1e-3


def is_rounding(relative: float, dtype: np.dtype) -> bool:
    """Whether one step's relative difference between values of ``dtype`` can be rounding."""
    if np.dtype(dtype).kind not in "fc":
        return "float" in np.dtype(dtype).name and relative <= ROUNDING * 2.0**-8
    return bool(relative <= ROUNDING * float(np.finfo(dtype).eps))
