"""``whydiff help`` and ``completion``: the catalogue and the shells, without any run."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from whydiff.cli import main
from whydiff.diagnosis.mechanisms import CALL_MECHANISMS, MECHANISMS
from whydiff.diagnosis.sources import CATALOGUE
from whydiff.lint import RULES

DOCS = Path(__file__).parents[2] / "docs"
KNOWN = {**MECHANISMS, **CALL_MECHANISMS}


def run(*words):
    done = CliRunner().invoke(main, list(words))
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize("id", KNOWN)
def test_every_mechanism_has_an_entry_and_an_anchor(id):
    code, text = run("help", id)
    assert code == 0 and text.startswith(f"{id}: ")
    for part in (KNOWN[id].says, KNOWN[id].remedy):
        assert "".join(part.split()) in text.replace(" ", "")
    pages = [DOCS / "sources" / f"{source}.md" for source in KNOWN[id].sources]
    pages = pages if id in MECHANISMS else [DOCS / "sources" / "calls.md"]
    assert all(f'<a id="{id}"></a>' in page.read_text() for page in pages)


@pytest.mark.parametrize("source", CATALOGUE, ids=lambda source: source.id)
def test_every_source_lists_its_mechanisms(source):
    code, text = run("help", source.id)
    assert code == 0
    assert all(m.id in text for m in KNOWN.values() if source.id in m.sources)
    assert source.id in run("help")[1]


def test_rules_are_known_by_id_and_name():
    for rule in RULES:
        assert run("help", rule.id) == run("help", rule.id.lower())
        named = run("help", rule.name)[1]  # a mechanism of the same name names the rule
        assert named == run("help", rule.id)[1] or f"{rule.id} {rule.name}" in named
        assert rule.title.split()[0] in run("help", rule.id)[1]


def test_a_verb_gives_its_own_help_and_a_wrong_word_the_closest():
    assert "lock [OPTIONS] [SCRIPT] [-- SCRIPT ARGUMENTS] Train a script" in run("help", "lock")[1]
    code, text = run("help", "seeded-one")
    assert code == 2 and "Close to it: seeded-once" in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(shell):
    code, text = run("completion", shell)
    assert code == 0 and f"_WHYDIFF_COMPLETE={shell}_complete" in text


def test_what_a_shell_asks_for_is_answered():
    environment = {
        "_WHYDIFF_COMPLETE": "bash_complete", "COMP_WORDS": "whydiff explain --mark",
        "COMP_CWORD": "2",
    }  # fmt: skip
    done = CliRunner().invoke(main, env=environment, prog_name="whydiff")
    assert re.search(r"^plain,--markdown$", done.output, re.MULTILINE)
