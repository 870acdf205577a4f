"""Which line of which file a sentence names."""

from dataclasses import replace

import pytest

from whydiff.core.findings import CONFIRMED, Cause
from whydiff.core.places import located, place_in


@pytest.mark.parametrize(
    ("sentence", "place"),
    [
        ("drawn at train.py:12", ("src/train.py", 12)),
        ("drawn at lib/data.py:3", ("lib/data.py", 3)),
        ("drawn at data.py:3", ("data.py", 3)),
        ("predict at line 7", ("src/train.py", 7)),
        ("no line of any file", None),
    ],
)
def test_the_line_that_a_sentence_names(sentence, place):
    assert place_in(sentence, "src/train.py") == place


def test_a_cause_has_the_line_that_is_named_first_in_what_is_said_of_it():
    a, b = {"script": "src/train.py", "line": 20}, {"script": "src/train.py", "line": 20}
    drawn = Cause("noise", "drew another seed (train.py:14, net.py:3)", CONFIRMED, "e", "")
    assert located(drawn, a, b).where == "src/train.py:14"
    swapped = Cause("mode", "BatchNormalization", CONFIRMED, "set at line 9", "")
    assert located(swapped, a, b).where == "src/train.py:9"
    unknown = Cause("data-order", "B shuffles", CONFIRMED, "other order", "")
    assert located(unknown, a, b).where == ""


def test_a_place_that_is_known_comes_first():
    """A bare name of a file is that of the script."""
    a, b = {"script": "src/train.py"}, {"script": "src/train.py"}
    cause = Cause("mode", "line 4 vs. line 6", CONFIRMED, "e", "r", where="train.py:6")
    assert located(cause, a, b).where == "src/train.py:6"
    assert located(replace(cause, where="data.py:3"), a, b).where == "data.py:3"
