"""Processes that a script starts are counted: a fit in them is watched by nobody."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from joblib import Parallel, delayed

from whydiff.core.machine import started_processes


def by_joblib():
    """As ``n_jobs=2`` of scikit-learn does."""
    assert Parallel(n_jobs=2)(delayed(abs)(n) for n in range(4)) == [0, 1, 2, 3]


def by_a_pool():
    with get_context("spawn").Pool(2) as pool:
        assert pool.map(abs, range(4)) == [0, 1, 2, 3]


def by_an_executor():
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert list(pool.map(abs, range(4))) == [0, 1, 2, 3]


@pytest.mark.parametrize(("start", "least"), [(by_joblib, 2), (by_a_pool, 2), (by_an_executor, 1)])
def test_processes_are_counted_however_they_are_started(start, least):
    before = started_processes()
    start()
    assert started_processes() >= before + least
