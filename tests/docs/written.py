"""What stands in the documentation: its pages, the commands on them, their Python."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *DOCS,
    *sorted((ROOT / "src/whydiff/storage").glob("*.md")),
]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TOLD = re.compile(r"(?:[A-Z_]+=\S+ )*(?:env (?:[A-Z_]+=\S+ )+)?whydiff [a-z]")
_FILE = re.compile(r"\S*[a-z_]\.(?:py|whydiff|json)\b")


def _loaded(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TRANSCRIPTS = _loaded(ROOT / "docs" / "make_transcripts.py")
BEFORE = _loaded(Path(__file__).with_name("before.py")).BEFORE


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def marked(page: Path) -> list[str]:
    """The commands whose output a page shows; those on Fashion-MNIST are `make fashion`'s."""
    parts = TRANSCRIPTS.MARKED.finditer(page.read_text())
    found = [m["command"] for m in parts if not m["first"]]  # else it goes on with the one before
    return [command for command in found if "fashion_mnist" not in command]


def blocks(page: Path, *languages: str) -> list[str]:
    """The code blocks of these languages, what a transcript shows left out."""
    text = TRANSCRIPTS.MARKED.sub("", page.read_text())
    return [code for language, code in _BLOCK.findall(text) if language in languages]


def commands(page: Path) -> list[str]:
    """Every whole command of whydiff or pytest that stands on the page, in its order.

    Between backticks only what names a file is whole: `whydiff study` is just a name.
    """
    text = TRANSCRIPTS.MARKED.sub("", page.read_text())
    found: list[tuple[int, str]] = []
    for block in _BLOCK.finditer(text):
        if block[1] in ("sh", "console", "yaml"):
            for line in block[2].splitlines():
                line = re.sub(r"^\s*(\$|- run:|run:|entry:) ", "", line).partition(" #")[0].strip()
                if _TOLD.match(line) or line.split(" ")[0] == "pytest":
                    found.append((block.start(), line))
    prose = _BLOCK.sub(lambda block: " " * len(block[0]), text)
    found += [
        (quoted.start(), quoted[1])
        for quoted in re.finditer(r"`([^`\n]+)`", prose)
        if _TOLD.match(quoted[1]) and _FILE.search(quoted[1])
    ]
    return [command for _, command in sorted(found, key=lambda item: item[0])]


def words_of(command: str) -> tuple[dict[str, str], list[str]]:
    """Settings of the environment before a command, and its words."""
    words, settings = shlex.split(command), {}
    while words and (words[0] == "env" or "=" in words[0]):
        setting, _, value = words.pop(0).partition("=")
        settings[setting] = value
    settings.pop("env", None)
    return settings, words
