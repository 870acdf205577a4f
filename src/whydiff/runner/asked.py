"""From what a person names, and how a side is to be run, to the run itself."""

from __future__ import annotations

from whydiff.core.question import SideOptions
from whydiff.runner.client import Run, run_of
from whydiff.runner.environments import interpreter_of
from whydiff.runner.revisions import Checkouts
from whydiff.runner.targets import near, target_of


def run_as_asked(name: str, options: SideOptions, checkouts: Checkouts) -> Run:
    """The run of a target: the files of its revision laid out, its environment made.

    WhydiffError where there is no such target, revision or set of packages.
    """
    checkout = checkouts.of(options.rev, near(name)) if options.rev else None
    target = target_of(name, checkout)
    folder = checkout.working_folder() if checkout else None
    return run_of(target, options, checkout, interpreter_of(options, target.script, folder))
