"""What tests of all kinds need: a real browser, and one seed for what is sampled.

The browser is Debian's Chromium, which `make chromium` installs where it is missing.
"""

import importlib.util
import os
import secrets
import shutil

import pytest
from hypothesis import HealthCheck, settings

from whydiff.testing import HANGS

# Neither a slow example nor slow drawing of examples is a fault: other work may share the machine.
settings.register_profile("whydiff", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whydiff")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
)


def pytest_configure(config):
    # Whoever imports Keras first in a process decides for all tests that run there.
    os.environ.setdefault("KERAS_BACKEND", "jax")
    # Set before workers start, so that all of them draw the same sample.
    os.environ.setdefault("WHYDIFF_BITS_SEED", str(secrets.randbelow(10**6)))


def pytest_report_header(config):
    seed = os.environ["WHYDIFF_BITS_SEED"]
    return f"combinations sampled with WHYDIFF_BITS_SEED={seed}"


def chromium_path():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.fail("these tests need Chromium: `make chromium`, or apt-get install chromium")


@pytest.fixture(scope="session")
def browser():
    """One for all tests of a process: Playwright cannot run twice in one."""
    from playwright.sync_api import sync_playwright  # the pure rooms are tested without it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=list(FLAGS), timeout=1000 * HANGS
        )
        yield browser
        browser.close()


@pytest.fixture(autouse=True, scope="session")
def answers_follow_their_schemas():
    """Every answer that a test turns into JSON in this process validates."""
    if importlib.util.find_spec("jsonschema") is None:  # where only the pure packages are tested
        yield
        return
    from whydiff.testing.schemas import validating

    with validating():
        yield
