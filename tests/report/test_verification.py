"""What a person reads about a verification, and the exit code that goes with it."""

import math
from dataclasses import replace

import pytest

from whydiff.core.findings import DIFFERS, IDENTICAL, Divergence, Finding
from whydiff.core.question import SideOptions
from whydiff.core.verification import FitCheck, Statistics, Verification
from whydiff.report.documents.explanation import document as why_document
from whydiff.report.documents.verification import document, verdict
from whydiff.report.markdown import markdown
from whydiff.report.terminal import plain_text, screen_blocks
from whydiff.testing.answers import explanation

POINT = Divergence(0, 2, "update", "dense/kernel")
FINDINGS = (
    Finding("optimizer", DIFFERS, "learning_rate: 0.1 against 0.2"),
    Finding("noise", IDENTICAL, "all 2 seed states equal"),
)
STATISTICS = Statistics("loss", "inconclusive", 0.1, (-1.0, 1.2), 0.5, (3, 3), (1.0,), (2.0,))


def check(bitwise, rounding, statistical, findings=FINDINGS, **more):
    levels = dict(zip(("bitwise", "rounding", "statistical"), (bitwise, rounding, statistical),
                      strict=True))  # fmt: skip
    plain = {"weights": 1e-7, "predictions": 2e-8, "metrics": {"loss": (0.5, 0.25)}}
    return FitCheck(
        1, "Sequential 'a'", {k: (v, f"because {k}") for k, v in levels.items()},
        POINT if bitwise != "holds" else None, findings, **(plain | more),
    )  # fmt: skip


def verification(*fits, required="bitwise", **more):
    return Verification("train.py", "whydiff.lock", required, fits, **({"changed": ()} | more))


HOLDS, FAILS, UNKNOWN = "holds", "fails", "unknown"


@pytest.mark.parametrize(
    ("states", "required", "level", "code", "says"),
    [
        ((HOLDS, HOLDS, HOLDS), "bitwise", "bitwise", 0, "bit-identical"),
        ((FAILS, HOLDS, HOLDS), "bitwise", "rounding", 1, "up to rounding"),
        ((FAILS, HOLDS, HOLDS), "rounding", "rounding", 0, "up to rounding"),
        ((FAILS, FAILS, HOLDS), "statistical", "statistical", 0, "statistically equal"),
        ((FAILS, FAILS, HOLDS), "rounding", "statistical", 1, "statistically equal"),
        ((FAILS, FAILS, FAILS), "statistical", "different", 1, "the optimizer changed"),
        ((FAILS, UNKNOWN, UNKNOWN), "rounding", "undecided", 3, "could not be decided"),
        ((FAILS, FAILS, UNKNOWN), "bitwise", "different", 1, "the optimizer changed"),
    ],
)
def test_level_exit_code_and_verdict(states, required, level, code, says):
    v = verification(check(*states), required=required)
    assert (v.level, v.exit_code) == (level, code)
    text = plain_text(screen_blocks(document(v)))
    first = text.partition("\n\n")[0].replace("\n", " ")
    assert says in first and first == verdict(v)
    assert text == plain_text(screen_blocks(document(v)))


def test_inconclusive_statistics_are_undecided():
    v = verification(check(FAILS, FAILS, UNKNOWN, statistics=STATISTICS), required="statistical")
    assert (v.level, v.exit_code) == ("undecided", 3)


def test_the_worst_fit_counts():
    v = verification(check(HOLDS, HOLDS, HOLDS), check(FAILS, HOLDS, HOLDS), required="rounding")
    assert (v.level, v.exit_code) == ("rounding", 0)
    assert verification(*v.fits).exit_code == 1
    assert "Fit 1" in plain_text(screen_blocks(document(v)))


def test_missing_fits_are_different_whatever_the_others_do():
    v = verification(check(HOLDS, HOLDS, HOLDS), missing="2 fits are locked, 1 ran")
    assert (v.level, v.exit_code) == ("different", 1)
    assert "2 fits are locked, 1 ran" in verdict(v)


def test_changed_facts_and_the_point_are_told():
    v = verification(
        check(FAILS, FAILS, UNKNOWN), changed=("version: keras 3.14.0 against 3.15.1",)
    )
    text = plain_text(screen_blocks(document(v)))
    assert "keras 3.14.0 against 3.15.1" in text
    assert "epoch 1, step 3" in text and "dense/kernel" in text
    assert "0.5 locked, 0.25 now" in text
    assert "all 2 seed states equal" not in text


def test_json_holds_everything_and_odd_numbers():
    odd = {"metrics": {"loss": (math.nan, None)}, "weights": None}
    answer = verification(check(FAILS, FAILS, UNKNOWN, **odd)).to_dict()
    assert answer["schema"] == 1 and answer["state"] == "fails"
    assert answer["fits"][0]["levels"]["rounding"] == {"state": "fails", "why": "because rounding"}
    plain_text(screen_blocks(document(verification(check(FAILS, FAILS, UNKNOWN, **odd)))))


def test_hostile_names_do_not_steer_the_terminal():
    hostile = verification(check(FAILS, FAILS, UNKNOWN), changed=("\x1b[2Jgone",))
    text = plain_text(screen_blocks(document(hostile)))
    assert "\x1b" not in text


def test_a_failure_ends_with_its_explanation():
    why = explanation()
    failed = verification(check(FAILS, FAILS, FAILS), explanation=why)
    text = plain_text(screen_blocks(document(failed)))
    assert f"Why: {why_document(why).verdict}" in " ".join(text.split())
    assert "How far each source moves" in text
    assert text.rstrip().endswith("`whydiff lock train.py` renews the lock.")
    # in a comment the table of causes stays in sight
    shown = markdown(document(failed)).partition("<details>")[0]
    assert "Contribution" in shown
    places = document(failed).places
    assert places[0].title == "Not the locked training"
    assert places[1:] == why_document(why).places
    assert failed.to_dict()["explanation"]["causes"]


def test_what_could_not_be_explained_is_said_with_the_command_that_asks_again():
    locked = SideOptions(rev="abc", packages=("keras==3.12.0",))
    failed = verification(check(FAILS, FAILS, FAILS), locked=locked, unexplained="no time")
    text = " ".join(plain_text(screen_blocks(document(failed))).split())
    assert "Not explained: no time." in text
    assert "`whydiff explain train.py --a-rev abc --a-with keras==3.12.0` confirms" in text


@pytest.mark.parametrize(
    ("locked", "said"),
    [
        (SideOptions(), "The script repeats itself: either it changed since it was locked, or "),
        (SideOptions(rev="abc"), "either the lock is not that of the script in abc, or "),
        (SideOptions(rev="abc", packages=("keras==3.12.0",)), "--a-with keras==3.12.0` tells"),
    ],
)
def test_equal_runs_name_all_places_where_the_cause_may_lie(locked, said):
    same = replace(explanation(), identical=True, causes=(), first_divergence=None)
    failed = verification(check(FAILS, FAILS, FAILS), locked=locked, explanation=same)
    text = " ".join(plain_text(screen_blocks(document(failed))).split())
    assert said in text and "something around" in text
