"""Comparisons of recorded fits and the content of a recording, as blocks."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN, Diff, Divergence, Finding
from whydiff.core.recipe import Batching, Content, Order, Recipe
from whydiff.core.recording import PROGRAMS, Draw, Epoch, Execution, Fit, Frame
from whydiff.report import execution_dict
from whydiff.report.document import Block, Brief, Chart, Facts, Table, Text
from whydiff.report.documents.diff import document
from whydiff.report.documents.recording import document as recording_document
from whydiff.report.terminal import plain_text, screen_blocks

DIFF = Diff(
    "a.whydiff:1",
    "b.whydiff:2",
    False,
    Divergence(0, 3, "batch", "x"),
    (
        Finding("optimizer", IDENTICAL, "16 settings equal"),
        Finding("hardware", UNKNOWN, "not recorded"),
        Finding("data-order", DIFFERS, "epoch 0, position 3", "both shuffle"),
    ),
)


def execution_blocks(recorded: Execution) -> list[Block]:
    return list(screen_blocks(recording_document(recorded)))


def execution(epochs: int = 6, exit_code: int | None = 0, trouble: str = "") -> Execution:
    nothing: dict[str, object] = {}
    recipe = Recipe(
        (), Order(), (), Content(np.zeros((20, 2), np.uint64)),
        Batching((np.array([8, 8, 4]),)), {"class": "Adam"}, {"loss": "mse"}, nothing, nothing,
        (), nothing, nothing, nothing, {"backend": "jax"}, nothing, nothing, nothing,
    )  # fmt: skip
    frame = Frame("train.py", 12, "<module>")
    fit = Fit(
        1, "Sequential 'net'", (frame,), recipe, np.full((3 * epochs, 5), 7, np.uint64),
        np.zeros(3 * epochs, np.int64),
        tuple(Epoch(i, 3, {"loss": 1 / (i + 1)}) for i in range(epochs)), (), True, 2.0,
    )  # fmt: skip
    draws = tuple(Draw(i, "initializer", "GlorotUniform", i, False, (frame,)) for i in (1, 2))
    return Execution(
        "train.py", ("--x", "1"), "2025-01-01", exit_code, {"keras": "3.15.1"}, (fit,), draws,
        trouble,
    )  # fmt: skip


def test_differences_come_before_what_is_equal() -> None:
    blocks = list(screen_blocks(document(DIFF)))
    assert blocks[0] == Text("The two fits differ in the order of the samples.", "verdict")
    facts, table = blocks[1], blocks[2]
    assert isinstance(facts, Facts) and isinstance(table, Table)
    assert ("First divergence", "Epoch 1, step 4, in the batch that was fed, at x") in facts.rows
    assert [row[0] for row in table.rows] == ["data-order", "hardware", "optimizer"]


def test_equal_fits_say_so() -> None:
    same = Diff("a", "b", True, None, (Finding("noise", IDENTICAL, "3 states equal"),))
    assert plain_text(screen_blocks(document(same))).startswith(
        "The two fits are identical, bit for bit."
    )


def test_a_recording_shows_script_fit_losses_and_draws() -> None:
    shown = plain_text(execution_blocks(execution()))
    for word in ("train.py --x 1", "exit code 0", "3.15.1", "train.py:12", "Adam", "GlorotUniform"):
        assert word in shown
    table = next(b for b in execution_blocks(execution()) if isinstance(b, Table))
    assert [row[0] for row in table.rows] == ["1", "2", "3", "6"]


@pytest.mark.parametrize(
    ("epochs", "told"),
    [
        (1, None),
        (2, "0.1 from epoch 1, 0.05 from epoch 2"),
        (6, "0.1 from epoch 1, 0.05 from epoch 2, 0.025 from epoch 3, and so on, 0.003125 from "
            "epoch 6"),
    ],
)  # fmt: skip
def test_learning_rates_are_told_where_they_changed(epochs: int, told: str | None) -> None:
    recorded = execution()
    notes = {"learning rates": [[i, [0.1 * 0.5**i]] for i in range(epochs)], "seed ledger": 3}
    changed = replace(recorded, fits=(replace(recorded.fits[0], notes=notes),))
    facts = next(
        dict(b.rows)
        for b in execution_blocks(changed)
        if isinstance(b, Facts) and "Optimizer" in dict(b.rows)
    )
    assert facts.get("Learning rates") == told
    assert "Seed ledger" not in facts


def test_a_recording_that_was_cut_short_says_so() -> None:
    shown = plain_text(execution_blocks(execution(exit_code=None, trouble="disk full")))
    assert "cut short" in shown and "disk full" in shown


def test_a_recording_as_json_is_plain() -> None:
    value = execution_dict(execution())
    assert json.loads(json.dumps(value)) == value
    assert value["fits"][0]["epochs"][5]["logs"] == {"loss": 1 / 6}


def test_a_training_of_many_epochs_and_many_metrics_has_a_bounded_page():
    whole = execution(epochs=5)
    logs = {f"metric_{i}": 0.5 for i in range(1000)}
    epochs = tuple(Epoch(i, 10, logs) for i in range(5000))
    (fit, *_) = whole.fits
    crowded = replace(whole, fits=(replace(fit, epochs=epochs),))
    shown = plain_text(screen_blocks(recording_document(crowded), verbose=True))
    assert "The first 40 of 1000 logged numbers." in shown
    charts = [b for s in recording_document(crowded).sections for b in every_chart(s.blocks)]
    assert len(charts) == 40 and {len(chart.table.rows) for chart in charts} == {400}
    assert charts[0].table.rows[0][0] == "1" and charts[0].table.rows[-1][0] == "5000"
    assert "over 5,000 epochs" in charts[0].alt or "over 5000 epochs" in charts[0].alt


def every_chart(blocks):
    for block in blocks:
        if isinstance(block, Brief):
            yield from (b for b in block.full if isinstance(b, Chart))


def test_programs_that_nobody_watched_are_named_in_a_sentence() -> None:
    started = {PROGRAMS: [["", "pretrain.py", "--fast"]]}
    recorded = replace(execution(), environment=started)
    shown = plain_text(execution_blocks(recorded))
    assert "Not watched" in shown and "whydiff explain pretrain.py -- --fast" in shown
    assert PROGRAMS not in shown
