"""docs/sources/ says what the catalogue of sources says."""

import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.diagnosis.mechanisms import MECHANISMS
from whydiff.diagnosis.sources import CATALOGUE
from whydiff.lint import RULES

DOCS = Path(__file__).parents[2] / "docs"


def test_the_pages_are_up_to_date():
    done = subprocess.run([sys.executable, DOCS / "make_sources.py", "--check"])
    assert done.returncode == 0, "run docs/make_sources.py"


@pytest.mark.parametrize("source", CATALOGUE, ids=lambda source: source.id)
def test_every_source_has_its_page(source):
    text = (DOCS / "sources" / f"{source.id}.md").read_text()
    for part in (source.title, source.says, source.carried, source.looks_like, source.fix):
        assert part in text
    assert f"]({source.id}.md)" in (DOCS / "sources" / "index.md").read_text()


@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=lambda mechanism: mechanism.id)
def test_every_mechanism_stands_on_the_pages_of_its_sources(mechanism):
    rules = [rule.id for rule in RULES if rule.mechanism == mechanism.id]
    for id in mechanism.sources:
        text = (DOCS / "sources" / f"{id}.md").read_text()
        section = text.split(f"### `{mechanism.id}`")[1].split("\n### ")[0]
        for part in (mechanism.title, mechanism.says, mechanism.remedy, mechanism.seen, *rules):
            assert part in section
