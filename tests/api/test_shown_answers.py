"""An answer as a notebook shows and keeps it, and as a table: with the libraries for that."""

import html
import json
import re
import sys

import pytest

from whydiff.report import html_page
from whydiff.report.document import Chart, every_block
from whydiff.report.documents import document_of
from whydiff.report.html import text
from whydiff.testing import answers


def in_frame(answer):
    """The page that a notebook shows of an answer, in a frame that may do nothing."""
    frame = re.fullmatch(
        r'<iframe ([^>]*)srcdoc="([^"]*)"([^>]*)></iframe>\s*', answer._repr_html_()
    )
    assert 'sandbox=""' in f"{frame[1]} {frame[3]}"
    return html.unescape(frame[2])


def test_notebooks_show_a_page_without_scripts_in_a_frame_of_its_own():
    page = in_frame(answers.explanation())
    charts = html_page(answers.explanation()).count("<figure")
    assert "<script" not in page and page.count("<svg") == page.count("<figure") == charts


LARGE = (answers.explanation(), answers.study(draws=1000), answers.comparison(pairs=60))


@pytest.mark.parametrize("answer", LARGE, ids=lambda answer: type(answer).__name__)
def test_a_notebook_keeps_at_most_150_kb_of_an_answer(answer):
    kept = {"text/html": answer._repr_html_(), "text/plain": str(answer)}
    assert len(json.dumps(kept)) < 150_000


def test_a_notebook_names_the_sections_that_it_leaves_out():
    page = in_frame(answers.study(draws=1000))
    assert "Left out, as a notebook keeps what it shows: Every replica" in page
    assert "Left out" not in in_frame(answers.study())


def test_without_a_renderer_of_pictures_charts_are_words_and_numbers(monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    page = in_frame(answers.explanation())
    charts = [b for b in every_block(document_of(answers.explanation())) if isinstance(b, Chart)]
    assert "<svg" not in page and all(f"<p>{text(chart.alt)}</p>" in page for chart in charts)


@pytest.mark.parametrize(
    ("answer", "rows", "column"),
    [(answers.explanation(), 2, "source"), (answers.diff(), 2, "status"),
     (answers.study(), 16, "number"), (answers.comparison(pairs=12), 12, "a"),
     (answers.execution(), 4, "loss"), (answers.verification(), 1, "level"),
     (answers.checked(), 2, "rule")],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_every_answer_is_a_table_of_pandas(answer, rows, column):
    table = answer.to_pandas()
    assert len(table) == rows and column in table
