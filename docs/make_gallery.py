"""Asks the questions of docs/gallery again: the answers, and the pictures of their pages.

    make_gallery.py [--pictures] [QUESTION ...]      all pages of docs/gallery/ if none is named

Each command runs once. Its output goes into the page (see make_transcripts.py), its answer into
build/gallery/QUESTION.json, and the page that is made of the answer is photographed into
docs/images/QUESTION.png. With --pictures only that, of answers that lie in build/gallery.

`make gallery` sets up what it needs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import make_screenshots
import make_transcripts

GALLERY = make_transcripts.ROOT / "docs" / "gallery"
ANSWERS = make_transcripts.ROOT / "build" / "gallery"
#: wide enough for the page to be laid out as on a desktop, and read in the width of the site
WIDTH = 980


def with_picture(text: str, name: str) -> str:
    """The page's text with the picture of its answer below the answer."""
    end, shown = "<!-- end -->\n", f"](../images/{name}.png)"
    if shown in text:
        return text
    said = "The page (`--html page.html`) of the same answer.\n"
    return text.replace(end, f"{end}\n![The page of this answer{shown}\n\n{said}", 1)


def photograph(text: str, name: str) -> None:
    """The picture of the page of an answer that lies in build/gallery."""
    command = make_transcripts.MARKED.search(text)["command"]  # type: ignore[index]
    answer = ANSWERS / f"{name}.json"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / f"{name}.html"
        if command.startswith("whydiff check "):  # which runs nothing
            make_transcripts.run(command, ("--html", str(page)))
        else:
            make_transcripts.run(f"whydiff report {answer} --html {page}")
        make_screenshots.take({name: page}, {name: (name, WIDTH, 0, "light")})


def main() -> None:
    ANSWERS.mkdir(parents=True, exist_ok=True)
    words = sys.argv[1:]
    only_pictures = "--pictures" in words
    named = [word for word in words if word != "--pictures"]
    for name in named or sorted(p.stem for p in GALLERY.glob("*.md") if p.stem != "index"):
        page = GALLERY / f"{name}.md"
        text = page.read_text()
        if not only_pictures:
            to = ("--json", str(ANSWERS / f"{name}.json"), "--force")
            text = make_transcripts.filled(text, to)
        photograph(text, name)
        page.write_text(with_picture(text, name))


if __name__ == "__main__":
    main()
