"""Pages as a person meets them: in a browser, offline, on a phone, in the dark, on paper."""

import functools

import pytest
from axe_playwright_python.sync_playwright import Axe

from whydiff.report import html_page
from whydiff.testing import answers

pytestmark = pytest.mark.long

FINDINGS = {
    "explanation": answers.explanation,
    "diff": answers.diff,
    "study": answers.study,
    "comparison": answers.comparison,
    "recording": answers.execution,
}
DESKTOP, PHONE = (1280, 800), (360, 640)


@functools.cache
def html(kind):
    return html_page(FINDINGS[kind]())


@functools.cache
def hostile(kind):
    return html_page(FINDINGS[kind](answers.HOSTILE))


@pytest.mark.parametrize("kind", FINDINGS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_without_a_complaint_and_is_accessible(opened, kind, scheme):
    shown = opened(html(kind), scheme=scheme)
    # Whatever is folded away is looked at, too.
    shown.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(shown.page)
    assert found.violations_count == 0, found.generate_report()
    assert shown.said == []
    assert [url for url in shown.asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("kind", FINDINGS)
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_verdict_is_on_the_first_screen_and_nothing_is_too_wide(opened, kind, size):
    shown = opened(html(kind), *size)
    box = shown.page.locator("#verdict").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= size[1]
    width = shown.page.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0], "the page must not scroll sideways"
    charts = shown.page.locator(".chart svg")
    for i in range(charts.count()):
        chart = charts.nth(i).bounding_box()
        assert chart["x"] >= 0 and chart["x"] + chart["width"] <= size[0]


@pytest.mark.parametrize("kind", FINDINGS)
def test_hostile_names_are_text(opened, kind):
    shown = opened(hostile(kind))
    assert shown.page.evaluate("window.stolen") is None
    assert "<script>window.stolen" in shown.page.evaluate("document.body.innerText")
    assert shown.said == []


def test_names_in_charts_are_text_too(opened):
    causes = tuple(
        type(c)(**{**vars(c), "source": answers.HOSTILE}) for c in answers.explanation().causes
    )
    shown = opened(html_page(answers.explanation(causes=causes)))
    assert shown.page.evaluate("window.stolen") is None
    assert shown.page.locator("svg script, svg img").count() == 0


def test_colours_follow_the_scheme_inside_charts(opened):
    def line(scheme):
        shown = opened(html("explanation"), scheme=scheme)
        return shown.page.evaluate(
            "getComputedStyle(document.querySelector('.chart svg .mark-line path')).stroke"
        )

    assert line("light") == "rgb(0, 114, 178)"
    assert line("dark") == "rgb(86, 180, 233)"


def test_the_keyboard_reaches_evidence_tables_and_folds(opened):
    page = opened(html("explanation")).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelector('details').open") is True
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
    assert {"A", "SUMMARY", "DIV", "PRE"} <= reached


def test_charts_keep_to_the_width_when_the_window_changes(opened):
    shown = opened(html("explanation"))
    shown.page.set_viewport_size({"width": 420, "height": 800})
    shown.page.wait_for_function(
        "document.querySelector('.chart svg').getBoundingClientRect().width <= 400"
    )
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 420


def test_print_opens_what_is_folded_and_is_light(opened):
    shown = opened(html("explanation"), scheme="dark")
    shown.page.emulate_media(media="print", color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert shown.page.evaluate(background) == "rgb(255, 255, 255)"
    shown.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert shown.page.locator("details:not([open])").count() == 0
    shown.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert shown.page.locator("details[open]").count() == 0
    paper = shown.page.pdf(format="A4")
    assert paper.startswith(b"%PDF") and len(paper) > 20_000


def test_pointing_at_a_chart_tells_the_numbers(opened):
    page = opened(html("explanation")).page
    figure = page.locator("figure", has_text="How far each source moves the predictions")
    bar = figure.locator(".mark-rect.role-mark path").first
    bar.scroll_into_view_if_needed()
    bar.hover()
    assert "source: initialization" in page.locator(".tip").inner_text()


def test_the_page_of_a_study_of_a_thousand_replicas(opened):
    shown = opened(html_page(answers.study(draws=1000)))
    assert shown.said == []


def test_a_notebook_shows_the_page_with_its_charts(opened):
    cell = answers.explanation()._repr_html_()
    shown = opened(f"<!DOCTYPE html><title>notebook</title><main>{cell}</main>")
    frame = shown.page.frames[1]
    assert frame.locator("#verdict").inner_text().startswith("The two trainings differ")
    pictures = frame.locator(".picture svg")
    boxes = [pictures.nth(i).bounding_box() for i in range(pictures.count())]
    assert boxes and all(box["width"] > 300 and box["height"] > 50 for box in boxes)
    assert shown.said == []
