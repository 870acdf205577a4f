import math

from hypothesis import given, strategies as st

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN
from whydiff.diagnosis.sources.facts import (
    NOT_SET,
    Change,
    PlainField,
    changes,
    compare_facts,
    default,
    describe,
    equal,
    equal_facts,
    listed,
    name_of,
    show,
)

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


def test_numbers_too_large_for_a_float_are_compared_as_they_are():
    assert equal(10**400, 10**400) and not equal(10**400, 10**400 + 1)
    assert not equal(10**400, 1.5) and equal(1.5, 1.5) and not equal(1, 2)
    assert not equal(True, False) and equal(False, False) and not equal(1, True)
    assert not equal({"a": 1}, {"b": 1}) and not equal({"a": 1}, {"a": 2})
    assert not equal([1], [1, 2]) and not equal([1], {"a": 1}) and not equal(None, 0)


def test_changes_come_in_the_order_asked_for_and_leave_out_what_is_skipped():
    a, b = {"x": 1, "y": 1, "z": 1, "same": 0}, {"z": 2, "y": 2, "x": 2, "new": 3, "same": 0}
    found = changes(a, b, first=("z", "new"), skip=lambda key: key == "y")
    assert [(c.key, c.a, c.b) for c in found] == [("z", 1, 2), ("new", NOT_SET, 3), ("x", 1, 2)]


def test_a_setting_that_one_side_lacks_has_its_default_there():
    newer = {"loss.axis": -1, "loss.defaults": {"axis": -1, "other": None}}
    assert default({}, newer, "loss.axis") == -1 and changes({}, newer) == []
    assert default({"loss.axis": 3}, newer, "loss.axis") is NOT_SET
    assert default({}, newer, "loss.scale") is NOT_SET
    assert default({}, {"loss.scale": 1, **newer}, "loss.scale") is NOT_SET
    # a default of None stands for an empty value, and for no other
    assert default({}, {"loss.other": (), **newer}, "loss.other") == ()
    assert default({}, {"loss.other": 2, **newer}, "loss.other") is None
    assert default({}, {"rate": 1, "defaults": {"rate": 1}}, "rate") == 1
    layered = {
        "layer:block/dense:units": 3, "layers": ["block/dense: Dense"],
        "defaults": {"Dense": {"units": 3}},
    }  # fmt: skip
    assert default({}, layered, "layer:block/dense:units") == 3
    assert default({}, {**layered, "layers": []}, "layer:block/dense:units") is NOT_SET
    assert default({}, {"rate": 1, "defaults": 7}, "rate") is NOT_SET


def test_values_are_shown_as_a_person_writes_them():
    assert [show(v) for v in (0.1, "", "sgd", None, True, 3)] == [
        "0.1", '""', "sgd", "None", "True", "3"
    ]  # fmt: skip
    assert show([1.0, "a", [2]]) == "[1, a, [2]]" and show((1,)) == "[1]"
    assert show("f:0123456789abcdef0") == "f" and show(":0123456789abcdef") == ":0123456789abcdef"
    assert show({"class": "Adam"}) == "Adam()"
    assert show("x" * 60) == "x" * 60 and show("x" * 61) == "x" * 59 + "…"


def told(a, b):
    return describe([Change("k", a, b)]).removeprefix("k: ")


def test_digests_are_not_shown():
    digest, other = "0123456789abcdef", "0123456789abcdee"
    assert (told(digest, other), told(digest, NOT_SET)) == ("changed", "only in A")
    assert told("0123456789abcde", other) != "changed"  # too short to be one
    assert (
        told(f"f[{digest}:{digest}]", f"f[{digest}:{other}]")
        == "f[0123456789abcdef] with other values"
    )
    assert told("1", 1) == "'1' vs. 1"


def test_long_values_show_what_differs():
    long = [f"number {i} of a long list" for i in range(5)]
    assert told(long, [*long[:4], "other"]) == "number 4 of a long list vs. other"
    assert told(long[1:], long[:1]) == (
        "only in A [number 1 of a long list, number 2 of a long list, number 3…, "
        "only in B [number 0 of a long list]"
    )
    assert told([*long, "x"], [*long, "x", "x"]).endswith("of a long list', 'x', 'x']")
    one = "Adam(" + ", ".join(f"setting_{i}={i}" for i in range(9))
    assert told(f"{one})", f"{one}, last=1)") == 'Adam: "" vs. last=1'
    assert told(f"{one})", f"SGD{one[4:]})").startswith("Adam(setting_0=0")
    assert told("x" * 70, "x" * 70 + "y") == f"{'x' * 59}… vs. {'x' * 59}…"


def test_facts_are_named_as_what_and_where():
    assert name_of("layer:block/dense:units") == ("units", "block/dense")
    assert name_of("layer:a:b:units") == ("units", "a:b")
    assert name_of("activity_regularizer:dense") == ("activity regularizer", "dense")
    assert name_of("layer:dense") == ("layer", "dense")
    assert name_of("flags.OMP_NUM_THREADS") == ("OMP_NUM_THREADS", "")
    same = [Change(f"policy:{n}", "float32", "float16") for n in "abcde"]
    assert describe(same) == "policy of a, b, c, d and 1 more: float32 vs. float16"
    assert describe([Change("x", 1, 2), Change("y", 1, 2)], 1) == "x: 1 vs. 2 and 1 more"
    assert listed(iter("abcd")) == "a, b, c, d" and listed("abc", 2, "; ") == "a; b and 1 more"


def test_equal_facts_tell_the_most_telling_ones():
    facts = {"layer:x:y": 1, "none": None, "empty": [], "text": "", "b": 1, "a": 2, "c": 3, "d": 4}
    assert equal_facts(facts, "settings") == "all 8 settings equal (b: 1, a: 2, c: 3)"
    assert equal_facts(facts, "settings", ("d", "none", "a")) == "all 8 settings equal (d: 4, a: 2)"
    assert equal_facts({"a": 1}, "backend") == "backend equal (a: 1)"
    assert equal_facts({"a": None, "b": None}, "facts") == "all 2 facts equal"


def test_sources_of_plain_facts_differ_are_equal_or_unknown():
    def found(a, b, skip=lambda key: False, **more):
        one = compare_facts(PlainField("mode", "do so", **more), a, b, skip)
        return one.status, one.evidence

    assert found({"x": 1}, {"x": 2}) == (DIFFERS, "x: 1 vs. 2")
    assert found({"x": 1, "defaults": {}}, {"x": 1}) == (IDENTICAL, "settings equal (x: 1)")
    skip = {"skip": lambda key: key == "x"}
    assert found({"x": 1}, {"x": 2}, **skip) == (UNKNOWN, "no settings were recorded")
    assert found({}, {}, nothing="none in either") == (IDENTICAL, "none in either")
    finding = compare_facts(PlainField("mode", "do so", intended=True), {"x": 1}, {})
    assert finding.intended and finding.remedy == "do so"
    assert not compare_facts(PlainField("mode", "do so"), {"x": 1}, {}).intended
