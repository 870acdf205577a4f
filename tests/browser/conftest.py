"""Pages in a real browser."""

from pathlib import Path

import pytest

from whydiff.testing import HANGS


class Opened:
    """A page in the browser, with everything it complained about and asked for."""

    def __init__(self, page, file):
        self.page, self.said, self.asked = page, [], []
        page.on("console", lambda m: self.said.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: self.said.append(f"error: {e}"))
        page.on("request", lambda r: self.asked.append(r.url))
        page.goto(Path(file).as_uri())
        page.wait_for_function(
            "[...document.querySelectorAll('.chart')].every(c => c.dataset.drawn === 'yes')"
        )


@pytest.fixture
def opened(browser, tmp_path):
    """``opened(html, width, height, scheme)`` shows a page, offline."""
    contexts = []

    def show(html, width=1280, height=800, scheme="light"):
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
        )
        context.set_default_timeout(1000 * HANGS)
        contexts.append(context)
        return Opened(context.new_page(), file)

    yield show
    for context in contexts:
        context.close()
