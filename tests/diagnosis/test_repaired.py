"""What is said of a fix after it was tried."""

from __future__ import annotations

from whydiff.core.findings import DIFFERS, IDENTICAL, Finding
from whydiff.diagnosis.repaired import helped, not_found, unrepaired


def finding(source: str, status: str = DIFFERS, intended: bool = False) -> Finding:
    return Finding(source, status, "", remedy=f"Mend {source}.", intended=intended)


def test_a_right_fix_is_right_although_an_intended_difference_remains() -> None:
    before = [finding("initialization"), finding("optimizer", intended=True)]
    after = [finding("initialization", IDENTICAL), finding("optimizer", intended=True)]
    worked, what = helped([after, after], ["initialization"], before)
    assert worked
    assert what == (
        "Tried twice: initialization now agrees bit for bit; optimizer differs, as the script asks."
    )


def test_what_it_was_not_to_repair_is_named() -> None:
    before = [finding("state"), finding("data-content")]
    worked, what = helped([[finding("data-content")]], ["state"], before)
    assert worked
    assert what == ("Tried twice: state now agrees bit for bit; data-content differs as before.")


def test_a_fix_that_leaves_or_moves_the_difference_did_not_help() -> None:
    before = [finding("data-content")]
    assert helped([[finding("data-content")]], ["data-content"], before) == (
        False,
        "still different: data-content",
    )
    assert not helped([[finding("data-order")]], ["data-content"], before)[0]
    assert not helped([[]], ["data-content"], before)[0]
    assert not helped([[finding("arithmetic")]], ["data-content"], before)[0]


def test_a_model_built_anew_may_draw_other_weights() -> None:
    worked, what = helped([[finding("initialization")]], ["state"], [finding("state")])
    assert worked and what.endswith("bit for bit; initialization differs.")


def test_the_remedy_of_a_larger_cause_comes_first() -> None:
    findings = [finding("state"), finding("data-order"), finding("optimizer", intended=True)]
    shares = {"state": 0.88, "data-order": 0.1, "optimizer": 0.95}
    causes = list(shares)
    (first,) = unrepaired(findings, causes, ["data-order"], shares.__getitem__)
    assert first == "First of all (state, 88%), which the patch does not repair: Mend state."
    assert unrepaired(findings, causes, ["state"], shares.__getitem__) == []


def test_what_was_tried_in_vain_is_told_without_its_patch() -> None:
    assert not_found(["still different: noise"]) == (
        "One change was tried and did not make them agree (still different: noise)."
    )
    several = ["still different: data-order and noise", "still different: noise"]
    assert not_found(several).endswith("did not make them agree (still different: noise).")
    assert not_found(["a", "a"]).startswith("2 changes were tried")


def test_several_sources_that_are_repaired_agree() -> None:
    before = [finding("initialization"), finding("noise"), finding("optimizer", intended=True)]
    worked, what = helped([[before[2]]], ["initialization", "noise"], before)
    assert worked and what.startswith("Tried twice: initialization and noise now agree bit for bit")


def test_a_cause_that_weighs_as_much_or_whose_weight_is_not_known_does_not_come_first() -> None:
    findings = [finding("state"), finding("noise")]
    assert unrepaired(findings, ["state", "noise"], ["state"], lambda source: 0.5) == []
    assert unrepaired(findings, ["state", "noise"], [], lambda source: 0.0) == []
    (first,) = unrepaired(findings, ["noise"], [], lambda source: 0.1)
    assert first.startswith("First of all (noise, 10%)")
