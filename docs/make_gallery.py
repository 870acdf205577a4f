"""Asks the questions of docs/gallery again: the answers, and the pictures of their pages.

    make_gallery.py [QUESTION ...]      all pages of docs/gallery/ if none is named

Each command runs once. Its output goes into the page (see make_transcripts.py), the page that it
makes with --html is photographed into docs/images/QUESTION.png.

`make gallery` sets up what it needs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import make_screenshots
import make_transcripts

GALLERY = make_transcripts.ROOT / "docs" / "gallery"
WIDTH, HEIGHT = 1280, 900


def with_picture(text: str, name: str) -> str:
    """The page's text with the picture of its answer below the answer."""
    end, shown = "<!-- end -->\n", f"](../images/{name}.png)"
    if shown in text:
        return text
    said = "The page (`--html page.html`) of the same answer.\n"
    return text.replace(end, f"{end}\n![The page of this answer{shown}\n\n{said}", 1)


def main() -> None:
    (make_transcripts.ROOT / "build").mkdir(exist_ok=True)
    named = sys.argv[1:] or sorted(p.stem for p in GALLERY.glob("*.md") if p.stem != "index")
    for name in named:
        page = GALLERY / f"{name}.md"
        with tempfile.TemporaryDirectory() as folder:
            html = Path(folder) / f"{name}.html"
            text = make_transcripts.filled(page.read_text(), ("--html", str(html)))
            make_screenshots.take({name: html}, {name: (name, WIDTH, HEIGHT, "light")})
        page.write_text(with_picture(text, name))


if __name__ == "__main__":
    main()
