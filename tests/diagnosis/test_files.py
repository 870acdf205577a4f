"""Files that one execution wrote and the next one read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from whydiff.core.calls import Event
from whydiff.core.files import FILE, UNSEEN, Used, used
from whydiff.core.findings import CONFIRMED, DIFFERS, IDENTICAL, SUSPECTED, Cause
from whydiff.core.recording import PROGRAMS, SEEDING, Draw, Execution, Side
from whydiff.core.stack import Frame
from whydiff.diagnosis.files import (
    agree_by_file,
    as_state,
    carried,
    goes_on_beside,
    loaded_before,
    read_and_written,
    read_files,
    rewritten,
    shown,
    taken_from,
    written_files,
)
from whydiff.diagnosis.sources import data_content, initialization, state
from whydiff.diagnosis.sources.state import FILE_REWRITTEN
from whydiff.testing.sides import a_side, changed, content, weights

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


def test_runs_that_agree_by_a_file_of_the_first_are_told_so() -> None:
    a, b = pair(Used(written=True), Used("ab"))
    said = agree_by_file(a, b)
    assert said.startswith("B read checkpoint.npz, which A had written: what this file decides")
    assert agree_by_file(*pair(Used("ab"), Used("ab"))) == ""


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


def test_a_checkpoint_read_under_one_number_and_written_under_the_next() -> None:
    uses = {"ckpt/epoch_09.keras": Used("ab"), "ckpt/epoch_10.keras": Used(written=True),
            "ckpt/epoch_11.keras": Used(written=True), "data_1.csv": Used("cd"),
            "log_2.csv": Used(written=True), "kept_1.npz": Used("ef", written=True)}  # fmt: skip
    environment = {FILE + path: use.text() for path, use in uses.items()}
    execution = replace(a_side().execution, environment=environment)
    assert read_files(execution) == {
        "ckpt/epoch_09.keras": "ab", "data_1.csv": "cd", "kept_1.npz": "ef"
    }  # fmt: skip
    assert goes_on_beside(execution) == (("ckpt/epoch_09.keras", "ckpt/epoch_11.keras"),)


@pytest.mark.parametrize(
    ("writer", "reader", "taken"),
    [
        (Used(written=True), Used("ab"), (CHECKPOINT,)),
        (Used(written=True), Used("ab", written=True), ()),  # two trainings that resume
        (Used(written=True), Used(written=True), ()),
        (Used("ab", written=True), Used("ab"), ()),  # it was there before both
        (Used("ab"), Used("ab"), ()),
    ],
)
def test_what_one_program_takes_from_another(
    writer: Used, reader: Used, taken: tuple[str, ...]
) -> None:
    a, b = pair(writer, reader)
    assert taken_from(b.execution, a.execution) == taken


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


def seeding(seed: int | None) -> Draw:
    return Draw(1, SEEDING, "numpy.random.default_rng", seed, seed is not None)


def in_a_file(*seeds: int | None, **of_b: Any) -> tuple[Side, Side]:
    """Two runs that seed alike, of which the second read what the first had written."""
    ledger = tuple(map(seeding, seeds))
    a, b = (changed(s, execution={"ledger": ledger}) for s in pair(Used(written=True), Used("ab")))
    return a, changed(b, execution=of_b)


@pytest.mark.parametrize(
    ("seeds", "of_b", "source", "mechanism", "expected"),
    [
        ((1,), {}, "optimizer", "", "state"),
        ((1,), {"ledger": ()}, "optimizer", "", "state"),
        ((None,), {}, "optimizer", "", "optimizer"),
        ((1, None), {}, "optimizer", "", "optimizer"),
        ((), {}, "optimizer", "", "optimizer"),  # nobody knows what drew
        ((1,), {"arguments": ("--more",)}, "optimizer", "", "optimizer"),
        ((1,), {"script": "/home/me/other.py"}, "optimizer", "", "optimizer"),
        ((1,), {}, "noise", "", "noise"),  # no file holds it
        ((1,), {}, "data-content", "clock-seed", "data-content"),
    ],
)
def test_settings_count_only_where_one_script_seeds_all_that_draws(
    seeds: tuple[int | None, ...], of_b: dict[str, Any], source: str, mechanism: str, expected: str
) -> None:
    a, b = in_a_file(*seeds, **of_b)
    (only,) = as_state(a, b, state.compare(a, b), [cause(source, mechanism)])
    assert only.source == expected


def test_what_several_fields_took_from_a_file_is_one_cause() -> None:
    a, b = in_a_file(1)
    found = state.compare(a, b)
    parts = [replace(cause("optimizer"), share=0.25), replace(cause("duration"), share=0.5)]
    one, noise = as_state(a, b, found, [*parts, cause("noise")])
    assert (one.source, one.share, one.alone, one.remaining) == ("state", 0.75, None, None)
    assert one.evidence.endswith("through it they differ in optimizer and duration")
    assert (one.status, one.intended, noise.source) == (CONFIRMED, False, "noise")
    parts[1] = replace(parts[1], share=None, status=SUSPECTED)
    (one,) = as_state(a, b, found, parts)
    assert (one.share, one.status) == (None, SUSPECTED)
    (one,) = as_state(a, b, found, [cause("optimizer")])
    assert (one.share, one.alone, one.remaining) == (1.0, 1.0, 0.0)


def saving(kind: str, path: object = "checkpoint.npz") -> Event:
    stack = (Frame("/home/me/train.py", 13, "<module>", ""),)
    return Event(1, 0, kind, "m", 1, stack, {"path": path})


def test_files_that_keras_saved_and_loaded_by_itself_are_seen() -> None:
    def run(*events: Event) -> Execution:
        return a_side(execution={"script": "/home/me/train.py", "events": events}).execution

    saves, loads = saving("save"), saving("load_weights")
    assert written_files(run(saves)) == written_files(run(saves, loads)) == (CHECKPOINT,)
    for nothing in (loads, saving("save", None), saving("compile")):
        assert written_files(run(nothing)) == ()
    assert read_and_written(run(saves, loads)) == ()
    assert read_and_written(run(saving("save", None), loads, saves)) == (CHECKPOINT,)


def test_what_a_model_loaded_before_a_fit_is_named_with_its_line() -> None:
    saves, loads = saving("save"), saving("load_weights")

    def told(*events: Event) -> str:
        execution = {"script": "/home/me/train.py", "events": events}
        return loaded_before(a_side(fit={"models": (1,), "call": 5}, execution=execution))

    assert told(saves, loads) == "checkpoint.npz, loaded at train.py:13"
    assert told(saves, replace(loads, stack=())) == "checkpoint.npz"
    for other in (
        replace(loads, model_number=2),
        replace(loads, after_call=5),
        saving("adapt"),
        saving("load_weights", "another.npz"),
    ):
        assert told(saves, other) == ""
        assert told(saves, loads, other) == "checkpoint.npz, loaded at train.py:13"


def test_many_files_are_not_all_listed() -> None:
    side = a_side(execution={"script": "/home/me/train.py"})
    paths = [f"/home/me/out/{n}.npz" for n in range(6)]
    assert shown(side, paths)[3:] == ["out/3.npz", "2 more"]
    assert shown(side, ["/home/x.npz", "/mnt/x.npz"]) == ["../x.npz", "/mnt/x.npz"]


STARTED = {PROGRAMS: [["", "pretrain.py", "--fast"]]}


def rewritten_pair(*seeds: int | None, loads: bool = False, programs: bool = True) -> Any:
    """Two runs that read one file with other content in each, and wrote nothing."""
    found = []
    for side in pair(Used("ab"), Used("cd")):
        facts = {**side.execution.environment, **(STARTED if programs else {})}
        event = Event(1, 0, "load_model", "Sequential 'm'", 1, facts={"path": CHECKPOINT})
        more = {"ledger": tuple(map(seeding, seeds)), "events": (event,) if loads else ()}
        found.append(changed(side, execution={"environment": facts, **more}))
    return found


READ = "checkpoint.npz, which both runs read, held other content in each"


def test_weights_from_a_file_that_another_program_wrote_are_told_as_that() -> None:
    a, b = rewritten_pair(1)
    b = changed(b, initialization=weights(8))
    found = initialization.compare(a, b)
    assert found.mechanism == FILE_REWRITTEN and "seed the program that writes it" in found.remedy
    assert found.detail == (
        f"{READ}, and the script itself did not write it: it started pretrain.py"
    )


@pytest.mark.parametrize(
    ("seeds", "loads", "mechanism"),
    [
        ((1,), False, FILE_REWRITTEN),
        ((None,), True, FILE_REWRITTEN),
        ((None,), False, ""),
        ((), False, ""),
    ],
)
def test_a_file_is_named_where_it_was_loaded_or_nothing_else_is_left_to_chance(
    seeds: tuple[int | None, ...], loads: bool, mechanism: str
) -> None:
    a, b = rewritten_pair(*seeds, loads=loads)
    b = changed(b, initialization=weights(8))
    assert initialization.compare(a, b).mechanism == mechanism


@pytest.mark.parametrize(
    ("seeds", "mechanism"), [((1,), FILE_REWRITTEN), ((1, None), "unseeded-generator")]
)
def test_data_from_such_a_file(seeds: tuple[int | None, ...], mechanism: str) -> None:
    a, b = rewritten_pair(*seeds, programs=False)
    b = changed(b, data_content=content(range(20, 30)))
    found = data_content.compare(a, b)
    assert found.mechanism == mechanism
    assert (READ in found.detail) == (mechanism == FILE_REWRITTEN)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Used("ab"), Used("ab")),
        (Used("ab", True), Used("cd")),  # the script writes it
        (Used("ab"), Used(UNSEEN)),  # too large to be compared
        (Used("", True), Used("", True)),
    ],
)
def test_files_that_no_other_program_wrote(a: Used, b: Used) -> None:
    one, other = pair(a, b)
    assert rewritten(one.execution, other.execution) == ()
    assert rewritten(one.execution, one.execution) == ()
