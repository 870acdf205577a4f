"""What is laid side by side says no more than can be compared."""

from whydiff.report.document import Chart, Text
from whydiff.report.documents.sides import side_by_side


def order_of(alike):
    fed = [{"side": side, "epoch": 0, "samples": 2, "every": 1, "order": [1, 0]} for side in "ab"]
    told = {"a epochs": 3, "b epochs": 3, "equal epochs": 0, "numbered alike": alike, "fed": fed}
    blocks = side_by_side({"order": told}).blocks
    texts = [block.text for block in blocks if isinstance(block, Text)]
    (chart,) = (block for block in blocks if isinstance(block, Chart))
    return texts, chart.caption


def test_orders_of_the_same_samples_are_counted():
    texts, caption = order_of(alike=True)
    assert texts == ["Order of the samples: equal in 0 of 3 epochs that both trained."]
    assert "the same sample at the same position" in caption


def test_of_other_samples_no_order_is_said_to_differ():
    texts, caption = order_of(alike=False)
    assert texts == []
    assert "each is numbered by itself" in caption and "the same place in the data" in caption
