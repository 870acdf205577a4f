"""Pages as plain data: what is told, in which order, with which numbers."""

import functools
from dataclasses import replace

import pytest

from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Remedy
from whydiff.report.document import (
    DIFFERENT,
    OPEN,
    SAME,
    Brief,
    Chart,
    Code,
    Gallery,
    Table,
    Text,
    every_block,
)
from whydiff.report.documents import document_of as page_of
from whydiff.report.documents.reproduce import with_page
from whydiff.testing import answers

KINDS = ("explanation", "diff", "study", "comparison")


@functools.cache
def whole(kind):
    """The page of a complete finding; made once, charts take their time."""
    return page_of(getattr(answers, kind)())


def sections(page):
    return {section.id: section for section in page.sections}


def of(kind, page):
    return [block for block in every_block(page) if isinstance(block, kind)]


def charts(page):
    return {chart.title: chart for chart in of(Chart, page)}


def test_an_explanation_tells_verdict_evidence_causes_fix_and_what_was_cleared():
    page = whole("explanation")
    assert page.verdict == (
        "The two trainings differ because of the initial weights and the order of the samples."
    )
    assert page.tone == DIFFERENT
    assert [s.id for s in page.sections] == [
        "causes", "details", "divergence", "examples", "excluded", "notes", "fix", "sides",
        "numbers", "reproduce",
    ]  # fmt: skip
    assert dict(page.facts) == {
        "Compared": "fits 1 and 2 of dense.py",
        "First divergence": "Epoch 2, step 3, in the weight update, at dense/kernel "
        "(relative 1e-07, up to 12 ULP)",
        "Final result": "accuracy 0.91 vs. 0.93, 4 % of the predictions differ, relative distance "
        "of the weights 0.8",
    }
    assert sections(page)["divergence"].lead.endswith("The 12 steps before agree bit for bit.")
    assert {
        "Training loss",
        "Distance of the weights",
        "How far each source moves the predictions",
    } <= set(charts(page))


def test_every_chart_has_words_and_the_numbers_themselves():
    for kind in KINDS:
        for chart in of(Chart, whole(kind)):
            assert len(chart.alt) > 30, chart.title
            assert chart.table.rows, chart.title


def test_bars_say_of_how_many_samples_and_that_there_is_no_interval():
    chart = charts(whole("explanation"))["How far each source moves the predictions"]
    assert "n = 1000" in chart.caption and "there is no interval" in chart.caption
    assert chart.table.rows[0][:4] == ("initialization", "80 %", "97 %", "12 %")


def test_suspects_are_no_causes():
    only = answers.explanation(
        causes=(Cause("version", "", SUSPECTED, "other versions", ""),),
        remedy=Remedy("", False, ""),
    )
    page = page_of(only)
    assert page.tone == OPEN
    assert sections(page)["causes"].lead == "Nothing was confirmed; these are suspects."
    assert "How far each source moves the predictions" not in charts(page)


def test_the_unexplained_is_said_in_words():
    page = page_of(answers.explanation(unexplained=0.3))
    words = " ".join(b.text for b in of(Text, page))
    assert "30 % of the distance is unexplained" in words


def test_identical_trainings_need_no_causes_and_no_fix():
    same = answers.explanation(
        identical=True,
        causes=(),
        first_divergence=None,
        remedy=Remedy("", True, "Nothing."),
        evidence={**answers.evidence(), "trace": None, "disagreements": []},
    )
    page = page_of(same)
    assert page.tone == SAME
    assert not {"causes", "fix", "examples"} & set(sections(page))
    assert "all 40 steps agree" in sections(page)["divergence"].lead


def test_without_a_trace_the_losses_are_those_of_the_epochs():
    kept = {k: v for k, v in answers.evidence().items() if k != "trace"}
    page = page_of(answers.explanation(evidence=kept))
    assert "loss, epoch by epoch" in charts(page)
    assert any("not measured step by step" in b.text for b in of(Text, page))


