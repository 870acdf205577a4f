"""One file that fetches nothing and in which names are text."""

import functools
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from whydiff.report import html_page, print_answer
from whydiff.report.document import SAME, Code, Document, Facts, Section, Table, Text
from whydiff.report.documents import document_of
from whydiff.report.html import RUNTIME, _json, html
from whydiff.testing import answers


@functools.cache
def document(kind):
    return html_page(getattr(answers, kind)())


class Elements(HTMLParser):
    """Tags with their attributes, as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def page(*blocks):
    section = Section("s", "Title", blocks)
    return Document("q", "v", SAME, (section,), title="t")


def body(*blocks):
    text = html(page(*blocks))
    return text[text.index("<main") : text.index("</main>")]


@pytest.mark.parametrize("kind", ["explanation", "diff", "study", "comparison"])
def test_a_page_refers_to_nothing_outside(kind):
    elements = Elements(document(kind)).found
    for tag, attributes in elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form"), tag
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/png;base64,")), value


def test_names_are_text_wherever_they_come_from():
    text = html_page(answers.explanation(answers.HOSTILE))
    scripts = [a for tag, a in Elements(text).found if tag == "script"]
    specs = [a for a in scripts if a.get("type") == "application/json"]
    assert len(scripts) - len(specs) == len(RUNTIME)
    assert not any(
        tag == "img" and not a["src"].startswith("data:") for tag, a in Elements(text).found
    )
    for found in re.findall(
        r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL
    ):
        assert "<" not in found
        json.loads(found)


def test_the_policy_admits_the_scripts_of_the_page_and_nothing_else():
    text = document("explanation")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert policy.count("'sha256-") == len(RUNTIME) + 1


def test_a_page_without_charts_carries_no_runtime():
    text = html(page(Text("hello")))
    assert "<script" not in text and len(text) < 20_000
    assert "script-src 'none'" in text


def test_marked_rows_carry_a_sign_and_not_only_a_colour():
    told = body(
        Table(("Name", "A", "B"), (("x", "1", "2"), ("y", "1", "1")), marked=frozenset({0}))
    )
    assert '<tr class="marked"><td class="sign">≠</td><th scope="row">x</th>' in told
    assert '<tr><td class="sign">=</td><th scope="row">y</th>' in told
    assert "≠" not in body(Table(("Name",), (("x",),)))


def test_a_patch_shows_what_is_added_and_removed():
    told = body(Code("--- a\n+++ b\n-old <b>\n+new", "diff"))
    assert '<span class="removed">-old &lt;b&gt;' in told
    assert '<span class="added">+new' in told
    assert "<span>--- a" in told


def test_words_between_backquotes_are_code_and_stay_text():
    made = body(Text("see `whydiff help x` and `<b>`"), Facts((("Why", "`a`"),)))
    assert "see <code>whydiff help x</code> and <code>&lt;b&gt;</code>" in made
    assert "<dd><code>a</code></dd>" in made
    assert "`" not in body(Table(("A", "B"), (("x", "`y`"),))).partition("<tbody>")[2]


def test_a_path_in_a_small_box_is_broken_behind_a_slash_or_underscore():
    made = html(replace(page(), tiles=(("Compared", "docs/my_train.py; 1 / 2 <a/b>"),)))
    assert "<dd>docs/<wbr>my_<wbr>train.py; 1 / 2 &lt;a/<wbr>b&gt;</dd>" in made


def test_the_boxes_of_an_explanation_leave_out_how_to_ask_otherwise():
    made = answers.explanation(chosen="fits 1 and 2 of a.py; --fits I,J picks others")
    shown = document_of(made)
    assert ("Compared", "fits 1 and 2 of a.py") in shown.tiles
    assert ("Compared", "fits 1 and 2 of a.py; --fits I,J picks others") in shown.facts


def test_control_characters_do_not_reach_the_page():
    assert "\x1b" not in html(page(Text("a\x1b[31mb")))


def test_a_thousand_replicas_fit_into_two_megabytes():
    assert len(html_page(answers.study(draws=1000)).encode()) < 2_000_000


def test_an_answer_prints_as_the_terminal_shows_it():
    answer, stream = answers.explanation(), io.StringIO()
    print_answer(answer, stream)
    told = stream.getvalue().rstrip().rsplit("\n\n", 1)[0]
    assert str(answer).startswith(told)
    assert "--html" not in str(answer)  # here one has functions, not options


def test_a_training_that_went_to_nan_has_a_page():
    assert _json({"loss": [1.0, float("nan")], "most": float("inf")}) == (
        '{"loss":[1.0,null],"most":null}'
    )
