import math

from hypothesis import given, strategies as st

from whydiff.diagnosis.sources.facts import NOT_SET, Change, changes, describe, equal, show

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
facts = st.dictionaries(st.text(max_size=4), plain, max_size=6)


@given(facts)
def test_facts_equal_themselves(a):
    assert changes(a, dict(reversed(a.items()))) == []


@given(facts, facts)
def test_changes_are_symmetric_and_describable(a, b):
    there, back = changes(a, b), changes(b, a)
    assert {c.key for c in there} == {c.key for c in back}
    assert bool(describe(there)) == bool(there)


def test_floats_bit_for_bit():
    assert equal(math.nan, math.nan)
    assert not equal(0.0, -0.0)
    assert not equal(0.1 + 0.2, 0.3)
    assert equal(1, 1.0)
    assert not equal(True, 1)
    assert equal([1, (2.0,)], (1, [2.0]))
    assert not equal("1", 1)


def test_floats_that_look_alike_are_shown_in_full():
    assert describe([Change("x", 0.1 + 0.2, 0.3)]) == "x: 0.30000000000000004 vs. 0.3"


def test_at_most_four_are_shown():
    found = changes({f"k{i}": i for i in range(7)}, {})
    assert describe(found) == (
        "k0: 0 vs. not set; k1: 1 vs. not set; k2: 2 vs. not set; k3: 3 vs. not set and 3 more"
    )


def test_code_and_objects():
    old, new = "0123456789abcdef", "fedcba9876543210"
    assert describe([Change("code:loss", old, new)]) == "code of loss: changed"
    assert describe([Change("loss.fn", f"f:{old}", f"f:{new}")]) == "loss.fn: f with other code"
    assert show({"class": "L2", "l2": 0.02}) == "L2(l2=0.02)"
    assert show(0.0010000000474974513) == "0.001"
    assert repr(NOT_SET) == "not set"


def test_long_lists_show_what_only_one_has():
    a = [f"callback_number_{i}" for i in range(9)]
    text = describe([Change("callbacks", a, a[:-1])])
    assert text == "callbacks: only in A [callback_number_8], only in B []"


def test_long_callbacks_show_the_setting_that_differs():
    text = (
        "EarlyStopping(baseline=None, min_delta=0.0, monitor='val_loss', mode='auto', patience={})"
    )
    found = [Change("callbacks", [text.format(1)], [text.format(9)])]
    assert describe(found) == "callbacks: EarlyStopping: patience=1 vs. patience=9"


def test_what_only_one_side_has_is_not_shown_as_a_digest():
    assert describe([Change("code:loss", NOT_SET, "0123456789abcdef")]) == (
        "code of loss: only in B"
    )
    assert show({0: 1.0, 1: 2.5}) == "{0: 1, 1: 2.5}"
