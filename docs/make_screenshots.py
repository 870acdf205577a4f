"""Makes the documentation's pictures of pages, from real runs of the examples, in a real browser.

    make_screenshots.py [PICTURE ...]      writes docs/images/*.png, all if none is named

Trains for a minute or two.

`make screenshots` sets up what it needs.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking")  # fmt: skip

#: page -> the command that makes it; {page} is its file, {folder} where other files may go
PAGES = {
    "explain": "explain examples/shuffling.py --html {page} --json {folder}/answer.json",
    "study": "study examples/weight_initialization.py -o {folder}/study.whydiff --html {page}",
    "compare": "compare examples/weight_initialization.py --set optimizer=sgd --html {page}",
    "report": "report {folder}/callbacks.whydiff --html {page}",
}
#: recorded first, for the page of a recording
RECORDED = "record examples/callbacks.py -o {folder}/callbacks.whydiff"
#: picture -> page, width, height, scheme
PICTURES = {
    "explain": ("explain", 1280, 1500, "light"),
    "explain_dark": ("explain", 1280, 1500, "dark"),
    "explain_phone": ("explain", 360, 780, "dark"),
    "study": ("study", 1280, 1500, "light"),
    "compare": ("compare", 1280, 1500, "light"),
    "report": ("report", 1280, 1100, "light"),
}


def run(command: str, folder: Path, page: Path) -> None:
    """``whydiff`` as installed beside this Python, on the JAX backend."""
    words = command.format(folder=folder, page=page).split()
    program = Path(sys.executable).with_name("whydiff")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
    print(f"running: whydiff {' '.join(words)}", file=sys.stderr)
    done = subprocess.run(
        [program, *words], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode not in (0, 3):  # 3: compare left it open
        raise SystemExit(f"whydiff {' '.join(words)} failed with exit code {done.returncode}")


def take(pages: Mapping[str, Path], pictures: Mapping[str, tuple[str, int, int, str]]) -> None:
    """The pictures by name: of which of the ``pages``, width, height, scheme.

    A height of 0 goes to the end of the first section.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("there is no Chromium: `make chromium` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name, (page, width, height, scheme) in pictures.items():
            context = browser.new_context(
                viewport={"width": width, "height": height or 1200},
                color_scheme=scheme,
                offline=True,
            )
            tab = context.new_page()
            tab.goto(pages[page].as_uri())
            tab.wait_for_function(
                "[...document.querySelectorAll('.chart')].every(c => c.dataset.drawn)"
            )
            if not height:
                box = tab.locator("section").first.bounding_box()
                assert box is not None
                height = round(box["y"] + box["height"] + 16)
            clip = {"x": 0, "y": 0, "width": width, "height": height}
            shot = tab.screenshot(clip=clip, full_page=True)
            (IMAGES / f"{name}.png").write_bytes(small(shot))
            context.close()
        browser.close()


def small(png: bytes) -> bytes:
    """The picture with at most 128 colours, of which none is far from what it was: a third of the
    bytes. (What takes the most frequent colours turns a legend grey.)"""
    from PIL import Image

    kept = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(128, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        kept, "PNG", optimize=True
    )
    return kept.getvalue()


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder, names = Path(name), sys.argv[1:] or list(PICTURES)
        wanted = dict.fromkeys(PICTURES[picture][0] for picture in names)
        pages = {page: folder / f"{page}.html" for page in wanted}
        if "report" in pages:
            run(RECORDED, folder, folder)
        for page, file in pages.items():
            run(PAGES[page], folder, file)
        take(pages, {name: PICTURES[name] for name in names})


if __name__ == "__main__":
    main()
