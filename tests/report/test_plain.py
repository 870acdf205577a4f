"""Blocks as plain text and on streams of every kind."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from whydiff.core.problem import Checked, Problem
from whydiff.core.words import duration, listed, pair, percent
from whydiff.report.document import Block, Code, Facts, Table, Text
from whydiff.report.documents import document_of
from whydiff.report.documents.check import print_problems, problem_lines
from whydiff.report.progress import Progress
from whydiff.report.terminal import WIDTH, clean, plain_text, screen_blocks, stacked, write
from whydiff.testing import answers

BLOCKS: list[Block] = [
    Text("It differs – because of Größe 🙂.", "verdict"),
    Facts((("Compared", "a with b"), ("Empty", ""))),
    Table(("Cause", "Share"), (("noise", "5 %"),), "Causes", frozenset({"Share"})),
    Code("--- a/x\n+++ b/x\n+seed()\n", "diff"),
]

WORDS = st.text(max_size=300)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_tables_are_aligned() -> None:
    table = Table(
        ("Cause", "Share"), (("noise", "5 %"), ("order", "61 %")), "", frozenset({"Share"})
    )
    assert plain_text([table]) == "Cause  Share\nnoise    5 %\norder   61 %\n"


def test_long_cells_wrap_within_their_column() -> None:
    table = Table(("Source", "Evidence"), (("noise", "word " * 40),))
    lines = plain_text([table]).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[2].startswith(" " * 8 + "word")


def test_code_keeps_its_lines() -> None:
    assert plain_text([Code("a\n  b\n")]) == "    a\n      b\n"


@given(WORDS, WORDS, WORDS)
def test_no_text_steers_the_terminal_or_breaks_the_layout(a: str, b: str, c: str) -> None:
    blocks = [Text(a), Facts(((a, b),)), Table((a, b), ((b, c),), c), Code(c)]
    shown = plain_text(blocks)
    assert all(ch == "\n" or ch >= " " for ch in shown)
    assert "\x1b" not in shown and "\x7f" not in shown


def test_lines_of_a_check_go_on_below_on_a_narrow_terminal_only(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    finding = Problem(
        "a/long/path/to/the-script/of-a-project/train.py", 7, 1, "WD102", "seed-misses-keras",
        "numpy.random.seed does not reach Keras's initializers",
        "Call keras.utils.set_random_seed(n), which sets all of them.",
    )  # fmt: skip
    checked = Checked(1, (finding,), ())
    shown = {}
    for stream in (Terminal(), io.StringIO()):
        print_problems(checked, stream)
        shown[stream.isatty()] = stream.getvalue().splitlines()
    assert f"{finding.file}:7:1:" in shown[True], "a place stays in one piece"
    assert max(len(line) for line in shown[True] if finding.file not in line) <= 40
    assert "\n".join(shown[True]).split() == "\n".join(shown[False]).split()
    assert shown[False] == problem_lines(checked), "what jumps to places gets whole lines"


def test_escape_sequences_from_names_are_dropped() -> None:
    assert clean("dense\x1b[31m\x07\rred") == "dense[31m\nred"


def test_a_pipe_gets_plain_text_without_ansi() -> None:
    stream = io.StringIO()
    write(BLOCKS, stream)
    assert stream.getvalue() == plain_text(BLOCKS)
    assert "\x1b" not in stream.getvalue()


def test_a_stream_that_speaks_ascii_only_is_no_trouble() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write(BLOCKS, stream)
    stream.flush()
    assert b"Gr??e" in raw.getvalue()


def test_a_terminal_gets_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    write([*BLOCKS, Text("[red]not markup[/red] :smile:")], stream)
    for word in ("Größe", "Compared", "noise", "seed()", "[red]not markup[/red] :smile:"):
        assert word in stream.getvalue()


def lines_of(stream: io.StringIO) -> list[str]:
    """What a terminal shows, without what steers it."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).splitlines()


