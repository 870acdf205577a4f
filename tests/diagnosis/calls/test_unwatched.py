"""What is said of weights that a loop nobody watched has trained."""

from whydiff.core.calls import Event, Origin
from whydiff.core.stack import Frame
from whydiff.diagnosis.calls.answer import all_agree, with_unwatched_loop
from whydiff.diagnosis.calls.fields import compare
from whydiff.diagnosis.calls.unwatched import loops_apart
from whydiff.testing.calls import KERNEL, call, execution

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


def began(model, line, after_call=0, **settings):
    """A loop's first update of a model."""
    frames = (Frame("train.py", line, "train", ""),)
    title = f"Sequential 'sequential_{model}'"
    facts = {"optimizer": {"class": "AdamW", "learning_rate": 0.01, **settings}}
    return Event(1, after_call, "loop", title, model, frames, facts)


def test_optimizers_of_two_loops_that_differ_are_told():
    a, b = call(1, origin=TRAINED), call(2, model=2, origin=TRAINED, kernel=KERNEL + 1)
    loops = began(1, 15, weight_decay=0.0), began(2, 15, weight_decay=0.5)
    found = compare(a, b, loops).findings
    detail = next(f.detail for f in found if f.source == "weights")
    assert detail.endswith("The optimizers of these loops differ: AdamW, weight_decay: 0 vs. 0.5")
    alike = compare(a, b, (loops[0], began(2, 15, weight_decay=0.0))).findings
    assert not any("The optimizers" in f.detail for f in alike)
    later = compare(a, b, (loops[0], began(2, 15, after_call=3, weight_decay=0.5))).findings
    assert not any("The optimizers" in f.detail for f in later), "that loop came behind the call"


def test_two_loops_of_one_run_are_told_apart_where_nothing_else_can_be_compared():
    events = began(1, 15, learning_rate=0.01), began(2, 20, learning_rate=0.03)
    trained = execution(call(1), call(2, origin=TRAINED), events=events)
    (note,) = with_unwatched_loop(all_agree(trained, "train.py", 2), trained).notes
    assert "In the loops at lines 15 and 20: AdamW, learning_rate: 0.01 vs. 0.03." in note
    assert loops_apart((events[0], began(2, 20, learning_rate=0.01))) == ""
    other = began(2, 20)
    other.facts["optimizer"]["class"] = "SGD"
    assert loops_apart((events[0], other)).endswith("AdamW vs. SGD, learning rate 0.01 in both")
