"""What a script printed is known where a watched call gave it, and named where none did."""

import numpy as np
import pytest

from whydiff.diagnosis.calls.answer import all_agree
from whydiff.diagnosis.calls.printed import printed_beyond, with_printed
from whydiff.report.documents.explanation import verdict
from whydiff.testing.calls import call, execution

OUTPUTS = np.array([[0.1234567], [0.7654321]], np.float32)
EVALUATED = execution(
    call(1, "evaluate", values={"loss": 0.0432109, "accuracy": 0.9375}),
    call(2, outputs=OUTPUTS),
    call(3, outputs=OUTPUTS + np.float32(0.25)),
)


@pytest.mark.parametrize(
    "line",
    [
        "loss 0.0432",
        "accuracy: 93.75%",
        "rmse 0.20787",
        "[[0.1234567]",
        "mean 0.44444",
        "largest distance 0.25",
        "20 of 64 are 0.5",
        "epoch took 3.217 s",
        "8/8 ━━━━━━━━ 0s 4ms/step - loss: 0.7777",
        "2026-12-02 05:36:58.123456: I tensorflow/core: 1.2345",
        "keras 3.11.0",
        "    TF 2.20. Please use another interpreter",
    ],
)
def test_a_number_that_was_watched_is_known(line):
    assert printed_beyond(line, EVALUATED).untraced == ()


@pytest.mark.parametrize(
    "line",
    ["trained mse 0.0434", "served [0.1234765 0.7654321]", "loss 0.0432 vs. 1.2e-05 3.45e-02"],
)
def test_a_number_that_no_call_gave_is_named(line):
    assert printed_beyond(line, EVALUATED).untraced == (line,)


def test_a_constant_of_the_script_is_no_result():
    assert printed_beyond("factor 0.8125", EVALUATED, script="a = 0.8125").untraced == ()


def test_a_time_that_a_script_prints_makes_no_two_runs_differ():
    script = "start = clock.perf_counter()\nprint('trained for', clock.perf_counter() - start)"
    lines = [f"loss 0.0432\ntrained for {seconds}" for seconds in (3.217, 3.405)]
    assert printed_beyond(lines[0], EVALUATED, lines[1], script).differing == ()
    rate = printed_beyond("fed at 812.5 rows/s", EVALUATED, "fed at 907.5 rows/s")
    assert rate.differing == rate.untraced == ()


def test_lines_that_differ_between_two_runs_are_named_though_all_calls_agree():
    printed = printed_beyond("loss 0.0432\nserved 1.234", EVALUATED, "loss 0.0432\nserved 1.235")
    assert printed.differing == (("served 1.234", "served 1.235"),)
    again = printed_beyond("loss 0.0432", EVALUATED, "loss 0.0432")
    assert again.differing == ()


def test_who_asks_about_two_runs_is_told_only_what_they_print_otherwise():
    lines = "served 1.234\nseen 5.678"
    printed = printed_beyond(lines, EVALUATED, lines, two_runs=True)
    assert printed.untraced == printed.differing == ()
    printed = printed_beyond(lines, EVALUATED, "served 1.234\nseen 5.679", two_runs=True)
    assert printed.differing == (("seen 5.678", "seen 5.679"),)


def test_an_agreement_is_no_all_clear_for_what_was_printed_beside_it():
    agreed = all_agree(EVALUATED, "train.py", 2)
    answer = with_printed(agreed, printed_beyond("served 1.234", EVALUATED, "served 1.235"))
    assert "And yet 1 printed line differs between the two runs; " in verdict(answer)
    assert "'served 1.234' vs. 'served 1.235'" in answer.notes[0]
    assert not answer.identical and answer.agrees
    assert "yet the two runs differ" not in verdict(answer), "said once"
    assert answer.to_dict()["identical"] is False and agreed.to_dict()["identical"] is True
    assert "a watched call gave: 'served 1.234'" in answer.notes[1]
    assert with_printed(agreed, printed_beyond("loss 0.0432", EVALUATED)) == agreed


def test_a_seed_that_is_another_one_in_each_run_is_named_as_a_suspect():
    agreed = all_agree(EVALUATED, "train.py", 2)
    printed = printed_beyond("served 1.234", EVALUATED, "served 1.235")
    answer = with_printed(agreed, printed, ["default_rng(17) (train.py:3) vs. default_rng(18)"])
    assert "Seeded otherwise in each run: default_rng(17) (train.py:3)" in answer.notes[1]
    assert answer.remedy.how.startswith("Suspected") and "default_rng(17)" in answer.remedy.how
    assert not answer.causes, "nothing that follows from it was measured"


def test_what_another_runtime_answers_is_never_an_all_clear():
    script = "import onnxruntime as ort\ns = ort.InferenceSession('m.onnx')"
    agreed = all_agree(EVALUATED, "train.py", 2)
    answer = with_printed(agreed, printed_beyond("loss 0.0432", EVALUATED, "loss 0.0432", script))
    assert "an ONNX Runtime session (line 2)" in answer.notes[0]
    assert "was not watched" in answer.notes[0]
    assert "another runtime" in verdict(answer)
