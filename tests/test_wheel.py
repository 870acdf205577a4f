"""What whoever installs whydiff gets: the package, its types, its licences, and nothing else."""

from __future__ import annotations

import email
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import whydiff

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("wheel")]

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "whydiff"
VEGA = ("LICENSE.vega", "LICENSE.vega-lite", "LICENSE.vega-interpreter", "LICENSES.bundled")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built offline by the backend that pyproject.toml names, in this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def test_it_holds_every_file_of_the_package_and_no_other(wheel):
    there = {
        path.relative_to(ROOT / "src").as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {n for n in wheel.namelist() if ".dist-info/" not in n} == there
    assert "whydiff/py.typed" in there
    assert {"whydiff/report/assets/vega/vega.min.js", "whydiff/storage/FORMAT.md"} <= there


def test_our_licence_and_those_of_vendored_files_come_along(wheel, metadata):
    assert metadata["License-Expression"] == "Apache-2.0"
    named = [Path(name).name for name in metadata.get_all("License-File")]
    assert sorted(named) == sorted(["LICENSE", *VEGA])
    for name in metadata.get_all("License-File"):
        inside = [n for n in wheel.namelist() if n.endswith(f".dist-info/licenses/{name}")]
        assert wheel.read(*inside) == (ROOT / name).read_bytes()


def test_it_says_who_wrote_it_and_where_it_lives(metadata):
    assert metadata["Author"] == "The whydiff authors"
    assert metadata["Version"] == whydiff.__version__
    urls = dict(entry.split(", ", 1) for entry in metadata.get_all("Project-URL"))
    assert set(urls) == {"Source", "Issues", "Changelog"}


def test_the_command_and_the_plugin_are_found(wheel):
    (name,) = (n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    text = wheel.read(name).decode()
    assert "whydiff = whydiff.cli:main" in text and "whydiff = whydiff.pytest_plugin" in text
