"""The pages of questions: complete, findable, and true to the answers that they show.

That the answers are what the commands print is test_commands.py's to check.
"""

import re
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

from whydiff.cli import main
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_a_picture_of_its_answer_that_is_small(page):
    """`make gallery` takes it; anything that the answer says is in the text, too."""
    _, _, below = page.read_text().partition("<!-- end -->\n\n")
    (name,) = re.findall(r"!\[[^]]+\]\((\S+\.png)\)", page.read_text())
    assert below.startswith("![The page of this answer") and name == f"../images/{page.stem}.png"
    picture = (GALLERY / name).read_bytes()
    assert picture.startswith(b"\x89PNG") and 5_000 < len(picture) < 80_000
    width, height = struct.unpack(">II", picture[16:24])
    assert 900 <= width <= 1300 and 250 <= height <= 1600


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_script_of_a_page_is_one_that_can_be_asked_about(page):
    """It is Python that trains a Keras model, and `check` reads it."""
    script = (
        GALLERY.parents[1]
        / re.search(r"^<!-- include: (\S+) -->$", page.read_text(), re.MULTILINE)[1]
    )
    assert "import keras" in script.read_text() and ".fit(" in script.read_text()
    done = CliRunner().invoke(main, ["check", str(script)])
    assert done.exit_code in (0, 1), done.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_mechanism_that_a_page_names_is_that_of_the_answer(page):
    answer, _, prose = page.read_text().partition("<!-- end -->")
    for id in LINK.findall(prose):
        if "What to do:" in answer:
            remedy = mechanism(id).remedy
            # What else may be done is told for the script at hand, with its line.
            told = remedy.partition(", or ")[0] if "one pass" in remedy else remedy
            assert words(told) in words(answer)
