"""The site builds strictly, has every page, asks no other host, and can be searched."""

from __future__ import annotations

import dataclasses
import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

import whydiff
from whydiff.cli.group import VERBS
from whydiff.core.comparison import Comparison
from whydiff.core.findings import Diff, Explanation
from whydiff.core.study import Study
from whydiff.core.verification import Verification
from whydiff.diagnosis.sources import CATALOGUE
from whydiff.testing import HANGS

# one process: the site is built once for all of them
pytestmark = pytest.mark.xdist_group("site")

ROOT = Path(__file__).parents[2]


#: as `make docs` says it: with --quiet, --strict would let everything pass
OPTIONS = re.search(r"-m mkdocs (build.*)", (ROOT / "Makefile").read_text())[1].split()


def build(folder, root=ROOT):
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", *OPTIONS, "-d", folder],
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("link", ["nowhere.md", "study.md#nope", "../examples/gone.py"])
def test_a_link_that_leads_nowhere_is_an_error(tmp_path, link):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    elsewhere = [path.name for path in ROOT.glob("*.md")] + ["examples"]
    for name in ("mkdocs.yml", "src", *elsewhere):
        (tmp_path / name).symlink_to(ROOT / name)
    with (tmp_path / "docs" / "pages.md").open("a") as page:
        page.write(f"\n[gone]({link})\n")
    done = build(tmp_path / "site", tmp_path)
    assert done.returncode != 0
    assert "1 warnings" in done.stdout + done.stderr


class Asking(HTMLParser):
    """What a page makes the browser fetch by itself."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag in ("script", "img", "iframe", "source"):
            self.found.append(given.get("src"))
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload", "preconnect"):
            self.found.append(given.get("href"))


def test_no_page_asks_another_host(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        asking = Asking()
        asking.feed(page.read_text())
        foreign = [a for a in asking.found if a and re.match(r"(https?:)?//", a)]
        assert not foreign, f"{page.name}: {foreign}"


@pytest.mark.parametrize("source", [s.id for s in CATALOGUE])
def test_every_source_has_its_page(site, source):
    assert (site / "sources" / f"{source}.html").exists()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_page_with_all_its_options(site, verb):
    text = (site / "commands" / f"{verb}.html").read_text()
    program = Path(sys.executable).with_name("whydiff")
    told = subprocess.run([program, verb, "--help"], capture_output=True, text=True).stdout
    options = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", told, re.MULTILINE)
    assert "--help" in options
    assert all(option in text for option in options)


@pytest.mark.parametrize("name", [n for n in whydiff.__all__ if n != "__version__"])
def test_every_public_name_is_documented(site, name):
    assert f"whydiff.{name}" in (site / "python.html").read_text()


@pytest.mark.parametrize("found", [Explanation, Diff, Study, Comparison, Verification])
def test_what_an_answer_holds_is_documented(site, found):
    text = re.sub(r"<[^>]+>", "", (site / "python.html").read_text())
    for field in dataclasses.fields(found):
        assert f"{field.name}: " in text


def test_docstrings_show_no_marks_of_another_markup(site):
    text = (site / "python.html").read_text()
    assert not re.search(r":(?:func|class|meth|mod|data):", text)
    assert "::</p>" not in text and "``" not in text


def test_scripts_are_shown_where_a_page_includes_them(site):
    text = re.sub(r"<[^>]+>", "", (site / "tutorial" / "shuffling.html").read_text())
    assert "def build_model(seed):" in text


def test_no_test_or_tool_is_on_the_site(site):
    assert not list(site.rglob("*.py"))


def test_everything_is_in_the_search(site):
    found = json.loads((site / "search" / "search_index.json").read_text())["docs"]
    assert any(entry["location"].startswith("sources/initialization.html") for entry in found)
    assert any(entry["location"].startswith("commands/explain.html") for entry in found)
    weights = {entry["location"].partition("/")[0]: entry.get("boost", 1) for entry in found}
    assert weights["gallery"] > weights["study.html"] > weights["decisions"], "questions first"


READY = "!/Initializing/.test(document.querySelector('.md-search-result__meta').textContent)"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *said):
        pass


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "page", ["index", "sources/index", "python", "check", "tutorial/shuffling"]
)
def test_a_page_in_a_browser(browser, address, page, scheme):
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(1000 * HANGS)
    tab = context.new_page()
    asked, trouble = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.goto(f"{address}{page}.html")
    found = Axe().run(tab).response["violations"]
    assert not [v["help"] for v in found if v["impact"] in ("serious", "critical")]
    tab.click("input.md-search__input")
    # typed before the index is loaded, words are lost
    tab.wait_for_function(READY)
    tab.keyboard.type("dropout")
    tab.wait_for_selector(".md-search-result__item")
    wanted = {"light": "default", "dark": "slate"}[scheme]
    assert tab.evaluate("document.body.getAttribute('data-md-color-scheme')") == wanted
    assert not trouble
    assert all(url.startswith((address, "blob:", "data:")) for url in asked)
    context.close()
