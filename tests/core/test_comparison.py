import pytest

from whydiff.core.comparison import Comparison, Pair, Side
from whydiff.core.estimate import Estimate

ONE = Estimate(0.9, 0.8, 1.0, 12)
SIDE = Side("a.py", "solo", ONE, ONE, ONE)


def found(verdict, identical=False):
    pairs = (Pair(1, {"noise": 3}, 0.5, 0.6, identical),)
    return Comparison(
        "?", SIDE, SIDE, "accuracy", True, verdict, ONE, 0.0, 0.05, ONE, None, (), pairs, 50, 0,
        10, "settled",
    )  # fmt: skip


@pytest.mark.parametrize(
    "verdict, expected, meets",
    [
        ("better", None, True), ("worse", None, True), ("equivalent", None, True),
        ("inconclusive", None, None), ("inconclusive", "better", None),
        ("better", "better", True), ("worse", "better", False), ("equivalent", "better", False),
        ("equivalent", "equivalent", True), ("better", "equivalent", False),
        ("worse", "equivalent", False), ("inconclusive", "equivalent", None),
    ],
)  # fmt: skip
def test_what_meets_an_expectation(verdict, expected, meets):
    assert found(verdict).meets(expected) is meets


def test_the_dictionary_has_every_number_with_its_n():
    told = found("better", identical=True).to_dict()
    assert told["schema"] == 1 and told["identical"] is True
    assert told["effect"] == {
        "value": 0.9, "low": 0.8, "high": 1.0, "n": 12, "confidence": 0.95, "left_out": 0,
        "note": "",
    }  # fmt: skip
    assert told["pairs"][0]["seeds"] == {"noise": 3}
