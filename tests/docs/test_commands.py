"""What the documentation shows is what the program does: commands, output, Python."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import click
import pytest

from whydiff.cli import main

_spec = importlib.util.spec_from_file_location("written", Path(__file__).with_name("written.py"))
written = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(written)

ROOT, PAGES, DOCS = written.ROOT, written.PAGES, written.DOCS
README = ROOT / "README.md"
marked, TRANSCRIPTS = written.marked, written.TRANSCRIPTS


def check(page):
    """Verdict and causes are those of the page; digits may differ between processors."""
    (ROOT / "build").mkdir(exist_ok=True)
    for written in re.findall(r"--output (\S+)", " ".join(marked(page))):
        (ROOT / written).unlink(missing_ok=True)
    for command in marked(page):
        shown = page.read_text().split(f"$ {command}\n")[1].split("```")[0]
        said = TRANSCRIPTS.run(command)
        assert words(said) == words(shown), command
        causes = re.compile(r"^(\w[\w-]+)(?= .*%)", re.MULTILINE)
        assert sorted(causes.findall(said)) == sorted(causes.findall(shown)), command


def words(text):
    """The words of the verdict, in any order: that of causes is their shares'."""
    return sorted(re.findall(r"[a-z-]{3,}", text.split("\n\n")[0]))


@pytest.mark.long
def test_the_first_screen_of_the_readme_is_real():
    check(README)


@pytest.mark.thorough
@pytest.mark.parametrize("page", [p for p in DOCS if marked(p)], ids=written.name)
def test_transcripts_say_what_the_commands_say(page):
    check(page)


def commands():
    """Every `whydiff ...` in a code block or between backticks, with its page."""
    for page in PAGES:
        text = page.read_text()
        blocks = re.findall(r"```(?:console|sh|shell|bash|yaml)\n(.*?)```", text, re.S)
        lines = [line.strip().lstrip("$ ") for block in blocks for line in block.splitlines()]
        quoted = re.findall(r"`(whydiff [^`\n]+)`", text)
        for line in [*(x for x in lines if x.startswith("whydiff ")), *quoted]:
            yield page.name, line.split("  #")[0]


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_commands_have_the_verbs_and_options_they_are_shown_with(page, line):
    given = shlex.split(line.replace("|", " ").replace("...", ""))[1:]
    given = given[: given.index("--")] if "--" in given else given
    verb = next((w for w in given if not w.startswith("-")), None)
    if verb is None:
        return
    command = main.get_command(click.Context(main), verb)
    assert command is not None, f"{page}: there is no verb {verb}"
    known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
    known |= {"--help", "-h"}
    for word in given:
        # a value in quotes may begin like an option: --b-args "--lr 0.1"
        if word.startswith("-") and word != "-" and " " not in word:
            assert word.split("=")[0] in known, f"{page}: {verb} has no {word}"


def test_make_targets_that_are_named_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        for target in re.findall(r"`make ([a-z-]+)", page.read_text()):
            assert target in targets, f"{page.name}: no target {target}"


def test_links_of_the_documentation_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            if not target.startswith(("http:", "https:", "mailto:")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
