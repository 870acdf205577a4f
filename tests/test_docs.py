"""What the documentation shows is what the program does: commands, output, Python."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "docs"))
import make_transcripts

from whydiff.cli import main

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "decisions" not in p.parts),
]
#: needs data that `make fashion` fetches, and runs there
ELSEWHERE = {"fashion_mnist.md"}


def marked(page):
    return [found["command"] for found in make_transcripts.MARKED.finditer(page.read_text())]


TRANSCRIPTS = [
    pytest.param(page, command, id=f"{page.name}: {command}")
    for page in PAGES
    if page.name not in ELSEWHERE
    for command in marked(page)
]


@pytest.mark.long
@pytest.mark.parametrize(("page", "command"), TRANSCRIPTS)
def test_transcripts_say_what_the_commands_say(page, command):
    """Verdict and causes; digits may differ between processors."""
    shown = page.read_text().split(f"$ {command}\n")[1].split("```")[0]
    said = make_transcripts.run(command)
    assert without_numbers(said.split("\n\n")[0]) == without_numbers(shown.split("\n\n")[0])
    heads = re.compile(r"^(\w[\w-]+)(?= .*%)", re.MULTILINE)
    assert sorted(heads.findall(said)) == sorted(heads.findall(shown))


def without_numbers(text):
    return re.sub(r"[\d.]+", "0", " ".join(text.split()))


def python_blocks():
    for page in PAGES:
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.S)):
            yield pytest.param(block, id=f"{page.name}-{number}")


@pytest.mark.long
@pytest.mark.parametrize("block", list(python_blocks()))
def test_python_examples_run(block, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "train.py").symlink_to(ROOT / "examples" / "shuffling.py")
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def commands():
    """Every `whydiff ...` in a code block or between backticks, with its page."""
    for page in PAGES:
        text = page.read_text()
        blocks = re.findall(r"```(?:console|sh|shell|bash)\n(.*?)```", text, re.S)
        lines = [line.lstrip("$ ") for block in blocks for line in block.splitlines()]
        quoted = re.findall(r"`(whydiff [^`\n]+)`", text)
        for line in [*(x for x in lines if x.startswith("whydiff ")), *quoted]:
            yield page.name, line.split("  #")[0]


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_commands_have_the_verbs_and_options_they_are_shown_with(page, line):
    words = shlex.split(line.replace("|", " ").replace("...", ""))[1:]
    words = words[: words.index("--")] if "--" in words else words
    verb = next((w for w in words if not w.startswith("-")), None)
    if verb is None:
        return
    context = click.Context(main)
    command = main.get_command(context, verb)
    assert command is not None, f"{page}: there is no verb {verb}"
    known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
    known |= {"--help", "-h"}
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.split("=")[0] in known, f"{page}: {verb} has no {word}"


def test_make_targets_that_are_named_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        for target in re.findall(r"`make ([a-z-]+)", page.read_text()):
            assert target in targets, f"{page.name}: no target {target}"
