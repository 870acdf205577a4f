"""What tests of all kinds need: a real browser, one seed for what is sampled, and an order.

The browser is Debian's Chromium, which `make chromium` installs where it is missing.
"""

import compileall
import importlib.util
import os
import py_compile
import secrets
import shutil
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import whydiff
from whydiff.testing import HANGS

# Neither a slow example nor slow drawing of examples is a fault: other work may share the machine.
settings.register_profile("whydiff", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whydiff")

#: Most of what a small training with JAX costs is compiling. What one process compiled, others of
#: the same worker load: the same machine code, as its key is made of all the compiler is given.
#: Not across workers: JAX writes a file in place, and another process may be about to read it.
COMPILED = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}

#: Keras imports these wherever they are installed, in a third of the time that its own start takes.
#: The scripts of these folders run as where they are not; all others, with them.
OPTIONAL = ("pandas", "sklearn")
WITHOUT = ("api", "experiments", "replay")
LACKING = pytest.StashKey[str]()

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
    # Models are tiny and workers share the cores: a second thread would wait for work by spinning.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Set before workers start, so that all of them draw the same sample.
    os.environ.setdefault("WHYDIFF_BITS_SEED", str(secrets.randbelow(10**6)))
    if not hasattr(config, "workerinput"):
        # Hundreds of processes import us. Where PYTHONDONTWRITEBYTECODE is set each would compile
        # us anew; what is compiled here is checked against the text of its file, not its date.
        compileall.compile_dir(
            Path(whydiff.__file__).parent, quiet=2,
            invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
        )  # fmt: skip
    # Of the controller's none is used where there are workers, each has its own.
    folder = tempfile.TemporaryDirectory(prefix="compiled-")
    config.add_cleanup(folder.cleanup)
    os.environ.update(COMPILED, JAX_COMPILATION_CACHE_DIR=folder.name)
    lacking = tempfile.TemporaryDirectory(prefix="lacking-")
    config.add_cleanup(lacking.cleanup)
    config.stash[LACKING] = lacking.name
    for name in OPTIONAL:
        Path(lacking.name, f"{name}.py").write_text(
            "raise ImportError('left out in this folder of tests, see tests/conftest.py')\n"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    with pytest.MonkeyPatch.context() as patch:
        if item.path.parent.name in WITHOUT and not item.get_closest_marker("all_installed"):
            patch.setenv("PYTHONPATH", item.config.stash[LACKING], prepend=os.pathsep)
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests that share a fixture of their module run on one worker, which makes it once; those that
    train come first, so that no worker is alone with a long one at the end."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None and _shares_a_fixture(item):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def _shares_a_fixture(item):
    fixtures = [found[-1] for found in item._fixtureinfo.name2fixturedefs.values()]
    here = [fixture for fixture in fixtures if fixture.baseid == item.nodeid.split("::")[0]]
    return any(fixture.scope == "module" for fixture in here)


def pytest_report_header(config):
    seed = os.environ["WHYDIFF_BITS_SEED"]
    return f"combinations sampled with WHYDIFF_BITS_SEED={seed}"


@pytest.fixture
def tally(record_property):
    """What a test tries and what came of it: ``tally["studies", "refused"] += 1``."""
    counts = Counter()
    yield counts
    record_property("tally", [[*key, number] for key, number in counts.items()])


def pytest_terminal_summary(terminalreporter):
    """``make attack`` ends with how much was tried and what was lost."""
    if "WHYDIFF_ATTACK" not in os.environ:
        return
    reports = [report for found in terminalreporter.stats.values() for report in found]
    tallies = [
        line
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, lines in report.user_properties
        if name == "tally"
        for line in lines
    ]
    tried = defaultdict(Counter)
    for what, outcome, number in tallies:
        tried[what][outcome] += number
    terminalreporter.section("tried")
    for what, outcomes in sorted(tried.items()):
        told = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
        terminalreporter.write_line(f"{what}: {told}")
    passed, failed, broken = map(
        len, map(terminalreporter.getreports, ("passed", "failed", "error"))
    )
    lost = (
        f"{failed + broken} failed: what was lost stands above"
        if failed + broken
        else "none failed"
    )
    terminalreporter.write_line(f"tests: {passed} passed, {lost}")


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
    """Every answer that a test gets from whydiff validates, see ``validating``."""
    if importlib.util.find_spec("jsonschema") is None:  # where only the pure packages are tested
        yield
        return
    from whydiff.cli.answering import Targets
    from whydiff.testing.schemas import validate, validating

    give = Targets.give

    def validated(targets, answer, *words, **options):
        validate(answer)
        give(targets, answer, *words, **options)

    with validating(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Targets, "give", validated)  # what a verb answers in this process
        yield
