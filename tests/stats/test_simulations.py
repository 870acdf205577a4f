"""The rows of the table of promises, with few trials; `make simulations` runs a thousand."""

import re
from pathlib import Path

import numpy as np
import pytest

from whydiff.stats.sequential import SequentialTest, decide
from whydiff.testing.simulations import Row, first_verdict, pairs_to_verdict, rows

DOCS = Path(__file__).parents[2] / "docs"
ROWS = list(rows())


def documented():
    """What, case, promise and share of every row in the documentation."""
    text = (DOCS / "statistics.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"<!-- simulated: promises -->\n(.*?)<!-- end", text, re.DOTALL)
    lines = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return {
        (what, case): (promise, float(share.split()[0]) / 100)
        for what, case, promise, share in lines
    }


@pytest.mark.long
@pytest.mark.parametrize("what", list(dict.fromkeys(row.what for row in ROWS)))
def test_promises_hold(what):
    trials = 60
    for row in ROWS:
        if row.what == what and row.promise() != "-":
            share = row.share(trials, seed=7)
            assert row.holds(share, trials), f"{row.case}: {share}, promised {row.promise()}"


def test_the_documentation_holds_every_row_and_every_share_keeps_its_promise():
    found = documented()
    assert list(found) == [(row.what, row.case) for row in ROWS]
    for row in ROWS:
        promise, share = found[row.what, row.case]
        assert promise == row.promise() and row.holds(share, 1000), (row.what, row.case)


def test_a_row_has_randomness_of_its_own_and_a_promise_can_break():
    coin = Row("coin", "fair", lambda rng: bool(rng.random() < 0.5), least=0.95)
    assert coin.share(50) == coin.share(50) != coin.share(50, seed=1)
    assert not coin.holds(coin.share(200), 200)
    assert Row("coin", "fair", coin.trial, most=0.05).holds(0.5, 200) is False
    assert Row("coin", "fair", coin.trial).promise() == "-"


def test_the_first_verdict_is_the_one_that_ends_a_comparison():
    d = np.random.default_rng(0).normal(size=40) + 1
    found = decide(d)
    assert first_verdict(d, SequentialTest()) == (found.verdict, found.pairs)
    assert first_verdict(d[:3], SequentialTest()) == ("inconclusive", 3)


def test_clear_differences_take_fewer_pairs_than_before():
    for gap in (1.0, 2.0, 3.0):
        now, before = pairs_to_verdict(gap, 60)
        assert np.median(now) < np.median(before)
