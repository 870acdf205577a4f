"""What a terminal shows of an explanation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whydiff.core.findings import (
    CONFIRMED,
    SUSPECTED,
    Cause,
    Divergence,
    Excluded,
    Explanation,
    Remedy,
)
from whydiff.report.document import Block, Code, Facts, Table, Text
from whydiff.report.documents.explanation import document, verdict
from whydiff.report.documents.first_divergence import point
from whydiff.report.terminal import WIDTH, plain_text, screen_blocks
from whydiff.testing.answers import trace

PATCH = "--- a/train.py\n+++ b/train.py\n@@ -1 +1,2 @@\n import keras\n+seed()\n"


def cause(source: str, alone: float | None = 0.5, status: str = CONFIRMED) -> Cause:
    share = None if alone is None else alone / 2
    return Cause(source, f"{source} detail", status, f"{source} evidence", "", share, alone, 0.4)


EXPLANATION = Explanation(
    question="Why do fits 1 and 2 differ?",
    between="fits",
    a={},
    b={},
    chosen="fits 1 and 2 of train.py",
    identical=False,
    first_divergence=Divergence(0, 0, "before training", "dense/kernel", None, 1.4),
    causes=(cause("initialization", 0.9), cause("data-order", 0.3)),
    excluded=(
        Excluded("optimizer", "all 16 settings equal"),
        Excluded("backend", "both jax"),
    ),
    unknown=(),
    unexplained=0.0,
    gap={"metric": "accuracy", "a": 0.91, "b": 0.93, "predictions_differ": 0.04},
    remedy=Remedy(PATCH, True, "Sets one seed."),
    evidence={
        "hybrids": [{"from B": ["initialization"], "distance": 0.9, "seconds": 1.5}],
        "floor": 1e-7,
    },
)


def explanation_blocks(e: Explanation, verbose: bool = False) -> list[Block]:
    return list(screen_blocks(document(e), verbose))


def texts(blocks: list[Block]) -> str:
    return " ".join(b.text for b in blocks if isinstance(b, Text))


def tables(blocks: list[Block]) -> dict[str, Table]:
    return {b.columns[0]: b for b in blocks if isinstance(b, Table)}


def test_the_verdict_comes_first_and_names_the_proven_causes() -> None:
    first = explanation_blocks(EXPLANATION)[0]
    assert first == Text(
        "The two trainings differ because of the initial weights and the order of the samples.",
        "verdict",
    )


def test_what_makes_next_to_nothing_of_the_difference_is_named_apart() -> None:
    slight = replace(cause("optimizer"), share=1e-7, alone=1e-7, remaining=1.0)
    some = replace(EXPLANATION, causes=(cause("initialization"), slight))
    assert verdict(some) == (
        "The two trainings differ because of the initial weights. Next to nothing comes from "
        "the optimizer."
    )
    only = replace(EXPLANATION, causes=(slight,))
    assert verdict(only) == "The two trainings differ because of the optimizer."


def test_what_differs_without_effect_is_shown_beside_what_was_ruled_out_first() -> None:
    without = Excluded("hardware", "1 vs. 2 devices; but the two trainings agree bit for bit")
    equal = Excluded("mode", "all settings equal")
    some = replace(EXPLANATION, excluded=(Excluded("optimizer", "equal"), without, equal))
    rows = dict(tables(explanation_blocks(some))["Ruled out"].rows)
    assert rows == {"optimizer": "equal", "hardware": without.evidence, "and": "mode"}


def test_the_verdict_leaves_out_what_is_to_be_ignored_and_says_so() -> None:
    noise = replace(cause("batch-size"), ignored=True)
    some = replace(EXPLANATION, causes=(cause("data-order"), noise))
    assert verdict(some).endswith("because of the order of the samples. Ignored: the batch size.")
    assert tables(explanation_blocks(some))["Cause"].rows[1][0] == "batch-size (ignored)"
    assert [place.level for place in document(some).places] == ["error", "notice"]
    none = replace(EXPLANATION, causes=(noise,))
    assert verdict(none) == (
        "The two trainings differ; no cause was found but those to ignore. Ignored: the batch size."
    )
    calls = replace(none, between="calls", a={"call": "evaluate"}, b={"call": "predict"})
    assert verdict(calls).endswith(
        "no cause was found but those to ignore. Ignored: the batch size."
    )


def test_compared_point_and_gap_follow() -> None:
    facts = explanation_blocks(EXPLANATION)[1]
    assert isinstance(facts, Facts)
    rows = dict(facts.rows)
    assert rows["Compared"] == "fits 1 and 2 of train.py"
    assert rows["First divergence"] == "Before the first step, at dense/kernel (relative 1.4)"
    assert rows["Final result"] == "accuracy 0.91 vs. 0.93, 4 % of the predictions differ"


def test_causes_have_their_three_numbers_and_a_legend() -> None:
    table = tables(explanation_blocks(EXPLANATION))["Cause"]
    assert table.rows[0] == ("initialization", "45 %", "90 %", "40 %", "initialization detail")
    assert "Shapley share" in table.legend and "only this source" in table.legend


def test_identical_trainings_have_no_causes_and_no_fix() -> None:
    same = replace(
        EXPLANATION, identical=True, causes=(), first_divergence=None, remedy=Remedy("", False, "")
    )
    blocks = explanation_blocks(same)
    assert "identical, bit for bit" in texts(blocks)
    assert "Cause" not in tables(blocks)
    assert not any(isinstance(b, Code) for b in blocks)


def test_suspects_are_never_called_causes() -> None:
    only = replace(EXPLANATION, causes=(cause("version", None, SUSPECTED),))
    assert verdict(only) == (
        "The two trainings differ; suspected, not confirmed: the versions of the libraries."
    )
    both = replace(EXPLANATION, causes=(cause("noise"), cause("version", None, SUSPECTED)))
    assert "because of the noise" in verdict(both)
    assert "Suspected, not confirmed: the versions" in verdict(both)
    none = replace(EXPLANATION, causes=())
    assert verdict(none) == "The two trainings differ; the cause was not found."


def test_suspects_without_numbers_have_a_table_without_numbers() -> None:
    only = replace(EXPLANATION, causes=(cause("version", None, SUSPECTED),))
    table = tables(explanation_blocks(only))["Cause"]
    assert table.columns == ("Cause", "Status", "What differs")
    assert table.rows == (("version", "suspected", "version detail"),)


@pytest.mark.parametrize(("rest", "told"), [(0.2, True), (0.0101, True), (0.01, False), (0, False)])
def test_what_is_unexplained_is_said_plainly(rest: float, told: bool) -> None:
    blocks = explanation_blocks(replace(EXPLANATION, unexplained=rest))
    assert ("unexplained" in texts(blocks)) is told


def test_sources_ruled_out_are_shown_with_evidence_or_at_least_named() -> None:
    table = tables(explanation_blocks(EXPLANATION))["Ruled out"]
    assert table.rows == (("optimizer", "all 16 settings equal"), ("and", "backend"))
    full = tables(explanation_blocks(EXPLANATION, verbose=True))["Ruled out"]
    assert full.rows[1] == ("backend", "both jax")


def test_the_fix_says_whether_it_was_verified() -> None:
    blocks = explanation_blocks(EXPLANATION)
    assert "Suggested fix (verified): Sets one seed." in texts(blocks)
    assert Code(PATCH, "diff") in blocks
    unproven = replace(EXPLANATION, remedy=Remedy(PATCH, False, "Sets one seed."))
    assert "Suggested fix (not verified)" in texts(explanation_blocks(unproven))
    advice = replace(EXPLANATION, remedy=Remedy("", False, "Build the layers anew."))
    assert "What to do: Build the layers anew." in texts(explanation_blocks(advice))


def test_intended_causes_are_marked() -> None:
    asked = replace(cause("optimizer"), intended=True)
    table = tables(explanation_blocks(replace(EXPLANATION, causes=(asked,))))["Cause"]
    assert table.rows[0][0] == "optimizer (intentional)"


def test_verbose_adds_the_evidence() -> None:
    found = tables(explanation_blocks(EXPLANATION, verbose=True))
    assert found["Taken from B"].rows == (("initialization", "90 %", "1.5"),)
    assert "Taken from B" not in tables(explanation_blocks(EXPLANATION))


def test_the_whole_answer_fits_a_screen() -> None:
    lines = plain_text(explanation_blocks(EXPLANATION)).splitlines()
    assert len(lines) <= 28
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize(
    ("divergence", "expected"),
    [
        (None, "not found"),
        (Divergence(1, 4, "batch", ""), "epoch 2, step 5, in the batch that was fed"),
        (
            Divergence(0, 2, "update", "dense/bias", 3, 1e-7),
            "epoch 1, step 3, in the weight update, at dense/bias (relative 1e-07, up to 3 ULP)",
        ),
        (
            Divergence(0, 0, "before training", "a", 2_000_000_000, 1.0),
            "before the first step, at a (relative 1)",
        ),
        (Divergence(2, 0, "end", "only B goes on"), "epoch 3, step 1: only B goes on"),
    ],
)
def test_the_point_of_divergence_counts_as_keras_prints(
    divergence: Divergence | None, expected: str
) -> None:
    assert point(divergence) == expected


def test_what_only_a_page_can_show_is_not_printed() -> None:
    seen = {"example": 1, "a": 0, "b": 1, "distance": 0.5, "picture": "iVBORw=="}
    drawn = {"trace": trace(), "disagreements": [seen], "floor": 1e-7}
    shown = explanation_blocks(replace(EXPLANATION, evidence=drawn), verbose=True)
    text = plain_text(shown)
    assert "Floor" in text
    assert "iVBOR" not in text and "Trace" not in text


def test_the_fits_behind_two_calls_have_sections_of_their_own() -> None:
    calls = replace(EXPLANATION, continued=replace(EXPLANATION, a={"fit": 1}, b={"fit": 3}))
    sections = document(calls).sections
    assert len({section.id for section in sections}) == len(sections)
    (first,) = [section for section in sections if section.id == "fits"]
    assert first.title == "Why fits 1 and 3 differ"
    assert first.lead == verdict(EXPLANATION)
    assert calls.to_dict()["continued"]["causes"] == EXPLANATION.to_dict()["causes"]
