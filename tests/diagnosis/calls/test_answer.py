"""The answer about two calls: what it lists, in which order, and what it claims of what agreed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import Origin, Output
from whydiff.core.digests import row_digests
from whydiff.core.files import FILE, Used
from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Divergence
from whydiff.core.recording import MEASURED_WITHIN, TRACED
from whydiff.core.stack import Frame
from whydiff.diagnosis.calls.answer import (
    MOST_OTHERS,
    MOST_SHOWN,
    Scene,
    agreement,
    all_agree,
    answer_calls,
    others_listed,
    positions,
    strip,
    two_agree,
    watched,
    with_file_state,
    with_others,
    with_unwatched_loop,
)
from whydiff.diagnosis.calls.pairs.choosing import chosen
from whydiff.diagnosis.calls.pairs.disagreement import ROWS_CORRESPOND, RUN, Disagreement
from whydiff.diagnosis.calls.results import Distance
from whydiff.diagnosis.calls.trials import run_trials
from whydiff.diagnosis.calls.verdict import Verdict
from whydiff.report.documents.calls import call_causes, call_verdict
from whydiff.report.documents.explanation import document, places_of_causes
from whydiff.report.terminal import plain_text, screen_blocks
from whydiff.testing.answers import explanation
from whydiff.testing.calls import DENSE, KERNEL, Linear, X, call, execution
from whydiff.testing.sides import weights

OUT = (X @ KERNEL).astype("float32")
POINT = Divergence(0, 0, "output", "")


def cause(source, share=None, status=CONFIRMED, **more):
    return Cause(source, "", status, "", f"Advice on {source}.", share=share, **more)


def pair(a=None, b=None, relative=0.5, check="", rounding=False, metric="outputs"):
    one, other = a or call(1), b or call(2, "call", outputs=OUT * 2)
    return Disagreement(one, other, Distance(relative, rounding, metric), RUN, check)


def answer(found=None, verdict=None, trials=None, **more):
    found = found or pair()
    made = execution(*(c for c in (found.a, found.b)))
    return answer_calls(found, verdict or Verdict(), POINT, Scene(made, "train.py", **more), trials)


def test_what_a_model_is_given_to_measure_is_no_training_data():
    found = answer(verdict=Verdict(causes=(cause("data-content", 1.0),)))
    page = " ".join(plain_text(screen_blocks(document(found), verbose=True)).split())
    assert "The input data (data-content, confirmed)" in page
    (place,) = places_of_causes(found.causes, found.a, found.b)
    assert place.title == "The input data (data-content, confirmed)"


# --- the question, the sides, the gap -------------------------------------------------------------


def test_two_calls_are_named_by_their_lines_and_numbers():
    found = answer()
    assert found.question == (
        "Why do predict at line 1 and the model called at line 2 of train.py differ?"
    )
    assert "(calls 1 and 2)" in found.chosen and "--runs compares two runs" in found.chosen
    assert (found.a["line"], found.b["line"], found.a["script"]) == (1, 2, "train.py")
    assert not found.identical


def test_rows_that_differ_are_evidence_where_two_calls_gave_some(trained_fit):
    assert [row["row"] for row in answer().evidence["rows"]]
    assert "rows" not in answer(pair(call(1), call(2, "call"))).evidence
    for sides in ((trained_fit(1), call(2)), (call(1), trained_fit(2))):
        assert (
            "rows"
            not in answer_calls(
                pair(*sides), Verdict(), POINT, Scene(execution(call(1)), "train.py")
            ).evidence
        )


def test_two_runs_are_asked_about_by_one_line():
    found = answer(between="runs")
    assert found.question == "Why does predict at line 1 of train.py differ between two runs?"
    assert "--calls I,J compares two calls of one" in found.chosen
    assert found.between == "runs"


def test_calls_from_one_line_of_a_function_are_named_by_the_lines_that_called_it():
    def through(number, line):
        stack = (Frame("train.py", line, "<module>", ""), Frame("train.py", 3, "measure", ""))
        return replace(call(number), stack=stack)

    found = answer(pair(through(1, 8), through(2, 9)))
    assert "predict at line 8 and predict at line 9" in found.question


def test_the_gap_holds_what_the_hybrids_measured_and_nothing_else_without_them():
    runner = Linear(OUT, {"mode": np.float32(1)})
    a, b = call(1), call(2, "call", outputs=runner.again("b").outputs[0])
    trials = run_trials(runner, ["mode"], (a, b), "outputs")
    gap = answer(pair(a, b), trials=trials).gap
    assert gap["distance"] == pytest.approx(1.0) and "predictions_differ" not in gap
    assert gap["relative"] == pytest.approx(trials.apart(trials.a, trials.b)[0])
    of_metric = answer(pair(a, b, metric="accuracy"), trials=trials).gap
    assert of_metric["relative"] == 0.5
    assert set(answer(pair(a, b)).gap) == {"metric", "a", "b", "relative"}
    trials.failure = "the control failed"
    assert set(answer(pair(a, b), trials=trials).gap) == {"metric", "a", "b", "relative"}


@pytest.mark.parametrize(
    ("row", "change", "share"),
    [
        ([0.4], 0.2, 1.0),
        ([0.4], 0.02, 0.0),
        (0.4, 0.2, 1.0),  # of one number per sample
        ([0.7, 0.3], [-0.6, 0.6], 1.0),
        ([7.0, 0.3], 0.1, None),
    ],
)
def test_classes_are_counted_of_probabilities_only(row, change, share):
    outputs = np.tile(np.float32(row), (16, 1)) if row != 0.4 else np.full(16, row, "float32")
    runner = Linear(outputs, {"mode": np.float32(change)})
    a, b = (call(n, outputs=runner.again(side).outputs[0]) for n, side in ((1, "a"), (2, "b")))
    trials = run_trials(runner, ["mode"], (a, b), "outputs")
    assert answer(pair(a, b), trials=trials).gap.get("predictions_differ") == share
    # all between 0 and 1 by chance
    linear = {**DENSE, "layer:dense:activation": "linear"}
    a = replace(a, recipe=replace(a.recipe, architecture=linear))
    assert "predictions_differ" not in answer(pair(a, b), trials=trials).gap


def test_classes_of_a_sequence_of_single_probabilities_are_counted():
    outputs = np.full((16, 3, 1), 0.4, "float32")
    runner = Linear(outputs, {"mode": np.float32(0.2)})
    a, b = (call(n, outputs=runner.again(side).outputs[0]) for n, side in ((1, "a"), (2, "b")))
    trials = run_trials(runner, ["mode"], (a, b), "outputs")
    assert answer(pair(a, b), trials=trials).gap.get("predictions_differ") == 1.0


def test_hybrids_are_listed_with_their_part_of_the_gap():
    runner = Linear(OUT, {"mode": np.float32(1), "noise": np.float32(3)})
    a, b = call(1), call(2, "call", outputs=runner.again("b").outputs[0])
    trials = run_trials(runner, ["mode", "noise"], (a, b), "outputs")
    listed = {
        tuple(row["from B"]): row["distance"] for row in answer(trials=trials).evidence["hybrids"]
    }
    assert listed == pytest.approx({(): 0, ("mode",): 0.25, ("noise",): 0.75, ("mode", "noise"): 1})
    assert "hybrids" not in answer().evidence
    trials.failure = "the control failed"
    assert {row["distance"] for row in answer(trials=trials).evidence["hybrids"]} == {0.0}
    trials.hybrids = {}
    assert "hybrids" not in answer(trials=trials).evidence


def test_only_where_hybrids_ran_is_a_cause_said_to_be_confirmed_by_them():
    runner = Linear(OUT, {"mode": np.float32(1)})
    a, b = call(1), call(2, "call", outputs=runner.again("b").outputs[0])
    verdict = Verdict((cause("mode", share=1.0),))
    by_hybrids = run_trials(runner, ["mode"], (a, b), "outputs")
    for trials, how in ((by_hybrids, "with one field swapped"), (None, "one part of the gap")):
        (section,) = call_causes(answer(verdict=verdict, trials=trials))
        assert how in section.lead and section.lead.startswith("Confirmed by")


@pytest.mark.parametrize(
    ("mechanism", "words"),
    [("other-labels", "the labels"), ("input-changed", "the input data"), ("", "the input data")],
)
def test_the_first_sentence_names_what_a_mechanism_is_about(mechanism, words):
    verdict = Verdict((cause("data-content", share=1.0, mechanism=mechanism),))
    assert call_verdict(answer(verdict=verdict)).endswith(f" differ because of {words}.")


# --- advice ---------------------------------------------------------------------------------------


def advice(*causes):
    return answer(verdict=Verdict(tuple(causes))).remedy.how


def test_advice_is_on_confirmed_causes_of_some_size_and_on_two_at_most():
    assert advice(cause("mode", 0.9), cause("noise", 0.09)) == "Advice on mode."
    assert advice(cause("mode", 0.9), cause("noise", -0.1)) == "Advice on mode. Advice on noise."
    assert advice(cause("mode"), cause("noise", status=SUSPECTED)) == "Advice on mode."
    three = advice(cause("mode", 0.5), cause("noise", 0.3), cause("weights", 0.2))
    assert three == "Advice on mode. Advice on noise."


def test_where_nothing_is_confirmed_the_advice_is_on_suspects():
    assert advice(cause("noise", status=SUSPECTED)) == "Advice on noise."
    assert advice() == ""


def test_an_intentional_difference_is_called_that_once_and_only_where_confirmed():
    meant = [cause(source, 0.5, intended=True) for source in ("mode", "noise")]
    assert advice(*meant).endswith("The difference of mode is intentional: the script asks for it.")
    assert "intentional" not in advice(cause("mode", status=SUSPECTED, intended=True))


# --- the calls of the script ----------------------------------------------------------------------


def test_of_many_calls_from_one_line_the_first_and_the_pair_are_shown():
    calls = [call(n, line=5) for n in range(1, 6)]
    shown = strip(execution(*calls), {calls[3].number: "A", calls[2].number: "B"})
    assert [(c["number"], c["side"]) for c in shown] == [(1, ""), (3, "B"), (4, "A")]
    both = strip(execution(*calls), {calls[0].number: "A"})
    assert [c["side"] for c in both] == ["A"]


def test_a_compiled_function_of_the_scripts_own_is_said_not_to_be_watched(trained_fit):
    seen = replace(execution(call(2)), environment={TRACED: "11"})
    assert "stateless_call (line 11)" in agreement(seen)
    loop = replace(trained_fit(1), notes={"data": "loop"})  # whose step it may be
    assert "stateless_call" not in agreement(replace(seen, fits=(loop,)))
    assert "stateless_call" not in agreement(execution(call(2)))


def test_a_long_script_is_shown_by_its_first_calls():
    calls = [call(n) for n in range(1, 60)]
    shown = strip(execution(*calls), {calls[0].number: "A", calls[1].number: "B"})
    assert len(shown) == MOST_SHOWN == 40


def test_a_mean_is_shown_of_numbers_only():
    words = np.array([["a"], ["b"]])
    text = replace(call(2), outputs=(Output("", "object", (2, 1), row_digests([OUT[:2]]), words),))
    large = replace(call(3), outputs=(Output("", "float32", OUT.shape, row_digests([OUT]), None),))
    shown = strip(execution(call(1), text, large, call(4, "evaluate")), {1: "A", text.number: "B"})
    assert [c["mean"] is None for c in shown] == [False, True, True, True]
    assert [c["shape"] for c in shown] == [[16, 1], [2, 1], [16, 1], None]


def test_positions_in_a_list_of_two_are_known():
    two = replace(call(1, "evaluate"), notes={"listed": ["loss", "accuracy"]})
    three = replace(call(2, "evaluate"), notes={"listed": ["loss", "a", "b"]})
    assert positions(two) == []
    assert positions(three, three) == ["Evaluate at line 2 returns a list: [0] loss, [1] a, [2] b."]


# --- other disagreements --------------------------------------------------------------------------


def test_other_disagreements_are_listed_once_for_each_pair_of_lines():
    shown = pair()
    again = pair(call(3, line=1), call(4, "call", line=2))
    other = pair(call(5), call(6))
    assert [
        o["command"] for o in others_listed("train.py", [shown, again, other, other], shown)
    ] == ["whydiff explain train.py --calls 5,6"]
    assert len(others_listed("train.py", [shown, again])) == 1


def test_what_has_to_be_checked_and_what_is_rounding_is_not_listed():
    found = [pair(call(1), call(2), check=ROWS_CORRESPOND), pair(call(3), call(4), rounding=True)]
    assert others_listed("train.py", found) == ()
    many = [pair(call(n), call(n + 1)) for n in range(1, 20)]
    assert len(others_listed("train.py", many)) == MOST_OTHERS


def test_a_script_whose_name_needs_quotes_can_be_copied():
    (other,) = others_listed("my train.py", [pair()])
    assert other["command"] == "whydiff explain 'my train.py' --calls 1,2"
    assert (other["a"]["call"], other["b"]["call"], other["relative"]) == ("predict", "call", 0.5)


def test_what_disagrees_beside_the_explained_pair_is_added():
    made = execution(call(1), call(2, "call", outputs=OUT * 2))
    (other,) = with_others(answer(), made).others
    assert (other["a"]["number"], other["b"]["number"]) == (1, 2)


def test_what_two_models_answer_that_were_trained_apart_is_no_other_disagreement(trained_fit):
    """Why their trainings differ is what was explained."""
    fits = [replace(trained_fit(n), models=(n,)) for n in (1, 2)]
    calls = call(3, model=1), call(4, model=2, outputs=OUT * 2)
    fits[1] = replace(fits[1], final=weights(5))
    assert with_others(answer(), execution(*calls, fits=fits)).others == ()
    alike = [fits[0], replace(fits[1], final=fits[0].final)]
    assert len(with_others(answer(), execution(*calls, fits=alike)).others) == 1


# --- where nothing disagrees ----------------------------------------------------------------------


def agreeing(*calls, runs=1, **more):
    return all_agree(execution(*calls, **more), "train.py", runs)


@pytest.mark.parametrize(
    ("calls", "runs", "text"),
    [
        ([call(1)], 2, "1 prediction agrees bit for bit in 2 runs"),
        ([call(1), call(2)], 2, "2 predictions agree bit for bit in 2 runs; "
         "1 pair of calls on the same samples agrees in one run"),
        ([call(1)], 1, "1 prediction, and nothing in this run to compare it with"),
        ([call(1), call(2), call(3)], 1, "no two of 3 predictions that ought to agree differ; "
         "3 pairs of calls on the same samples agree in one run"),
        ([call(1), call(2, x=X + 1)], 1, "no two of 2 predictions that ought to agree differ; "
         "within one run no two of these calls gave results that could be compared"),
        ([], 1, "nothing, and nothing in this run to compare it with"),
    ],
)  # fmt: skip
def test_what_is_claimed_where_nothing_disagrees(calls, runs, text):
    found = agreeing(*calls, runs=runs)
    assert found.identical and found.chosen == text
    assert found.remedy.how == f"{text}. What was not watched is not known."
    assert found.between == ("runs" if runs > 1 else "calls")


def test_what_differs_as_it_should_is_said_for_a_few(trained_fit):
    calls = [call(n) for n in range(1, 4)] + [call(n, kernel=KERNEL * 2) for n in range(11, 14)]
    found = agreeing(*calls, fits=[trained_fit(9)])
    assert found.chosen.count("since the model was trained in between") == MOST_OTHERS
    explained = watched(answer(), execution(*calls, fits=[trained_fit(9)]))
    assert explained.remedy.how.startswith("The compared trainings agree bit for bit; watched: ")
    assert explained.remedy.how.count("trained in between") == MOST_OTHERS


def test_what_a_callback_measured_within_a_fit_is_said_not_to_be_watched(trained_fit):
    fit = trained_fit(1)
    fit = replace(fit, notes={**fit.notes, MEASURED_WITHIN: {"evaluate (line 9)": 4}})
    told = "; not watched: evaluate (line 9), called 4 times within fit 1."
    explained = watched(answer(), execution(fits=[fit]))
    assert explained.notes[-1] == f"The compared trainings agree bit for bit; watched: 1 fit{told}"
    assert agreement(execution(fits=[fit])) == f"Watched in this script: 1 fit{told}"


def test_two_built_models_that_agree_are_equal_in_their_weights():
    one, other = call(1, "built"), call(2, "built", model=2)
    found = two_agree(execution(one, other), "train.py", chosen(one, other))
    assert found.chosen == (
        "the model built at line 1 and the model built at line 2 give the same weights, and are "
        "equal bit for bit"
    )
    assert found.gap == {"metric": "weights", "a": None, "b": None}


def test_a_loop_that_was_not_watched_is_said_once():
    changed = call(1, origin=Origin("changed by a loop of the script", "unwatched"))
    found = with_unwatched_loop(answer(), execution(changed))
    assert "changed by a loop of the script" in found.notes[-1]
    assert with_unwatched_loop(replace(found, notes=("It was not watched.",)),
                               execution(changed)).notes == ("It was not watched.",)  # fmt: skip
    assert with_unwatched_loop(answer(), execution(call(1))).notes == answer().notes


def test_weights_that_the_earlier_run_left_in_a_file_are_state():
    trained, opened = KERNEL * 2, {FILE + "/home/me/ck.pt": Used(written=True).text()}
    moved = Origin("changed by a loop", "unwatched")
    a = replace(
        execution(call(1), call(2, kernel=trained, origin=moved)), script="/home/me/train.py",
        environment=opened,
    )  # fmt: skip
    read = {FILE + "/home/me/ck.pt": Used("ab").text()}
    b = replace(
        execution(call(1, kernel=trained)), script="/home/me/train.py", environment=read,
        started="2027-01-01T00:00:00",
    )  # fmt: skip
    weights = Cause("weights", "other weights", CONFIRMED, "swapped", "Watch the loop.", 1.0)
    answer = explanation(causes=(weights,), between="runs", a={"number": 1}, b={"number": 1})
    (cause,) = with_file_state(answer, a, b).causes
    assert (cause.source, cause.mechanism, cause.share) == ("state", "file-carried-over", 1.0)
    assert cause.detail == "B read ck.pt, which A had written, and uses weights that A had trained"
    assert call_verdict(with_file_state(answer, a, b)).endswith(
        "a file that the earlier run left behind."
    )
    unread = replace(b, environment={})
    elsewhere = replace(b, calls=(call(1, kernel=KERNEL * 3),))
    suspected = replace(answer, causes=(replace(weights, status="suspected"),))
    drawn_alike = replace(a, calls=(call(1), call(2, kernel=trained)))
    for given in (
        (answer, a, unread), (answer, a, elsewhere), (suspected, a, b), (answer, drawn_alike, b)
    ):  # fmt: skip
        assert with_file_state(*given) == given[0]
