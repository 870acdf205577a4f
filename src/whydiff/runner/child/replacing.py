"""A script that starts Python anew in its own process, with other settings, is still the script.

``os.execv(sys.executable, [sys.executable, *sys.argv])`` is what scripts do that set PYTHONHASHSEED
or a library's path. What has trained before is gone then, so it is followed only before that, and
not where a process that answers requests runs its script once more.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from whydiff.core.interrupting import pass_on, quietly
from whydiff.runner.child.watching import Watching
from whydiff.runner.job import Job

#: Options of Python that a value follows.
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")
_UNWATCHED = (
    "whydiff: the script became another program by os.exec, {}, in which nothing is watched"
)


def follow_replacements(watching: Watching) -> None:
    """Let the script's process become one of ours again where the script starts itself anew."""
    execv, execve, process = os.execv, os.execve, os.getpid()
    job = watching.job
    began = os.path.realpath(job.command if job.function else job.script)

    def instead(program: Any, argv: Any) -> list[str] | None:
        if os.getpid() != process:  # the script forked it: another one, which is not watched
            return None
        if not Path(os.fsdecode(program)).exists():  # `os.execvp` tries each folder of PATH
            return None
        same = os.path.realpath(os.fsdecode(program)) == os.path.realpath(sys.executable)
        words = [os.fsdecode(word) for word in argv]
        anew = started_anew(job, began, words[1:]) if same else None
        if anew is None or watching.leaves(words[0]):
            if job.serve:  # what it prints is read by nobody but us
                with quietly():
                    print(_UNWATCHED.format(words[0]), file=sys.stderr, flush=True)
            return None
        options, again = anew
        return [words[0], *options, *sys.orig_argv[-3:-1], again.text()]

    def follows(path: Any, argv: Any) -> Any:
        if watching.serves:  # and so has imported what a plain script may not have
            from whydiff.core.feeding import TransferError

            raise TransferError("the script becomes another program by os.exec")
        try:
            return instead(path, argv) or argv
        except Exception as error:
            pass_on(error)
            return argv

    def watched_execv(path: Any, argv: Any, /) -> Any:
        return execv(path, follows(path, argv))

    def watched_execve(path: Any, argv: Any, env: Any) -> Any:
        return execve(path, follows(path, argv), env)

    for ours, theirs in ((watched_execv, execv), (watched_execve, execve)):
        ours.__name__, ours.__qualname__ = theirs.__name__, theirs.__qualname__
        ours.__doc__ = theirs.__doc__
        setattr(os, theirs.__name__, ours)


def started_anew(job: Job, began: str, words: Sequence[str]) -> tuple[Sequence[str], Job] | None:
    """The options of Python and the job, where Python with these words runs the job's script, the
    file ``began``; None where it runs something else."""
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] not in ("-m", "-c", "-"):
        at += 2 if words[at] in _WITH_VALUE else 1
    options, rest = words[:at], words[at:]
    job = replace(job, force=True)  # of the recording that was begun, if one was
    if rest[:1] == ["-m"]:
        named = rest[1] if len(rest) > 1 else ""
        same = bool(job.module) and not job.function and named in (job.module, _package(job.module))
        return (options, replace(job, arguments=tuple(rest[2:]))) if same else None
    if not rest or os.path.realpath(rest[0]) != began:
        return None
    if job.module and not job.function:
        job = replace(job, module="")  # by its path, it is no part of its package
    return options, replace(job, arguments=tuple(rest[1:]))


def _package(module: str) -> str:
    """What names a package's ``__main__`` as well."""
    return module.removesuffix(".__main__")
