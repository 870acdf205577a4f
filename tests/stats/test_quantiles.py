import subprocess
import sys

import pytest
from scipy import stats

from whydiff.stats import quantiles


@pytest.mark.parametrize("n", [1, 2, 9, 400])
@pytest.mark.parametrize("p", [0.01, 0.5, 0.975])
def test_they_are_those_of_scipy_stats(n, p):
    assert quantiles.normal(p) == pytest.approx(stats.norm.ppf(p), abs=1e-12)
    assert quantiles.student(n, p) == pytest.approx(stats.t.ppf((1 + p) / 2, n))
    assert quantiles.student_tail(p, n) == pytest.approx(stats.t.sf(p, n))
    assert quantiles.chi_square(n, p) == pytest.approx(stats.chi2.ppf(p, n))
    assert quantiles.beta(n, 3, p) == pytest.approx(stats.beta.ppf(p, n, 3))


def test_the_slow_part_of_scipy_is_not_imported():
    code = (
        "import sys; from whydiff.stats import intervals, paired, sequential, effects, flips;"
        "assert not any(m.startswith('scipy') for m in sys.modules);"
        "intervals.mean([1, 2, 3]); intervals.spread(range(9)); intervals.proportion(1, 3);"
        "paired.probability([1, 2, 3], [2, 1, 4]); sequential.look([1.0, 2.0, 3.0]);"
        "assert 'scipy.special' in sys.modules and 'scipy.stats' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