@pytest.mark.parametrize("term", ["xterm", "dumb"])
@pytest.mark.parametrize("width", [30, 50, 80])
@pytest.mark.parametrize(
    "kind", ["explanation", "study", "comparison", "execution", "verification"]
)
def test_nothing_is_wider_than_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, term: str, width: int, kind: str
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", str(width))
    stream = Terminal()
    answer = getattr(answers, kind)()
    write(screen_blocks(replace(document_of(answer), more="")), stream)
    drawn = [line for line in lines_of(stream) if "###" not in line]  # a histogram is a picture
    assert max(map(len, drawn)) <= width
    first = document_of(answer).verdict.split()
    assert " ".join(lines_of(stream)).split()[: len(first)] == first


@pytest.mark.parametrize("term", ["xterm", "dumb"])
@pytest.mark.parametrize(
    "facts",
    [
        ("First divergence", "at optimizer/learning_rate_of_the_embedding/kernel"),
        ("file /home/ada/project/.git/refs/heads/master", "read ca416cc47f981465"),
    ],
)
def test_a_narrow_terminal_cuts_nothing_off(
    monkeypatch: pytest.MonkeyPatch, term: str, facts: tuple[str, str]
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    write([Facts((facts,))], stream)
    shown = "".join("".join(lines_of(stream)).split())
    assert "…" not in shown
    assert sorted(shown) == sorted("".join(facts).replace(" ", ""))


def test_where_columns_have_no_room_rows_are_facts() -> None:
    table = Table(("Cause", "Alone", "What differs"), (("noise", "3 %", "dropout " * 8),) * 2)
    assert not stacked(table, 60)
    shown = plain_text([table], 24).splitlines()
    assert shown[0] == "Cause         noise" and shown[1] == "Alone         3 %"
    assert shown.count("Cause         noise") == 2


@pytest.mark.parametrize(("color", "expected"), [(None, True), ("1", False)])
def test_no_colour_where_none_is_wanted(
    monkeypatch: pytest.MonkeyPatch, color: str | None, expected: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if color:
        monkeypatch.setenv("NO_COLOR", color)
    stream = Terminal()
    write([Text("careful", "warning"), Code("+seed()", "diff")], stream)
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]", stream.getvalue())) is expected
    assert "careful" in stream.getvalue()


def test_signs_are_spelled_where_there_is_ascii_only() -> None:
    class AsciiTerminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    raw = io.BytesIO()
    stream = AsciiTerminal(raw, encoding="ascii")
    write([Text("A ≠ B, da906469… × 2, Größe")], stream)
    assert raw.getvalue() == b"A != B, da906469... x 2, Gr??e\n"


def test_a_dumb_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    write(BLOCKS, stream)
    assert "\x1b" not in stream.getvalue()


def test_progress_on_a_pipe_is_lines() -> None:
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.step("running train.py (a)")
        progress.step("training hybrids", total=4)
        progress.advance()
        progress.note("fit 2 was cut short")
    assert stream.getvalue().splitlines() == [
        "whydiff: running train.py (a)",
        "whydiff: training hybrids (0 of 4)",
        "whydiff: fit 2 was cut short",
    ]


def test_progress_on_a_terminal_leaves_only_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with Progress(stream) as progress:
        progress.step("training [hybrids]", total=4)
        progress.advance(2)
        progress.note("a note")
        progress.step("trying a fix")
    assert "a note" in stream.getvalue()
    assert "training [hybrids]" in stream.getvalue()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.614, "61 %"), (0.001, "< 1 %"), (0.0, "0 %"), (None, "-"), (float("nan"), "-")],
)
def test_parts_are_percents(value: float | None, shown: str) -> None:
    assert percent(value) == shown


def test_close_numbers_are_told_apart() -> None:
    assert pair(0.91, 0.93) == ("0.91", "0.93")
    one, other = pair(0.123456789, 0.123456788)
    assert one != other
    assert pair(0.5, 0.5) == ("0.5", "0.5")


def test_lists_and_times_read_as_words() -> None:
    assert [listed(x) for x in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert [duration(s) for s in (0.2, 12, 200, 9000)] == [
        "less than 1 s",
        "12 s",
        "3 min",
        "2.5 h",
    ]
