"""From points and what was found at them to the answer: plain data."""

import math
from dataclasses import MISSING, fields

import pytest

from whydiff.core.comparison import Comparison, Pair
from whydiff.core.errors import WhydiffError
from whydiff.core.estimate import Estimate
from whydiff.core.findings import Explanation, Remedy
from whydiff.core.question import SideOptions
from whydiff.core.searches import DATES, REVISIONS, VERSIONS, Point, Tried
from whydiff.experiments.bisect import points
from whydiff.experiments.bisect.points import Series
from whydiff.experiments.bisect.search import (
    DIFFERS,
    SAME,
    SKIPPED,
    ByMetric,
    Threshold,
    answer,
    explained,
    halve,
    judged,
)
from whydiff.report.documents.bisection import document, verdict
from whydiff.storage.answers import keep, kept, search_id


def series(count=16):
    names = tuple(Point(f"c{n}", f"Change {n}") for n in range(count))
    return Series(REVISIONS, names, tuple(SideOptions(rev=p.name) for p in names))


def asking(first, skipped=(), back=None):
    def ask(number):
        if number in skipped:
            return Tried(number, SKIPPED, "it failed")
        state = DIFFERS if number >= first and number != back else SAME
        loss = 0.5 if state == SAME else 0.25
        return Tried(number, state, "", "loss", loss, ({"loss": loss},), state)

    return ask


def no_merge(number):
    return ""


def searched(first, skipped=(), count=16):
    asked = []
    tried = halve(series(count), asking(first, skipped), {}, asked.append)
    good = Tried(0, SAME, "the good one", "loss", 0.5, ({"loss": 0.5},), SAME)
    return answer("train.py", series(count), {0: good, **tried}, no_merge), len(asked)


@pytest.mark.parametrize("first", range(1, 16))
def test_sixteen_points_take_four_questions(first):
    found, asked = searched(first)
    assert (found.verdict, found.before, found.first) == ("found", first - 1, first)
    assert asked == 4
    assert verdict(found) == f"The result of train.py changed with c{first} (Change {first})."
    untried = "c15 (Change 15) itself was not run: it was called bad." in found.notes
    assert untried == (first < 15)


def test_what_was_found_before_is_not_asked_again():
    again = []
    known = {8: Tried(8, DIFFERS, ""), 4: Tried(4, SAME, "")}
    halve(series(), asking(7), known, again.append)
    assert [one.number for one in again] == [6, 7]


def test_good_and_bad_that_end_alike_are_called_so():
    found, _ = searched(99)
    assert found.verdict == "unchanged"
    assert verdict(found) == "The result of train.py is the same at c0 (Change 0) and at c15 (" \
                             "Change 15)."  # fmt: skip


def test_points_that_could_not_be_compared_are_named():
    found, _ = searched(9, skipped={8, 9})
    assert (found.verdict, found.before, found.first, found.between) == ("found", 7, 10, (8, 9))
    assert found.notes[0] == (
        "The change may also have come with c8 (Change 8) and c9 (Change 9), which could not be "
        "compared."
    )
    assert "changed between c7 (Change 7) and c10 (Change 10)" in verdict(found)


def test_nothing_is_claimed_where_the_bad_point_cannot_be_run():
    found, _ = searched(15, skipped={15})
    assert found.verdict == "open"
    assert "It could not be told" in verdict(found)


def test_a_result_that_changes_back_or_again_is_told():
    tried = {n: Tried(n, SAME, "") for n in (4, 6, 7, 12)}
    tried |= {n: Tried(n, DIFFERS, "", final=f"digest {n}") for n in (8, 10)}
    found = answer("train.py", series(), tried, no_merge)
    assert found.first == 8
    assert "The result changed back later: c12 (Change 12) end as the good one does." in found.notes
    assert any(note.startswith("Later points differ from this one") for note in found.notes)


def comparison(verdict, *, identical=False, low=-0.4, value=-0.3, high=-0.2):
    pairs = tuple(Pair(n, {}, 0.5, 0.5, identical) for n in range(6))
    effect = Estimate(value, low, high, len(pairs))
    rest = {f.name: None for f in fields(Comparison) if f.default is MISSING}
    return Comparison(**{**rest, "metric": "loss", "verdict": verdict, "effect": effect,
                         "pairs": pairs, "notes": ()})  # fmt: skip


@pytest.mark.parametrize(
    ("found", "state", "why"),
    [
        (comparison("better"), DIFFERS, "loss moves by -0.3 (-0.4 to -0.2) in 6 pairs"),
        (comparison("equivalent", value=0.0), SAME, "loss moves by +0 (-0.4 to -0.2) in 6 pairs"),
        (comparison("inconclusive"), SKIPPED, "not clear: loss moves by -0.3 (-0.4 to -0.2)"),
        (comparison("inconclusive", identical=True), SAME, "equal weights in 6 pairs"),
    ],
)
def test_a_comparison_says_whether_a_metric_moved_too_far(found, state, why):
    said = judged(3, found, Tried(3, DIFFERS, "far", "loss", 0.2))
    assert (said.state, said.value) == (state, 0.2)
    assert said.why.startswith(why)


