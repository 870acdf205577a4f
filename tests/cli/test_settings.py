"""``[tool.whydiff]`` in pyproject.toml: defaults of options, said, checked and overruled."""

import importlib
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import whydiff.api.explain
from whydiff.cli import main
from whydiff.cli.group import VERBS
from whydiff.cli.settings import COMMON, NEVER, SAME, defaults, values
from whydiff.core.errors import WhydiffError


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes pyproject.toml; the current folder lies below it."""
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")
    (tmp_path / "src" / "train.py").write_text("import keras\nkeras.Sequential().fit(1)\n")
    return lambda text: (tmp_path / "pyproject.toml").write_text(text)


def command(verb):
    found = main.get_command(click.Context(main), verb)
    assert found
    return found


def run(*words):
    return CliRunner().invoke(main, list(words))


def test_common_settings_go_to_every_verb_that_has_the_option(project, capsys):
    project('[tool.whydiff]\nmetric = "val_loss"\nin-place = true\nbudget = 90\n')
    assert defaults("explain", command("explain"), VERBS) == {
        "metric": "val_loss", "in_place": True, "budget": "90",
    }  # fmt: skip
    assert defaults("show", command("show"), VERBS) == {"metric": "val_loss"}
    assert defaults("check", command("check"), VERBS) == {}
    assert "pyproject.toml sets metric = val_loss, in-place = True, budget = 90" in (
        capsys.readouterr().err
    )


def test_a_sandbox_is_a_scratch_copy(project):
    project("[tool.whydiff]\nsandbox = false\n[tool.whydiff.lock]\nsandbox = true\n")
    assert defaults("study", command("study"), VERBS) == {"in_place": True}
    assert defaults("lock", command("lock"), VERBS) == {"in_place": False}
    assert defaults("show", command("show"), VERBS) == {}


def test_values_come_in_the_types_that_the_verb_takes(project, tmp_path):
    project(
        "[tool.whydiff]\nbudget = '5m'\nignore-sources = ['noise']\n"
        "[tool.whydiff.verify]\nmargin = 1\nrequire = 'rounding'\n"
    )
    assert values("verify", command("verify"), VERBS, tmp_path) == {
        "budget": 300.0, "ignore_sources": ("noise",), "margin": 1.0, "require": "rounding",
    }  # fmt: skip
    project("[tool.whydiff.verify]\nrequire = 'exact'\n")
    with pytest.raises(WhydiffError, match="'exact' is not one of"):
        values("verify", command("verify"), VERBS, tmp_path)


def test_a_verbs_own_table_goes_before_the_common_one(project):
    project(
        '[tool.whydiff]\nmetric = "loss"\n'
        '[tool.whydiff.study]\nmetric = "accuracy"\nvary = ["noise", "optimizer=adam,sgd"]\n'
    )
    found = defaults("study", command("study"), VERBS)
    assert found == {"metric": "accuracy", "vary": ["noise", "optimizer=adam,sgd"]}
    assert defaults("explain", command("explain"), VERBS) == {"metric": "loss"}


def test_the_command_line_has_the_last_word(project):
    project('[tool.whydiff.check]\nignore = "WD101"\n')
    assert "No finding" in run("check", "train.py").stdout
    assert "WD101" in run("check", "train.py", "--ignore", "WD302").stdout


def test_sources_to_ignore_and_the_probe_reach_what_is_asked(project, tmp_path, monkeypatch):
    project('[tool.whydiff]\nignore-sources = ["noise", "version"]\nprobe = "data/x.npy"\n')
    assert defaults("explain", command("explain"), VERBS) == {
        "ignore_sources": "noise,version", "inputs": str(Path("..", "data", "x.npy")),
    }  # fmt: skip
    asked = []

    def refuse(question, progress):
        asked.append(question)
        raise WhydiffError("enough")

    monkeypatch.setattr(whydiff.api.explain, "_explain_programs", refuse)
    monkeypatch.setattr(whydiff.api.explain, "explain_saved", refuse)
    done = run("explain", "train.py")
    assert (asked[0].ignore_sources, asked[0].inputs) == (("noise", "version"), "")
    assert "inputs is left out" in done.stderr  # a script brings its own data
    for name in ("a.keras", "b.keras"):
        (tmp_path / "src" / name).write_bytes(b"PK\3\4")
    run("explain", "a.keras", "b.keras")
    assert asked[1].inputs == str(Path("..", "data", "x.npy"))
    refused = run("explain", "train.py", "--ignore-sources", "weather")
    assert refused.exit_code == 2 and "no source 'weather'" in refused.stderr


def test_a_setting_that_says_nothing_of_these_targets_is_no_trouble(project, tmp_path, monkeypatch):
    """What is typed and cannot be used is."""
    project('[tool.whydiff]\nmetric = "val_loss"\n')
    for name in ("a.keras", "b.keras"):
        (tmp_path / "src" / name).write_bytes(b"PK\3\4")
    done = run("explain", "a.keras", "b.keras")
    assert "metric is left out" in done.stderr and "cannot be used" not in done.stderr
    typed = run("explain", "a.keras", "b.keras", "--metric", "loss")
    assert "metric cannot be used with saved models" in typed.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.whydiff]\nmetrics = 'loss'\n", "has no setting 'metrics'"),
        ("[tool.whydiff]\nmetrics = 'loss'\n", "Did you mean metric?"),
        ("[tool.whydiff]\nignored_sources = ['noise']\n", "Did you mean ignore-sources?"),
        ("[tool.whydiff]\nsandbox = 'no'\n", "sandbox = 'no' is not true or false"),
        ("[tool.whydiff]\nsandbox = true\nin-place = false\n", "say the same twice"),
        ("[tool.whydiff]\nmax-pairs = 9\n", "below its name: [tool.whydiff.compare]"),
        ("[tool.whydiff.verfy]\nrequire = 'rounding'\n", "Did you mean verify?"),
        ("[tool.whydiff.check]\njson = 'a.json'\n", "has no setting 'json'"),
        ("[tool.whydiff]\ncheck = 3\n", "is no table"),
        ("[tool]\nx = " + "[" * 9000 + "]" * 9000, "pyproject.toml"),
        ("[tool.whydiff]\nbudget = 0x" + "f" * 5000, "pyproject.toml"),
        ("[tool]\nwhydiff = 3\n", "is no table"),
        ("[tool.whydiff.check]\nselect = ['a', 'b']\n", "is not a text or a number"),
        ("[tool.whydiff.check]\nselect = true\n", "is not a text or a number"),
        ("[tool.whydiff.check]\nverbose = 'yes'\n", "is not true or false"),
        ("[tool.whydiff.check]\nselect = 'WD999'\n", "there is no rule 'WD999'"),
        ("[tool.whydiff", "pyproject.toml"),
        ("[tool.whydiff]\nx = '\x00'", "pyproject.toml"),
    ],
)
def test_trouble_names_the_file_and_the_value(project, text, says):
    project(text)
    done = run("check", "train.py")
    assert done.exit_code == 2 and says in done.stderr
    assert len(done.stderr.splitlines()) >= 2  # a way out
    assert run("check", "--help").exit_code == 0  # help is there all the same


def test_without_settings_nothing_is_said(project):
    project("[project]\nname = 'a'\n")
    assert run("check", "train.py").stderr == ""


def test_where_an_answer_goes_is_never_a_setting():
    for verb in VERBS:
        options = {o.removeprefix("--") for p in command(verb).params for o in p.opts}
        assert not options & NEVER & set(COMMON)
    assert all(
        any(f"--{SAME.get(name, name)}" in p.opts for verb in VERBS for p in command(verb).params)
        for name in COMMON
    )


def test_the_docs_list_every_common_setting_with_the_verbs_that_take_it():
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    listed = {
        row[0]: re.findall("`([a-z]+)`", row[1])
        for row in re.findall(r"^\| `([a-z-]+)` \|.+\|([^|]+)\|$", page, re.MULTILINE)
    }
    taken = {
        name: [v for v in VERBS if any(f"--{option}" in p.opts for p in command(v).params)]
        for name in COMMON
        for option in [SAME.get(name, name)]
    }
    assert listed == taken


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("verify", ("train.py",)),
        ("bisect", ("train.py", "--good", "a", "--bad", "b")),
        ("diff", ("a.whydiff", "b.whydiff")),
    ],
)
def test_sources_to_ignore_go_to_every_verb_whose_verdict_names_sources(
    project, monkeypatch, verb, words
):
    project('[tool.whydiff]\nignore-sources = ["version", "hardware"]\n')
    asked = []

    def refuse(*targets, **options):
        asked.append(options["ignore_sources"])
        raise WhydiffError("enough")

    monkeypatch.setattr(importlib.import_module(f"whydiff.api.{verb}"), verb, refuse)
    done = run(verb, *words)
    assert "sets ignore-sources" in done.stderr and asked == [("version", "hardware")]
    run(verb, *words, "--ignore-sources", "noise")
    assert asked[1] == ("noise",)
