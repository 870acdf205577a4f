"""What is said of weights that a loop nobody watched has trained."""

from whydiff.core.calls import Origin
from whydiff.diagnosis.calls.answer import all_agree, with_unwatched_loop
from whydiff.testing.calls import call, execution

TRAINED = Origin(
    "changed by a loop outside anything watched (optimizer.step at line 15)", "unwatched"
)


def test_the_loop_is_named_with_what_lets_it_be_compared():
    trained = execution(call(1), call(2, origin=TRAINED))
    (note,) = with_unwatched_loop(all_agree(trained, "train.py", 2), trained).notes
    assert "optimizer.step at line 15" in note and "whydiff.watch(" in note


def test_nothing_is_said_where_all_was_watched():
    watched = execution(call(1), call(2))
    agreed = all_agree(watched, "train.py", 2)
    assert with_unwatched_loop(agreed, watched) == agreed