@pytest.mark.parametrize(
    ("once", "asked"),
    [
        (Tried(3, SAME, "equal, bit for bit", "loss", 0.5), False),
        (Tried(3, SKIPPED, "it failed"), False),
        (Tried(3, DIFFERS, "far apart", "loss", 0.2), True),
        (Tried(3, SKIPPED, "rounding cannot be told", "loss", 0.2), True),
    ],
)
def test_only_what_ends_otherwise_in_one_run_is_trained_again(once, asked):
    compared = []

    def compare(number, threshold):
        compared.append((number, threshold.beyond))
        return comparison("worse")

    said = ByMetric(lambda number: once, Threshold("loss", 0.1, 30), compare)(3)
    assert compared == ([(3, 0.1)] if asked else [])
    assert said.state == (DIFFERS if asked else once.state)


def explanation(a, b):
    side = {"script": "train.py", "fit": 1}
    return Explanation(
        "", "scripts", {**side, "logs": {"loss": a}}, {**side, "logs": {"loss": b}}, "", False,
        None, (), (), (), 0.0, {}, Remedy("", False, ""),
    )  # fmt: skip


def test_a_script_that_does_not_repeat_itself_gets_no_answer():
    found, _ = searched(7)
    kept_answer = explained(found, explanation(0.5, 0.25), as_it_is=True)
    assert kept_answer.explanation is not None
    other = explained(found, explanation(0.5, 0.3), as_it_is=True)
    assert (other.verdict, other.first, other.explanation) == ("unrepeatable", None, None)
    assert "at c7 (Change 7) loss was 0.25 and 0.3 in two runs" in other.notes[0]
    assert explained(found, explanation(0.5, 0.3), as_it_is=False).explanation is not None


def test_the_table_holds_every_point_that_was_run():
    found, _ = searched(7, skipped={8})
    rows = next(s for s in document(found).sections if s.id == "points").blocks[0].rows
    assert rows[0][0] == "c0 (Change 0)"
    assert ("c8 (Change 8)", "skipped", "-", "it failed") in rows
    assert document(found).facts[0][1].startswith("16 commits")


@pytest.mark.parametrize(
    ("good", "bad", "over", "kind"),
    [
        ("v1", "HEAD", "", REVISIONS),
        ("keras==3.8", "keras==3.15", "", VERSIONS),
        ("2025-01-01", "2025-06-01", "asof", DATES),
    ],
)
def test_what_is_searched_is_seen_from_how_it_is_named(good, bad, over, kind):
    assert points.kind_of(good, bad, over) == kind


@pytest.mark.parametrize(
    ("good", "bad", "over", "said"),
    [
        ("keras==3.8", "HEAD", "", "not of one kind"),
        ("v1", "v2", "keras", "--over keras is nothing to go over"),
    ],
)
def test_what_cannot_be_searched_is_refused(good, bad, over, said):
    with pytest.raises(WhydiffError, match=said):
        points.kind_of(good, bad, over)


def test_releases_are_points_with_their_requirement():
    def released(name, first, last):
        assert (name, first, last) == ("keras", "3.8", "3.10")
        return ["3.8", "3.9.0", "3.10"]

    like = SideOptions(packages=("jax==0.4.38",))
    made = points.versions("keras==3.8", "keras==3.10", like, released)
    assert [p.name for p in made.points] == ["keras==3.8", "keras==3.9.0", "keras==3.10"]
    assert made.sides[1].packages == ("jax==0.4.38", "keras==3.9.0")
    with pytest.raises(WhydiffError, match="are two packages"):
        points.versions("keras==3.8", "jax==0.5", like, released)


def test_days_are_points():
    made = points.days("2025-02-27", "2025-03-01", SideOptions())
    assert [s.as_of for s in made.sides] == ["2025-02-27", "2025-02-28", "2025-03-01"]
    for good, bad, said in (
        ("2025-03-01", "2025-03-01", "does not come after"),
        ("1. March", "2025-03-01", "'1. March' is no date"),
    ):
        with pytest.raises(WhydiffError, match=said):
            points.days(good, bad, SideOptions())


def test_what_was_found_is_kept_for_the_same_question(tmp_path):
    file, question = tmp_path / "b.json", {"target": "train.py", "sides": ["a", "b"]}
    tried = Tried(8, DIFFERS, "far", "loss", 0.25, ({"loss": 0.25, "auc": math.nan},), "digest")
    keep(file, question, "tried", (Tried(0, SAME, "the good one"), tried))
    assert kept(file, {**question, "target": "other.py"}, "tried", Tried) == ()
    good, other = kept(file, question, "tried", Tried)
    assert (good.why, other.logs[0]["loss"], other.final) == ("the good one", 0.25, "digest")
    assert math.isnan(other.logs[0]["auc"])
    assert kept(tmp_path / "none.json", question, "tried", Tried) == ()


@pytest.mark.parametrize("text", ["", "[1]", '{"schema": 1}', '{"schema": 1, "search": "x"}'])
def test_other_answers_are_no_search(tmp_path, text):
    file = tmp_path / "b.json"
    file.write_text(text)
    if text:
        assert kept(file, {}, "tried", Tried) == ()
    else:
        with pytest.raises(WhydiffError, match="holds no search that can be read"):
            kept(file, {}, "tried", Tried)


def test_a_damaged_search_is_refused(tmp_path):
    file = tmp_path / "b.json"
    file.write_text(f'{{"schema": 1, "search": "{search_id({})}", "tried": [{{"number": "x"}}]}}')
    with pytest.raises(WhydiffError, match="holds no search that can be read"):
        kept(file, {}, "tried", Tried)
