"""Environments with other versions: what moves, what stays, and what is said where none can be."""

import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.question import SideOptions
from whydiff.runner.environments import environment_for, interpreter_of, name_of, uv_command

CODE = "import six, sys; print(six.__version__, six.__file__)"


def asked(python, code=CODE):
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout


def uv(*arguments):
    subprocess.run([*uv_command(), *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A small environment, with a package in it that comes from no index."""
    folder = tmp_path_factory.mktemp("base")
    local = folder / "local"
    (local / "mine").mkdir(parents=True)
    (local / "mine/__init__.py").write_text("VALUE = 5\n")
    (local / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "1.0"\ndependencies = ["six>=1.15"]\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    )
    python = folder / "env/bin/python"
    uv("venv", "-q", "--python", sys.executable, folder / "env")
    uv(
        "pip",
        "install",
        "-q",
        "--python",
        python,
        "-e",
        local,
        "six==1.17.0",
        "numpy",
        "tomli==2.0.1",
        "docopt",
        "omegaconf==2.3.0",  # needs antlr4-python3-runtime 4.9, of which there is no wheel
    )
    return python


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/whydiff"


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))


def test_only_what_is_asked_for_moves_and_all_else_is_what_is_installed(base, cache):
    made = environment_for(["six==1.16.0"], python=base)
    assert made.name == "six==1.16.0"
    assert (made.packages["six"], made.packages["tomli"]) == ("1.16.0", "2.0.1")
    version, file = asked(made.python).split()
    assert version == "1.16.0" and Path(file).is_relative_to(cache)
    assert asked(base).split()[0] == "1.17.0"
    same = "import docopt, tomli, mine; print(tomli.__file__, mine.VALUE)"
    file, value = asked(made.python, same).split()
    assert Path(file).resolve() == Path(asked(base, same).split()[0]).resolve()
    assert value == "5"


def test_a_file_of_requirements_moves_what_it_pins_and_keeps_what_fits(base, cache, tmp_path):
    (tmp_path / "more.txt").write_text("tomli>=1.1  # any\n")
    listed = "# what is needed\n-r more.txt\nnumpy\nsix==1.16.0 ; python_version > '3'\n"
    (tmp_path / "requirements.txt").write_text(listed)
    asked_for = SideOptions(python=str(base), packages=("-r requirements.txt",))
    found = interpreter_of(asked_for, tmp_path / "train.py", tmp_path)
    assert found.name == "-r requirements.txt"
    assert (found.packages["six"], found.packages["tomli"]) == ("1.16.0", "2.0.1")
    with pytest.raises(WhydiffError, match=r"there is no file requirements\.txt"):
        interpreter_of(asked_for, tmp_path / "train.py", tmp_path / "elsewhere")


def test_the_recorder_finds_what_it_needs(base, cache):
    made = environment_for(["six==1.16.0"], python=base)
    asked(made.python, "import xxhash")  # which `base` lacks
    lent = environment_for(python=base).lent
    assert list(lent) == ["xxhash"]
    assert (Path(lent["xxhash"]) / "__init__.py").exists()


def test_an_environment_is_made_once(base, cache, no_network, monkeypatch):
    with monkeypatch.context() as connected:
        connected.delenv("UV_OFFLINE")
        connected.delenv("UV_CACHE_DIR")
        first = environment_for(["six==1.16.0"], python=base)
    assert environment_for(["six==1.16.0"], python=base) == first


def test_without_a_network_it_says_so(base, cache, no_network):
    with pytest.raises(WhydiffError, match="did not reach the package index") as error:
        environment_for(["six==1.16.0"], python=base)
    assert "six==1.16.0" in str(error.value)
    assert list(cache.glob("environments/*")) == []


def test_versions_that_do_not_fit_are_refused_with_the_reason_of_uv(base, cache):
    with pytest.raises(WhydiffError, match=r"six<1\.15 and .*mine|six>=1\.15"):
        environment_for(["six==1.10.0"], python=base)
    with pytest.raises(WhydiffError, match="there is no version of six==99"):
        environment_for(["six==99"], python=base)


def test_by_a_date_every_package_is_the_newest_of_that_day(base, cache):
    made = environment_for(as_of="2024-06-01", python=base)
    assert made.name == "the packages of 2024-06-01"
    assert (made.packages["six"], made.packages["numpy"]) == ("1.16.0", "1.26.4")


def test_nothing_is_built_from_source(base, cache):
    with pytest.raises(WhydiffError, match=r"numpy==1.22.4 has no usable wheels"):
        environment_for(["numpy==1.22.4"], python=base)


def test_what_was_built_here_stays_with_what_requires_it(base, cache):
    found = environment_for(["six==1.16.0"], python=base)
    assert found.packages["omegaconf"] == "2.3.0"
    assert found.packages["antlr4-python3-runtime"].startswith("4.9.")
    code = "import antlr4, omegaconf; print(omegaconf.__version__)"
    assert asked(found.python, code).strip() == "2.3.0"


@pytest.mark.parametrize(
    ("requirement", "as_of", "said"),
    [
        ("--index-url=x", None, "no requirement"),
        ("whydiff==0.1", None, "watches from outside"),
        ("six==1.16.0", "June", "'June' is no date"),
    ],
)
def test_what_cannot_be_asked_for(requirement, as_of, said, base, cache):
    with pytest.raises(WhydiffError, match=said):
        environment_for([requirement], as_of, base)


def test_a_python_that_is_none(tmp_path):
    with pytest.raises(WhydiffError, match=r"there is no Python .*nothing"):
        environment_for(python=tmp_path / "nothing")
    with pytest.raises(WhydiffError, match="does not run as Python"):
        environment_for(python=Path("/bin/true"))


def test_uv_that_is_missing(base, cache, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(WhydiffError, match="uv, which is not installed") as error:
        environment_for(["six==1.16.0"], python=base)
    assert "whydiff[versions]" in error.value.way_out


def test_names_are_normalized():
    assert [name_of(t) for t in ("Keras==3.1", "ml_dtypes >=1", "zope.interface[x]; y", "")] == [
        "keras",
        "ml-dtypes",
        "zope-interface",
        "",
    ]
