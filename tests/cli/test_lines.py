"""Two calls named by the lines that make them."""

import click
import pytest

from whydiff.cli.script import without_lines


def test_two_lines_of_one_script():
    assert without_lines("a/train.py:24", "a/train.py:31") == ("a/train.py", None, (24, 31))


@pytest.mark.parametrize("targets", [("train.py", None), ("train.py", "other.py"), ("-m x", None)])
def test_other_targets_stay_as_they_are(targets):
    assert without_lines(*targets) == (*targets, None)


def test_lines_of_two_scripts_are_refused():
    with pytest.raises(click.UsageError, match="one script"):
        without_lines("a.py:1", "b.py:2")
