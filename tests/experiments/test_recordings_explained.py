"""Recordings explained without running anything: what differs is suspected, never confirmed."""

import shutil
from pathlib import Path

import pytest

from whydiff import explain
from whydiff.cli.script import check_targets
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import SUSPECTED
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.trials import untrained
from whydiff.experiments.explain.recorded import compare
from whydiff.experiments.explain.recordings import is_recording
from whydiff.testing.sides import a_side, changed, facts

GOLDEN = Path(__file__).parent.parent / "storage" / "golden" / "recording-1.whydiff"


def test_a_recording_and_its_copy_agree(tmp_path):
    copy = shutil.copy(GOLDEN, tmp_path / "b.whydiff")
    explanation = explain(f"{GOLDEN}:1", f"{copy}:1")
    assert explanation.identical and not explanation.causes


def test_what_differs_is_suspected_and_says_why(tmp_path):
    a = a_side()
    b = changed(a, optimizer=facts(a, "optimizer", learning_rate=0.5))
    diff = compare("a", "b", a, b, GOLDEN, GOLDEN)
    compared = ComparedSides("runs", "", a, b, diff, ("train.py", "train.py"))
    explanation = answer(compared, untrained(compared, "nobody could train it"))
    (cause,) = explanation.causes
    assert (cause.source, cause.status, cause.share) == ("optimizer", SUSPECTED, None)
    assert "not confirmed: nobody could train it" in cause.evidence
    assert explanation.reproduced is False
    assert explanation.gap["relative_weight_distance"] is None  # not 0: nobody knows


def test_fits_of_recordings_are_picked_by_number_or_by_option_not_by_both(tmp_path):
    copy = shutil.copy(GOLDEN, tmp_path / "b.whydiff")
    for targets, fits in (((GOLDEN, copy), (2, 1)), ((f"{GOLDEN}:2", f"{copy}:1"), None)):
        explanation = explain(*targets, fits=fits)
        assert f"fit 2 of {GOLDEN} and fit 1 of {copy}" in explanation.chosen
    assert f"fit 1 of {GOLDEN} and fit 2 of {GOLDEN}" in explain(GOLDEN, fits=(1, 2)).chosen
    with pytest.raises(WhydiffError, match="both pick fits"):
        explain(f"{GOLDEN}:2", copy, fits=(2, 1))
    with pytest.raises(WhydiffError, match=r"fit 1 of .* alone cannot be compared"):
        explain(f"{GOLDEN}:1")
    with pytest.raises(WhydiffError, match="names fit 9"):
        explain(GOLDEN, copy, fits=(9, 1))


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"runs": True, "a_env": {"A": "1"}}, "runs and a_env"),
        ({"zoom": True}, "zoom"),
        ({"calls": (1, 2)}, "calls"),
        ({"arguments": ["x"], "b_arguments": ["y"]}, "arguments and b_arguments"),
    ],
)
def test_what_only_a_run_answers_is_refused_for_recordings(asked, named):
    with pytest.raises(WhydiffError, match=f"^{named} cannot be used with recordings"):
        explain(GOLDEN, **asked)


def test_what_is_a_recording(tmp_path):
    (tmp_path / "train.py").write_text("x = 1\n")
    assert is_recording(GOLDEN) and is_recording(f"{GOLDEN}:2")
    assert not is_recording(tmp_path / "train.py") and not is_recording("missing.whydiff")


def test_a_target_is_a_script_or_a_recording(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("x = 1\n")
    assert check_targets(f"{GOLDEN}:1", str(GOLDEN)) == (f"{GOLDEN}:1", str(GOLDEN))
    assert check_targets(str(script), None) == (script, None)
    assert check_targets(str(script), str(GOLDEN)) == (script, str(GOLDEN))
    assert check_targets(str(GOLDEN), "at-v1.py", {"b_rev": "v1"}) == (str(GOLDEN), "at-v1.py")
    with pytest.raises(WhydiffError, match="there is no script other"):
        check_targets(str(GOLDEN), "other.py")
    with pytest.raises(WhydiffError, match="there is no recording missing"):
        check_targets(str(script), "missing.whydiff:2")
    with pytest.raises(WhydiffError, match="there is no recording missing"):
        check_targets("missing.whydiff", None)
