"""Files that one execution wrote and the next one read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whydiff.core.files import FILE, UNSEEN, Used, used
from whydiff.core.findings import CONFIRMED, DIFFERS, IDENTICAL, Cause
from whydiff.core.recording import SEEDING, Draw, Side
from whydiff.diagnosis.files import as_state, carried, read_and_written, shown
from whydiff.diagnosis.sources import state
from whydiff.testing.sides import a_side, changed, weights

CHECKPOINT = "/home/me/checkpoint.npz"
LATER = "2025-01-01T00:05:00+00:00"


def opened(side: Side, use: Used) -> Side:
    environment = {**side.execution.environment, FILE + CHECKPOINT: use.text()}
    return changed(side, execution={"environment": environment})


def pair(a: Used, b: Used) -> tuple[Side, Side]:
    one = a_side(execution={"script": "/home/me/train.py"})
    return opened(one, a), opened(changed(one, execution={"started": LATER}), b)


@pytest.mark.parametrize("use", [Used("ab"), Used("ab", True), Used("", True)])
def test_how_a_file_was_used_is_read_again(use: Used) -> None:
    assert used(use.text()) == use


def test_a_file_that_the_first_wrote_and_the_second_read_is_carried() -> None:
    a, b = pair(Used(written=True), Used("ab", written=True))
    assert carried(a, b) == carried(b, a) == (CHECKPOINT,)
    assert read_and_written(b.execution) == (CHECKPOINT,)
    finding = state.compare(a, b)
    assert (finding.status, finding.mechanism) == (DIFFERS, "file-carried-over")
    assert finding.evidence == "B read checkpoint.npz, which A had written"


def test_a_file_that_was_read_and_changed_is_carried() -> None:
    assert carried(*pair(Used("ab", written=True), Used("cd", written=True))) == (CHECKPOINT,)
    assert carried(*pair(Used(written=True), Used(UNSEEN))) == (CHECKPOINT,)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Used("ab"), Used("ab")),
        (Used("ab", written=True), Used("ab", written=True)),  # in scratch copies
        (Used(written=True), Used(written=True)),
        (Used("ab"), Used("cd")),  # somebody else wrote it
    ],
)
def test_what_both_found_alike_is_not(a: Used, b: Used) -> None:
    one, other = pair(a, b)
    assert carried(one, other) == ()
    assert state.compare(one, other).status == IDENTICAL


def cause(source: str, mechanism: str = "") -> Cause:
    return Cause(source, "", CONFIRMED, "", "", 1.0, 1.0, 0.0, mechanism=mechanism)


def test_weights_that_were_loaded_from_it_are_state() -> None:
    a, b = pair(Used(written=True), Used("ab"))
    left = [replace(t, trained_by=None) for t in weights(7)]
    a = changed(a, fit={"final": tuple(left)})
    b = changed(b, initialization=tuple(left))
    found = state.compare(a, b)
    (only,) = as_state(a, b, found, [cause("initialization")])
    assert (only.source, only.mechanism, only.share) == ("state", "file-carried-over", 1.0)
    assert "checkpoint.npz" in only.detail and "through it they differ in" in only.evidence


def test_weights_that_were_drawn_are_not() -> None:
    a, b = pair(Used(written=True), Used("ab"))
    b = changed(b, initialization=weights(8))
    found = state.compare(a, b)
    assert [c.source for c in as_state(a, b, found, [cause("initialization")])] == [
        "initialization"
    ]


def test_settings_count_only_where_nothing_drew_without_a_seed() -> None:
    def seeding(seed: int | None) -> Draw:
        return Draw(1, SEEDING, "numpy.random.default_rng", seed, seed is not None)

    for seed, expected in ((1, "state"), (None, "optimizer")):
        a, b = pair(Used(written=True), Used("ab"))
        a, b = (changed(s, execution={"ledger": (seeding(seed),)}) for s in (a, b))
        (only,) = as_state(a, b, state.compare(a, b), [cause("optimizer")])
        assert only.source == expected


def test_many_files_are_not_all_listed() -> None:
    side = a_side(execution={"script": "/home/me/train.py"})
    paths = [f"/home/me/out/{n}.npz" for n in range(6)]
    assert shown(side, paths)[3:] == ["out/3.npz", "2 more"]
