"""Data too large to keep: the script runs again and feeds them itself, or nothing is proven."""

from pathlib import Path

import pytest

from whydiff import explain
from whydiff.runner import client as children

SCRIPT = Path(__file__).parent.parent / "scripts" / "two_fits.py"


@pytest.fixture
def little_room(monkeypatch):
    """Room for some of the samples of the script's 9 kB, not for all."""
    monkeypatch.setattr(children, "KEEP_BYTES", 4000)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.long
def test_the_script_feeds_its_data_again(little_room):
    found = explain(SCRIPT, fix=False)
    assert {(c.source, c.status) for c in found.causes} == {("initialization", "confirmed")}
    assert found.unexplained == 0.0
    assert any("running the script again" in note for note in found.notes)


@pytest.mark.thorough
def test_other_data_are_not_taken_for_the_recorded_ones(little_room):
    found = explain(SCRIPT, arguments=["again"], fix=False)
    assert {c.status for c in found.causes} == {"suspected"}
    assert found.unexplained == 1.0
    assert any("too large to keep" in c.evidence for c in found.causes)


@pytest.mark.thorough
def test_what_is_kept_decides_what_can_be_trained_again(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    fed_again = explain(SCRIPT, keep="weights", fix=False)
    assert {(c.source, c.status) for c in fed_again.causes} == {("initialization", "confirmed")}
    assert any("running the script again" in note for note in fed_again.notes)
    nothing = explain(SCRIPT, keep="none", fix=False)
    assert {(c.source, c.status) for c in nothing.causes} == {("initialization", "suspected")}
    assert all("--keep none" in c.evidence for c in nothing.causes)
