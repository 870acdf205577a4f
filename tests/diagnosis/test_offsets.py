"""Which causes offset each other, from their sizes alone."""

from types import SimpleNamespace

import pytest

from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause
from whydiff.diagnosis.offsets import BEYOND, CANCELLED, amplifies, cancel, offsetting
from whydiff.stats.ulp import SHOWS


def cause(source, share=0.5, alone=0.5, remaining=0.5, status=CONFIRMED):
    return Cause(source, source, status, f"{source} differs", "", share, alone, remaining)


def trials(whole=2.0, grown=None):
    return SimpleNamespace(whole=whole, grown=lambda: grown, measure="predictions")


def offsets(*causes, grown=None):
    """By source of those that are offset: by what."""
    return {c.source: c.offsets for c in offsetting(causes, trials(grown=grown)) if c.offsets}


def test_sizes_within_the_limit_offset_nothing():
    assert offsets(cause("a", BEYOND, -BEYOND, BEYOND), cause("b", -0.5)) == {}
    assert offsets(cause("a", 1.0, 1.0, 1.0), cause("b", 0.0, 1.0, 0.0)) == {}


@pytest.mark.parametrize("size", ["share", "alone", "remaining"])
def test_any_size_beyond_the_limit_is_enough_and_either_sign(size):
    for value in (1.6, -1.6):
        found = offsets(cause("a", **{size: value}), cause("b"))
        assert found == {"a": ("b",), "b": ("a",)}, "one large: all confirmed ones are meant"


def test_where_several_are_large_the_small_ones_are_not_meant():
    found = offsets(cause("a", 2.0), cause("b", -2.0), cause("c", 0.1, 0.1, 0.1))
    assert found == {"a": ("b",), "b": ("a",)}
    found = offsets(cause("a", 2.0), cause("b", -2.0), cause("c", 3.0))
    assert found["b"] == ("a", "c")


def test_a_lone_cause_has_nothing_that_offsets_it():
    alone = [cause("a", 3.0)]
    assert offsetting(alone, trials()) == alone
    assert offsets(cause("a", 3.0), cause("b", None, None, None, SUSPECTED)) == {}
    assert offsets(cause("a", 3.0), cause("b", None, None, None)) == {}, "b was not tried alone"


def test_causes_that_fit_only_together_offset_a_third():
    tied = [cause(name, 20.0, None, None) for name in ("a", "b")]
    found = offsetting([*tied, cause("c", -39.0, 30.0, 60.0)], trials())
    assert cancel(found) and [c.offsets for c in found] == [("b", "c"), ("a", "c"), ("a", "b")]
    assert found[0].evidence == "a differs; b and c offset it"


def test_where_differences_grow_only_what_cancels_nearly_completely_counts():
    some, much = (cause("a", 9.9), cause("b")), (cause("a", 10.1), cause("b"))
    assert offsets(*some) and offsets(*much)
    assert not offsets(*some, grown=(SHOWS, 1.0))
    assert offsets(*much, grown=(SHOWS, 1.0))
    assert offsets(*some, grown=(SHOWS * 0.99, 1.0))
    assert [amplifies(trials(grown=g)) for g in (None, (SHOWS, 1.0), (SHOWS / 2, 9.0))] == [
        False, True, False,
    ]  # fmt: skip


def test_partly_offset_causes_keep_their_numbers_and_say_how_far_they_go_alone():
    a, b = offsetting([cause("a", 2.0, 1.5), cause("b", -1.0, -0.5)], trials(whole=2.0))
    assert (a.share, a.alone, a.remaining) == (2.0, 1.5, 0.5)
    assert a.evidence == (
        "a differs; alone it moves the predictions by 3, while A and B are 2 apart: b offsets it"
    )
    assert "predictions by -1, while" in b.evidence and not cancel([a, b])


def test_what_cancels_has_no_numbers_left():
    edge = offsetting([cause("a", CANCELLED), cause("b")], trials())
    assert edge[0].share == CANCELLED and not cancel(edge)
    causes = [cause("a", 11.0), cause("b", -10.5, alone=0.0), cause("c", 12.0, 4.0)]
    a, b, c = offsetting(causes, trials(whole=0.5))
    for one in (a, b, c):
        assert (one.share, one.alone, one.remaining) == (None, None, None)
    assert c.evidence.endswith("by 2, while A and B are 0.5 apart: a and b offset it")
    assert "by 0, while" in b.evidence
    assert c.remedy == "Change it only along with a and b, which offset it."
    assert cancel([a, b, c]) and not cancel([cause("a")]) and not cancel([])
