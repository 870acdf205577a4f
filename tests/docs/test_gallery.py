"""The pages of questions: complete, findable, and true to the answers that they show.

That the answers are what the commands print is test_commands.py's to check.
"""

import re
from pathlib import Path

import pytest

from whydiff.diagnosis.mechanisms import mechanism

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
PAGES = sorted(page for page in GALLERY.glob("*.md") if page.name != "index.md")
LINK = re.compile(r"\.\./sources/[\w-]+\.md#([\w-]+)\)")


def words(text):
    return " ".join(text.split())


def test_there_are_twelve_and_each_is_listed():
    listed = re.findall(r"\]\((\w+\.md)\)", (GALLERY / "index.md").read_text())
    assert len(PAGES) == 12
    assert sorted(listed) == [page.name for page in PAGES]
    titles = {page.name: page.read_text().splitlines()[0].removeprefix("# ") for page in PAGES}
    index = (GALLERY / "index.md").read_text()
    assert all(f"[{title}]({name})" in index for name, title in titles.items())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_a_script_an_answer_the_fix_and_why(page):
    text = page.read_text()
    script = re.search(r"^<!-- include: (\S+) -->$", text, re.MULTILINE)[1]
    assert (GALLERY.parents[1] / script).is_file()
    assert "*Also asked as: " in text
    assert re.findall("^## (.+)", text, re.MULTILINE) == ["Ask", "The fix", "Why"]
    assert re.search(r"<!-- run: whydiff \w+ " + re.escape(script), text)
    pictures = re.findall(r"\]\((\S+\.png)\)", text)
    assert set(pictures) <= {f"../images/{page.stem}.png"}
    assert all((GALLERY / picture).is_file() for picture in pictures)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_mechanism_that_a_page_names_is_that_of_the_answer(page):
    answer, _, prose = page.read_text().partition("<!-- end -->")
    for id in LINK.findall(prose):
        if "What to do:" in answer:
            assert words(mechanism(id).remedy) in words(answer)
