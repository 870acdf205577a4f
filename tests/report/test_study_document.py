"""What a person reads about a study: the verdict first, every number with its doubt."""

import dataclasses

import pytest

from whydiff.experiments.study.answer import answer
from whydiff.report.document import Table, Text
from whydiff.report.documents.study import document
from whydiff.report.documents.study_verdict import verdict
from whydiff.report.estimates import ordinal
from whydiff.report.terminal import WIDTH, plain_text, screen_blocks
from whydiff.testing.studies import made

TWO = {"initialization": 1.0, "noise": 0.2}


def study_blocks(study, verbose=False):
    return list(screen_blocks(document(study), verbose))


def text_of(study, verbose=False):
    return " ".join(plain_text(study_blocks(study, verbose)).split())


def test_verdict_comes_first_and_everything_fits_on_a_screen():
    study = answer(made(TWO, blocks=40))
    blocks = study_blocks(study)
    assert blocks[0] == Text(verdict(study), "verdict")
    assert "accuracy varies from" in verdict(study) and "over 80 runs" in verdict(study)
    assert "redrawing the initial weights alone accounts for nearly all" in verdict(study)
    lines = plain_text(blocks).splitlines()
    assert len(lines) <= 50 and max(map(len, lines)) <= WIDTH


def test_what_is_told():
    text = text_of(answer(made(TWO)))
    for part in (
        "mean 0.8", "n = 40", "two runs disagree on", "of 200 examples of validation data",
        "examples change class at least once", "Your run", "40 draws", "<- your run",
        "would make the error rate",
        "Redrawn alone", "everything", "95 % intervals, 20 blocks",
        "Checked: the script's own training is reproduced",
    ):  # fmt: skip
        assert part in text, part


def test_bars_stand_for_the_total_effect():
    (table,) = [b for b in study_blocks(answer(made(TWO))) if isinstance(b, Table)]
    bars = {row[0]: row[1] for row in table.rows}
    assert bars["everything"] == "=" * 20 + "|"
    assert 15 <= sum(bars["initialization"].count(c) for c in "#=") <= 20
    assert sum(bars["noise"].count(c) for c in "#=") <= 5


def test_no_source_is_singled_out_where_each_gives_nearly_all():
    study = answer(made(TWO, blocks=30))
    alike = tuple(
        dataclasses.replace(w, total=study.worth["predictions"][0].total)
        for w in study.worth["predictions"]
    )
    chaotic = dataclasses.replace(study, worth={"predictions": alike})
    assert "redrawing any one source alone accounts for nearly all" in verdict(chaotic)
    assert "seeding one of them and leaving the others free gains next to nothing" in text_of(
        chaotic
    )
    by_metric = dataclasses.replace(study, worth={"metric": alike})
    assert "any one source alone gives nearly all of that" in verdict(by_metric)
    assert "alone moves accuracy about as far" in text_of(by_metric)


def test_nobody_is_told_to_seed_what_one_ulp_moves_as_far():
    study = answer(made({"initialization": 1.0, "arithmetic": 1.0}, blocks=30))
    strong = [
        dataclasses.replace(w, total=dataclasses.replace(w.total, value=0.9))
        for w in study.worth["predictions"]
    ]
    chaotic = dataclasses.replace(study, worth={"predictions": tuple(strong)})
    assert "One unit in the last place of one weight moves the predictions" in text_of(chaotic)
    assert "Seed all of them" not in text_of(chaotic)


def test_dead_seed_and_trouble_are_told():
    def fate(member):
        return {3: "nan", 7: "failed"}.get(member.block, "fine")

    text = text_of(answer(made({**TWO, "data-order": 1.0}, dead=("data-order",), fate=fate)))
    assert "Dead seed: redrawing the order of the samples changed not a single bit" in text
    assert "trainings diverged" in text
    assert "8 replicas could not be trained: out of memory" in text
    assert "dead" in text


def test_arithmetic_that_varies_is_a_warning():
    text = text_of(answer(made(TWO, arithmetic=1e-3)))
    assert "Check failed: training the same replica again gives the same result" in text


@pytest.mark.parametrize(
    ("blocks", "said"),
    [(0, "No replica was trained"), (1, "over 2 runs"), (2, "over 4 runs")],
)
def test_hardly_any_block(blocks, said):
    text = text_of(answer(made(TWO, blocks=blocks)), verbose=True)
    assert said in text and "nan" not in text.lower().replace("nanmean", "")


def test_verdict_blames_nobody_after_few_blocks():
    assert "alone" in verdict(answer(made(TWO, blocks=5)))
    assert "alone" not in verdict(answer(made(TWO, blocks=4)))


def test_one_run_tells_nothing_about_spread():
    study = answer(made(TWO, blocks=1, fate=lambda m: "fine" if m.number < 2 else "failed"))
    assert "one run tells nothing about spread" in verdict(study)
    text_of(study)


def test_every_training_diverged():
    study = answer(made(TWO, fate=lambda m: "nan"), "loss")
    assert "No training ended with a finite loss" in verdict(study)
    assert "80 of 81" in text_of(study) or "81 of 81" in text_of(study)


def test_nothing_varies():
    study = answer(made({"initialization": 0.0}))
    assert "is 0.8 in all of 40 runs: other seeds change nothing" in verdict(study)


def test_factors_have_a_table_of_their_own():
    study = answer(made(TWO, factors={"optimizer": ("adam", "sgd")}, shift={"sgd": 0.5}))
    text = text_of(study)
    assert "optimizer sgd" in text and "+0.05" in text and "20 pairs" in text
    assert "Redrawn alone" not in text


def test_names_from_scripts_cannot_steer_a_terminal():
    study = answer(made(TWO, chosen="fit 1 of \x1b[31mevil.py", notes=["\x1b]0;title\x07"]))
    assert "\x1b" not in plain_text(study_blocks(study)) + plain_text(study_blocks(study, True))


def test_verbose_shows_all_intervals():
    text = text_of(answer(made(TWO)), verbose=True)
    for part in ("Saved by fixing it", "By accuracy", "By weights", "Examples that flip"):
        assert part in text


def test_ordinals():
    assert [ordinal(n) for n in (0, 1, 2, 3, 11, 12, 62, 100, 101)] == [
        "0th", "1st", "2nd", "3rd", "11th", "12th", "62nd", "100th", "101st",
    ]  # fmt: skip