def test_differences_are_marked_side_by_side():
    page = whole("explanation")
    tables = {t.columns: t for t in of(Table, page)}
    assert tables["Held by", "Seed in A", "Seed in B"].marked == frozenset({0})
    settings = [t for t in of(Table, page) if t.columns == ("Of", "Setting", "A", "B")]
    assert settings[0].rows == (("optimizer", "learning_rate", "0.001", "0.01"),)
    assert settings[0].marked == frozenset({0}) and not settings[1].marked


def test_images_are_shown_where_the_examples_are_some():
    (gallery,) = of(Gallery, whole("explanation"))
    assert [p.caption for p in gallery.pictures] == ["A says 1, B says 2", "A says 0, B says 2"]
    plain = {
        **answers.evidence(),
        "disagreements": [{"example": 1, "a": 0, "b": 1, "distance": 0.5}],
    }
    assert not of(Gallery, page_of(answers.explanation(evidence=plain)))


def test_the_commands_make_the_page_again():
    (code,) = (b for b in sections(page_of(answers.explanation(), "a.json"))["reproduce"].blocks
               if isinstance(b, Code))  # fmt: skip
    assert "keras==3.15.1" in code.text
    assert "KERAS_BACKEND=jax whydiff explain train.py --html report.html" in code.text
    assert "whydiff report a.json --html report.html" in code.text


def test_the_commands_keep_the_arguments_of_the_script_apart():
    command = with_page("whydiff explain train.py -- --epochs 3")
    assert command == "whydiff explain train.py --html report.html -- --epochs 3"


def test_an_explanation_without_any_evidence_still_has_a_page():
    page = page_of(answers.explanation(evidence={}, gap={}, notes=()))
    assert "causes" in sections(page)


def test_a_diff_says_what_differs_and_that_this_is_no_cause_yet():
    page = whole("diff")
    assert page.verdict == "The two fits differ in the initial weights."
    assert "`whydiff explain` confirms" in sections(page)["notes"].blocks[-1].text
    assert dict(page.facts)["Equal from the beginning"] == "12 of 40 steps"


def test_a_study_tells_spread_sources_and_unstable_examples_with_n_and_intervals():
    page = whole("study")
    assert page.verdict.startswith("accuracy varies from")
    chart = charts(page)["accuracy of every draw"]
    assert "n = 16" in chart.caption and "your run 0.92" in chart.alt
    bars = charts(page)["Variability by source"]
    assert bars.table.rows[0] == ("initialization", "98 % (90 to 105 %)", "20 % (5 to 40 %)")
    assert "n = 8 blocks" in bars.caption
    (gallery,) = of(Gallery, page)
    assert gallery.pictures[0].caption == "example 3: 53 %"
    assert "16 replicas" in sections(page)["replicas"].blocks[0].summary


def test_only_independent_draws_are_in_the_distribution():
    study = answers.study()
    single = {"kind": "draw", "redrawn": "initialization", "accuracy": 0.1, "failure": ""}
    failed = {"kind": "draw", "redrawn": "", "accuracy": 0.1, "failure": "out of memory"}
    more = replace(study, table=(*study.table, single, failed))
    assert charts(page_of(more))["accuracy of every draw"].caption.startswith("n = 16 ")


def test_a_study_that_holds_nothing_yet_has_a_page():
    nothing = answers.unknown()
    study = answers.study(own=None, flips=None, worth={}, table=(), gates=(), trained=0)
    outcome = replace(
        study.outcome,
        mean=nothing,
        sd=nothing,
        churn=None,
        histogram=type(study.outcome.histogram)(),
    )
    page = page_of(replace(study, outcome=outcome))
    assert page.tone == OPEN


def test_a_comparison_tells_the_effect_with_n_interval_and_what_it_does_to_predictions():
    page = whole("comparison")
    assert page.verdict == (
        "B is better than A: its accuracy is higher by 0.02 (0.016 to 0.024), beyond the margin of "
        "0.005, over 12 pairs with equal seeds."
    )
    assert page.tone == DIFFERENT
    told = sections(page)
    assert told["churn"].lead == "Switching changed predictions more than reseeding does."
    assert {"accuracy of every run", "Difference within a pair", "The effect"} <= set(charts(page))
    assert "12 pairs" in told["every-pair"].blocks[0].summary


