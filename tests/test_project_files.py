"""The files that a newcomer, a registry and a robot read agree with each other."""

from __future__ import annotations

import re
from pathlib import Path

import tomllib
import yaml

import whydiff

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOW = ROOT / ".github" / "workflows" / "tests.yml"


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["version"] == whydiff.__version__ == citation["version"]
    assert citation["license"] == PROJECT["license"]


def test_the_changelog_begins_with_what_is_unreleased():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    for version in headings[1:]:
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_the_workflow_runs_the_steps_of_ci_by_make():
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert runs and all(run.startswith("make ") for run in runs)
    steps = re.findall(r"^ *step (\w+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert steps
    assert set(steps) <= set(jobs["everything"]["strategy"]["matrix"]["target"])


def test_every_target_of_the_workflow_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    called = {*jobs["everything"]["strategy"]["matrix"]["target"]}
    for step in jobs["backends"]["steps"]:
        called |= {w for w in step.get("run", "").split()[1:] if "=" not in w}
    assert called <= targets


def test_the_workflow_trains_on_every_backend():
    matrix = yaml.safe_load(WORKFLOW.read_text())["jobs"]["backends"]["strategy"]["matrix"]
    assert {"jax", "tensorflow", "torch"} == set(matrix["backend"])
    oldest = re.fullmatch(r">=(\d+\.\d+)", PROJECT["requires-python"])[1]
    tried = (ROOT / "docs" / "make_versions.py").read_text()
    assert re.search(rf'"oldest",\s*"{oldest}"', tried)


def test_the_installation_page_names_the_versions_and_extras_that_pyproject_admits():
    page = (ROOT / "docs" / "installation.md").read_text()
    versions = dict(re.findall(r"^\| (\w+) \| ([\d.]+) \|$", page, re.MULTILINE))
    extras = PROJECT["optional-dependencies"]
    wanted = {"Python": PROJECT["requires-python"].removeprefix(">=")}
    brought = [requirement for extra in extras.values() for requirement in extra]
    for requirement in [*PROJECT["dependencies"], *brought]:
        name, _, least = requirement.partition(">=")
        for shown in ("Keras", "JAX", "TensorFlow", "torch", "NumPy"):
            if name in (shown.lower(), f"{shown.lower()}-cpu"):
                wanted[shown] = least
    assert versions == wanted
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == set(extras) - {"dev"}


def test_the_extra_for_tensorflow_brings_no_tensorflow():
    assert PROJECT["optional-dependencies"]["tensorflow"] == [
        PROJECT["optional-dependencies"]["tensorflow-cpu"][0]
    ]


def test_every_file_that_describes_the_project_is_there():
    for name in ("LICENSE", "SECURITY.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md"):
        assert (ROOT / name).stat().st_size > 500, name
    assert (ROOT / "LICENSE").read_text().split()[:2] == ["Apache", "License"]
