"""Answers as Markdown: short enough for a comment, with names that stay text."""

import functools
import re
from dataclasses import replace

import pytest
from hypothesis import example, given, strategies as st
from markdown_it import MarkdownIt

from whydiff.report.document import SAME, SCREEN, Code, Document, Facts, Fold, Section, Table, Text
from whydiff.report.documents import document_of
from whydiff.report.markdown import COMMENT, MARK, ROWS, markdown, text
from whydiff.testing import answers

KINDS = (
    "explanation", "diff", "study", "comparison", "execution", "verification", "checked",
)  # fmt: skip
#: as GitHub reads it: tables, strike-through, bare links
GITHUB = MarkdownIt("gfm-like", {"linkify": False, "html": True})
HOSTILE = (
    answers.HOSTILE,
    "a | b | c",
    "[click](http://evil.example) ![x](http://evil.example/p.png)",
    "`code` and ``` and ` alone",
    "@octocat closes #1, GH-2, org/repo#3",
    "http://evil.example www.evil.example",
    "# heading\n\n- list\n\n1. one\n\n> quote\n\n    code\n\n---\n===",
    "**bold** __bold__ ~~gone~~ $x^2$ :tada: <!-- -->",
    "</details></summary><h1>",
)


@functools.cache
def whole(kind):
    return markdown(document_of(getattr(answers, kind)()))


def tags(made):
    """Every HTML element of Markdown as it would be shown, ours included."""
    return re.findall(r"<(/?\w+)", GITHUB.render(made))


def shown(made):
    """What a reader sees of a piece of Markdown."""
    html = re.sub(r"<[^>]+>", "", GITHUB.renderInline(made))
    import html as entities

    return entities.unescape(html).replace("\u200b", "")


@pytest.mark.parametrize("kind", KINDS)
def test_the_verdict_comes_first_and_evidence_is_folded(kind):
    made = whole(kind)
    document = document_of(getattr(answers, kind)())
    assert made.startswith(f"{MARK}\n### ")
    assert shown(made.splitlines()[1].lstrip("# =≠?")) == document.verdict
    assert kind in ("checked", "verification") or "<details>" in made
    assert made.count("<details>") == made.count("</details>")
    assert len(made) < COMMENT / 4


def test_an_explanation_shows_its_causes_and_its_fix_before_anything_is_unfolded():
    made = whole("explanation")
    opened = re.sub(r"<details>.*?</details>", "", made, flags=re.DOTALL)
    assert "| initialization | 80 % | 97 % | 12 % |" in opened
    assert "```diff\n--- a/train.py" in opened
    assert "Seed ledger" not in opened and "optimizer" not in opened
    assert "Seed ledger" in made and "optimizer" in made


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name):
    assert shown(text(name)).replace("`", "") == " ".join(name.split()).replace("`", "")
    allowed = {"code", "/code", "span", "/span"}
    assert set(re.findall(r"<(/?\w+)", GITHUB.renderInline(text(name)))) <= allowed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_change_no_element_of_a_whole_answer(kind, name):
    plain = tags(markdown(document_of(getattr(answers, kind)("dense"))))
    hostile = tags(markdown(document_of(getattr(answers, kind)(name))))
    ours = {"code", "/code", "span", "/span"}
    assert {t for t in hostile if t not in ours} <= set(plain)
    assert hostile.count("details") == plain.count("details")
    assert hostile.count("td") == plain.count("td")


@given(st.text())
@example("0)")
@example("#&0")
def test_any_text_is_one_line_without_elements_links_or_mentions(value):
    made = text(value)
    assert "\n" not in made
    rendered = GITHUB.render(made)
    assert set(re.findall(r"<(/?\w+)", rendered)) <= {"p", "/p", "code", "/code", "span", "/span"}
    assert not re.search(r"[@#]\w", re.sub(r"&#?\w+;", " ", re.sub(r"<[^>]+>", "", rendered)))


def page(*blocks, verdict="v"):
    return Document("", verdict, SAME, (Section("s", "S", blocks, depth=SCREEN),))


def test_code_keeps_its_fence():
    made = markdown(page(Code("a\n```\n</details>\n", "diff")))
    assert "````diff\na\n```\n</details>\n````" in made
    assert "details" not in tags(made)


@pytest.mark.parametrize("limit", [COMMENT, 10_000, 3_000])
def test_the_limit_holds_whatever_an_answer_holds(limit):
    long = "x&|" * 40_000
    sections = tuple(
        Section(f"s{n}", f"Section {n}", (Table(("A", "B"), ((long, long),) * 5_000),))
        for n in range(30)
    )
    document = replace(
        page(Text(long), Facts(((long, long),) * 50), Fold(long, (Text(long),)), verdict=long),
        sections=sections,
    )
    made = markdown(document, limit)
    assert len(made) <= limit and len(made.encode()) <= limit
    assert "Left out for its size" in made and "--html FILE" in made


def test_rows_that_are_left_out_are_counted():
    made = markdown(page(Table(("A",), tuple((str(n),) for n in range(1000)))))
    assert made.count("\n| ") <= ROWS + 3
    assert f"{1000 - ROWS} more of 1000 rows" in made