def test_a_comparison_that_is_not_settled_says_how_many_pairs_would_settle_it():
    page = page_of(answers.comparison(verdict="inconclusive", more=9))
    assert page.tone == OPEN and page.verdict.startswith("Not settled after 12 pairs")
    assert dict(page.tiles)["To settle it"] == "about 9 more pairs"


def test_a_comparison_without_a_pair_has_a_page():
    nothing = answers.unknown()
    page = page_of(
        answers.comparison(
            pairs=0, verdict="inconclusive", effect=nothing, probability=nothing, churn=None
        )
    )
    assert page.verdict.startswith("Not settled after 0 pairs")
    assert page.tone == OPEN


@pytest.mark.parametrize("kind", KINDS)
def test_sections_have_ids_of_their_own(kind):
    ids = [s.id for s in whole(kind).sections]
    assert len(ids) == len(set(ids))


def test_a_and_b_are_marked_among_the_draws_of_a_study():
    sides = {"a": {"logs": {"accuracy": 0.88}}, "b": {"logs": {"accuracy": 0.91}}}
    page = page_of(answers.explanation(**sides), among=answers.study())
    told = sections(page)["among"]
    assert "A and B are 0.03 apart" in told.lead and "n = 16 draws" in told.lead
    (chart,) = told.blocks
    assert "marked: A 0.88, B 0.91" in chart.alt
    other = page_of(answers.explanation(), among=answers.study())
    assert "nothing to mark" in sections(other)["among"].lead


def test_a_recording_tells_every_fit_with_what_it_logged_and_who_chose_the_seeds():
    page = page_of(answers.execution(), "a.whydiff")
    assert page.verdict == "dense.py called fit 2 times, 6 steps each, and all of it was recorded."
    assert [s.id for s in page.sections] == [
        "fit-1", "fit-2", "seeds", "environment", "reproduce",
    ]  # fmt: skip
    (epochs,) = [b for b in sections(page)["fit-1"].blocks if isinstance(b, Brief)]
    first = [b for b in epochs.full if isinstance(b, Chart)]
    assert [c.title for c in first] == ["loss, epoch by epoch", "accuracy, epoch by epoch"]
    assert first[0].table.columns == ("Epoch", "loss", "val_loss")
    assert sections(page)["seeds"].lead == "1 of 1 seed was drawn; the script wrote the others."
    commands = sections(page)["reproduce"].blocks[0].text
    assert "whydiff record dense.py -o a.whydiff" in commands
    assert "whydiff diff a.whydiff:1 a.whydiff:2" in commands


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"exit_code": None}, "cut short"),
        ({"exit_code": 3}, "exit code 3"),
        ({"trouble": "disk full"}, "incomplete: disk full"),
        ({"fits": ()}, "was not seen to train"),
    ],
)
def test_a_recording_that_is_not_whole_says_so(change, told):
    page = page_of(answers.execution(**change))
    assert told in page.verdict and page.tone == OPEN


def test_what_offsets_each_other_is_no_reason_for_a_difference():
    offset = tuple(
        Cause(s, s, CONFIRMED, s, "", intended=True, offsets=(other,))
        for s, other in (("optimizer", "batch-size"), ("batch-size", "optimizer"))
    )
    page = page_of(answers.explanation(causes=offset))
    assert "differ in the optimizer and the batch size, which offset each other" in page.verdict
    assert "because" not in page.verdict
    partly = tuple(replace(c, share=0.5, alone=1.7, remaining=0.7) for c in offset)
    assert "partly offset each other" in page_of(answers.explanation(causes=partly)).verdict


def test_a_fix_is_named_as_the_proof_where_the_training_was_not_reproduced():
    causes = (Cause("data-content", "drawn anew", CONFIRMED, "drawn anew", ""),)
    remedy = Remedy("--- a", True, "Seeded.", ("data-content",))
    page = page_of(
        answers.explanation(causes=causes, remedy=remedy, reproduced=False, unexplained=0.4)
    )
    assert "a fix with which two runs agree" in sections(page)["causes"].lead
    assert "unexplained" not in " ".join(b.text for b in of(Text, page))
