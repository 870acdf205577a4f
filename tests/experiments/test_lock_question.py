"""Which two runs explain that a training is not the locked one."""

from dataclasses import replace

import pytest

from whydiff.core.findings import DIFFERS, IDENTICAL, Finding
from whydiff.core.lock import FitDigests, Lock, LockedCall
from whydiff.core.question import SideOptions, command
from whydiff.experiments.lock.question import locked_side, question, too_long
from whydiff.testing.answers import verification


def digests(backend="jax", **versions):
    facts = {"backend": {"backend": backend}, "version": {"python": "3.11.7", **versions}}
    return FitDigests(1, "Sequential", 3, facts, {}, {})


def lock(*fits, arguments=(), calls=()):
    return Lock("train.py", arguments, {}, "x", (), (), digests=fits, calls=calls)


def differing(*sources, **changes):
    made = verification()
    findings = tuple(Finding(name, DIFFERS, "other") for name in sources)
    findings += (Finding("precision", IDENTICAL, "equal"),)
    return replace(made, fits=(replace(made.fits[0], findings=findings),), **changes)


def test_the_locked_side_has_the_backend_and_the_packages_that_are_others_now():
    then = lock(digests("jax", keras="3.12.0", jax="0.9.0", jaxlib="0.9.0"), arguments=("--fast",))
    side = locked_side(then, [digests("torch", keras="3.15.1", torch="2.13.0")], (), "1f0c9d2a3b")
    assert side == SideOptions(
        env={"KERAS_BACKEND": "jax"}, arguments=("--fast",), rev="1f0c9d2a3b",
        packages=("keras==3.12.0",),
    )  # fmt: skip
    assert locked_side(lock(digests()), [digests()], (), "") == SideOptions()


def test_a_lock_of_predictions_alone_names_its_versions_too():
    call = LockedCall(
        1, "predict", "m", 3, "", "", surroundings={"backend": "jax", "keras": "3.12"}
    )
    now = replace(call, surroundings={"backend": "jax", "keras": "3.15"})
    assert locked_side(lock(calls=(call,)), [], [now], "").packages == ("keras==3.12",)


def test_a_revision_is_asked_about_with_the_packages_of_now():
    locked = SideOptions(rev="abc", arguments=("--fast",), packages=("keras==3.12.0",))
    made = differing("optimizer", locked=locked, now=SideOptions(arguments=("--fast",)))
    assert command(question(made)) == "whydiff explain dense.py --a-rev abc --no-fix -- --fast"
    other = replace(made, now=SideOptions(arguments=("--slow",), packages=("keras==3.9.0",)))
    assert command(question(other)) == (
        "whydiff explain dense.py --a-rev abc --a-with keras==3.9.0 --a-args --fast "
        "--b-with keras==3.9.0 --b-args --slow --no-fix"
    )


def test_the_lock_of_another_script_is_explained_by_that_script():
    made = differing("initialization", locked_script="wide.py")
    assert command(question(made)) == "whydiff explain wide.py dense.py --no-fix"


def test_another_backend_is_asked_about_without_a_revision():
    made = differing("backend", locked=SideOptions(env={"KERAS_BACKEND": "jax"}))
    assert command(question(made)) == (
        "whydiff explain dense.py --a-env KERAS_BACKEND=jax --no-fix"
    )


@pytest.mark.parametrize(("source", "asked"), [("initialization", True), ("optimizer", False)])
def test_without_a_revision_two_runs_are_compared_where_chance_may_be_the_cause(source, asked):
    found = question(differing(source))
    assert (found is not None) == asked
    if found is not None:
        assert command(found) == "whydiff explain dense.py --runs"


def test_what_would_not_come_to_an_end_is_not_begun():
    assert not too_long(differing("optimizer", seconds=200.0), 600.0)
    assert "--budget" in too_long(differing("optimizer", seconds=201.0), 600.0)
