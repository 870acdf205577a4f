"""Running a script in a child process, watched, and talking to it afterwards."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Timer
from typing import IO, Any

from whydiff.core.errors import Terminated, WhydiffError, unreachable
from whydiff.core.feeding import OutOfTime, TransferError
from whydiff.core.keeping import Keep
from whydiff.core.machine import Interpreter
from whydiff.core.programs import UNWATCHED
from whydiff.core.progress import EachEpoch, Silent
from whydiff.core.question import SideOptions
from whydiff.core.resumption import Resume
from whydiff.core.temporary import OF_FOLDER
from whydiff.core.visible import Value, renamed
from whydiff.keras_backend.internals import tested
from whydiff.runner import codec
from whydiff.runner.copies import with_moved_path
from whydiff.runner.job import Job
from whydiff.runner.messages import (
    Answer,
    Answered,
    EpochOver,
    Failed,
    NotTransferable,
    Refused,
    Reply,
    Request,
    RunAgain,
    ScriptEnded,
)  # fmt: skip
from whydiff.runner.revisions import Checkout
from whydiff.runner.scratch import Cover, Means
from whydiff.runner.targets import Target, as_module
from whydiff.runner.used_backends import BACKENDS
from whydiff.storage.blobs import ArrayFolder, folder_beside

#: Starts the child. Not ``-m``, which looks for modules in the working directory first, nor ``-P``,
#: which Python 3.10 does not know and processes started by the script would inherit.
START = (
    "import sys\n"
    "if sys.path[:1] == ['']: del sys.path[0]\n"
    "from whydiff.runner.child.main import start\n"
    "start()"
)
#: Where Python finds what it imports before a script that is only recorded.
_STARTUP = Path(__file__).resolve().parent / "child" / "startup"
#: Comes before ``START`` where whydiff is not installed; see ``child/startup/lending.py``.
LEND = (
    "import importlib.util as util\n"
    "spec = util.spec_from_file_location('whydiff_lending', {file!r})\n"
    "lending = util.module_from_spec(spec)\n"
    "spec.loader.exec_module(lending)\n"
    "lending.lend({folders!r})\n"
)
#: Seconds between two looks at what a script that is running has recorded.
LOOK_EVERY = 10.0
#: Seconds that a child has to end by itself.
GRACE = 5
#: the same, where a signal ends us and nobody sees what the child does
SHORT_GRACE = 1
#: Samples kept for training again, over all fits of an execution.
KEEP_BYTES = 4 << 30
#: Where pytest makes the folders of ``tmp_path``: it removes all but the last few of a person's.
_PYTEST_FOLDERS = "PYTEST_DEBUG_TEMPROOT"
#: What keeps experiment trackers to themselves.
UNTRACKED = {
    "WANDB_MODE": "disabled",
    "MLFLOW_TRACKING_URI": "file:./mlruns",
    "MLFLOW_ALLOW_FILE_STORE": "true",  # else MLflow 3.x raises at the line above
    "COMET_MODE": "disabled",
    "COMET_START_ONLINE": "0",
    "NEPTUNE_MODE": "debug",
    "CLEARML_OFFLINE_MODE": "1",
}


@dataclass(frozen=True)
class Run:
    """What to execute: a script (or a patched text in its place), arguments, environment."""

    script: Path
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None
    source: Path | None = None  # run this text as if it were the script
    changed: tuple[tuple[Path, Path], ...] = ()  # files it imports, and texts in their place
    prelude: str = ""
    reseed: int | None = None  # the number of a replica, whose random numbers are others
    backend: str = ""  # Keras's backend, whatever the script chooses
    keep: Keep = "all"  # how many values its recording holds, and its process if it serves
    every: int = 1  # what a step leaves is digested after every so many of them
    files: bool = False  # large arrays that its process keeps lie in files beside the recording
    purpose: str = ""  # "a", "b", "trial" or "replica": the script finds it in WHYDIFF_RUN
    module: str = ""  # run it as ``python -m`` does; see ``targets.Target``
    function: str = ""  # import the module and call this, as an installed command does
    command: str = ""  # what that command is called
    protected: tuple[Path, ...] = ()  # folders that it sees but does not change
    means: Means = "overlays"  # how that is done
    left: Path | None = None  # what an earlier run left there, kept by ``Child.keep_files``
    alone: bool = False  # its process tells whether it does anything outside of ``protected``
    behind: Path | None = None  # the recording of a run that is to be over before it does
    facts: Mapping[str, str] = field(default_factory=dict)  # kept with its surroundings
    checkout: Checkout | None = None  # the revision that the script is of; None: as it is now
    interpreter: Interpreter | None = None  # which Python runs it, if not our own
    resume: Resume | None = None  # a fit of it is saved on its way, or loaded and resumed

    def variables(self) -> dict[str, str]:
        """The whole environment of its process. Trials are reported to no tracking service."""
        ours = {"WHYDIFF_RUN": self.purpose} if self.purpose else {}
        if self.purpose in ("trial", "replica"):
            ours |= UNTRACKED
        return {**os.environ, **ours, **(self.environment or {})}

    @property
    def text(self) -> str:
        """What is run, as a person names it: ``train.py``, ``-m project.train``, ``x.py at v1``."""
        script = self.checkout.named(self.script) if self.checkout else str(self.script)
        named = self.command or as_module(self.module) or script
        named += f" at {self.checkout.revision}" if self.checkout else ""
        return f"{named} with {self.interpreter.name}" if self.interpreter else named

    @property
    def python(self) -> str:
        """The Python that runs it."""
        return str(self.interpreter.python) if self.interpreter else sys.executable

    def lent(self) -> dict[str, str]:
        """Packages by name that its Python has to find elsewhere: whydiff, where it is not ours."""
        if self.interpreter is None:
            return {}
        return {"whydiff": str(_STARTUP.parents[2]), **self.interpreter.lent}


def run_of(
    target: Target,
    options: SideOptions | None = None,
    checkout: Checkout | None = None,
    interpreter: Interpreter | None = None,
) -> Run:
    """How a target is run, in a revision if it was found there."""
    options = options or SideOptions()
    environment: Mapping[str, str] = options.env
    if checkout is not None:
        python = str(interpreter.python) if interpreter else sys.executable
        environment = checkout.environment(python, options.env)
    return Run(
        target.script, (*target.arguments, *options.arguments), environment or None,
        module=target.module, function=target.function, command=target.command,
        checkout=checkout,
        interpreter=interpreter,
    )  # fmt: skip


class Child:
    """A script's process. ``log`` takes the script's output; None leaves it on our own streams.

    With ``force`` the recording replaces whatever file is there.
    """

    def __init__(
        self, run: Run, recording: Path, log: Path | None, serve: bool, force: bool = False
    ) -> None:
        # What is run again in its process, or like it, is beside nothing.
        self.run = replace(run, alone=False, behind=None)
        self.recording, self.log = recording, log
        self.exit_code: int | None = None
        self.seconds = 0.0  # that its script took, once that is over
        #: told what the script wrote into protected folders, once its process is over
        self.when_closed: Callable[[Sequence[str]], None] = lambda written: None
        #: when, by the monotonic clock, it is ended whatever it is asked; None: never
        self.deadline: float | None = None
        #: told after every epoch of what it trains on request
        self.each_epoch: EachEpoch = Silent().epochs
        self._cover = (
            Cover(run.protected, recording.with_suffix(".files"), run.means, run.left)
            if log
            else None
        )
        self._root = self._cover.root if self._cover else ""
        self._began = time.monotonic()
        beside = folder_beside(recording)
        self._arrays = ArrayFolder(beside)
        job = replace(
            self._job(run, recording),
            keep_bytes=_keep_bytes(run.keep) if serve else 0,
            arrays=str(beside) if serve and run.files else "",
            force=force,
            tells=str(alone_file(recording)) if run.alone else "",
            behind=str(run.behind or ""),
            covered=tuple(self._cover.folders) if self._cover else (),
        )
        ours: list[int] = []
        theirs: list[int] = []
        if serve:
            for_child, to_child = os.pipe()
            from_child, by_child = os.pipe()
            theirs, ours = [for_child, by_child], [to_child, from_child]
            job = replace(job, serve=tuple(theirs))
        output = log.open("wb") if log else None
        folder = run.checkout.working_folder() if run.checkout else Path.cwd()
        environment = self._variables(run)
        if self._root:
            environment = with_moved_path(environment, job.covered) | {"PWD": self._moved(folder)}
        command, environment = _command(run, job, environment)
        try:
            self._process = subprocess.Popen(
                [*(self._cover.prefix if self._cover else ()), *command],
                env=environment,
                cwd=self._moved(folder),
                stdin=input_for_script(run.script) if log else None,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                pass_fds=theirs,
                # What covers folders sees to that itself. Whoever forks while JAX is there is
                # warned by it, and with a function to call Python has to fork.
                preexec_fn=None if self._cover else dies_with_parent(),
            )
        finally:
            for descriptor in theirs:
                os.close(descriptor)
            if output:
                output.close()
        self._requests = os.fdopen(ours[0], "wb") if ours else None
        self._answers = os.fdopen(ours[1], "rb") if ours else None

    def _job(self, run: Run, recording: Path) -> Job:
        """What its process is asked to run, whatever else it is for."""
        return Job(
            script=self._moved(run.script),
            arguments=tuple(run.arguments),
            output=str(recording),
            source=str(run.source) if run.source else None,
            changed={self._moved(path): str(text) for path, text in run.changed},
            prelude=run.prelude,
            reseed=run.reseed,
            backend=run.backend,
            module=run.module,
            function=run.function,
            command=run.command,
            keep=run.keep,
            every=run.every,
            facts=dict(run.facts),
            checkout=run.checkout.places() if run.checkout else {},
            resume=asdict(run.resume) if run.resume else None,
        )

    def _variables(self, run: Run) -> dict[str, str]:
        """The environment of a run, by which all that it starts ends with us."""
        folder = {OF_FOLDER: str(self.recording.parent)} if run.purpose else {}
        variables = run.variables() | folder
        if self.log is not None:  # where a person runs pytest, the last folders are theirs
            variables.setdefault(_PYTEST_FOLDERS, str(self.recording.parent))
        return variables

    def _moved(self, path: Path) -> str:
        """A path as the script's process has to be told it."""
        if not path.is_absolute() or self._cover is None or not self._root:
            return str(path)
        return self._cover.moved(path.parent.resolve() / path.name)

    def original(self, value: Value) -> Value:
        """A value without the paths of our copies: as if the script had run on the originals."""
        return renamed(value, self._root, "") if self._root else value

    @property
    def process_id(self) -> int:
        return self._process.pid

    def wait_for_script(self, meanwhile: Callable[[Path], None] | None = None) -> int:
        """Wait until the script is over; its exit code. A served child goes on living.

        ``meanwhile`` is called with the recording from time to time.
        """
        if self.exit_code is None:
            while meanwhile is not None and not self._says_something(LOOK_EVERY):
                meanwhile(self.recording)
            self.exit_code = self._told_exit_code()
            self.seconds = time.monotonic() - self._began
        return self.exit_code

    def _says_something(self, seconds: float) -> bool:
        """Whether it says that its script is over, or ends, within so many seconds."""
        if self._answers is not None:
            answers = select.poll()
            answers.register(self._answers, select.POLLIN)
            return bool(answers.poll(1000 * seconds))
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _told_exit_code(self) -> int:
        if self._answers is not None:
            with contextlib.suppress(EOFError):  # it ended with its script
                ended: ScriptEnded = codec.read(self._answers)
                return ended.exit_code
        return self._process.wait()

    def request(self, request: Request[Answer]) -> Answer:
        """Ask the child to do something; raises TransferError or WhydiffError with its why.

        OutOfTime where it is not done by the ``deadline``; then the child has ended.
        """
        return self.ask(request)()

    def ask(self, request: Request[Answer]) -> Callable[[], Answer]:
        """The same, for whoever asks several children at once: it goes on, and what is returned
        waits for the answer. It has to be called before the child is asked anything else."""
        assert self._requests is not None
        with self._as_its_end(), self._until_the_deadline():
            codec.write(request, self._requests)
        return self._answer

    def _answer(self) -> Any:
        assert self._answers is not None
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self.kill()  # it is at what it was asked
        with self._as_its_end(), self._until_the_deadline():
            reply: EpochOver | Reply = codec.read(self._answers, self._arrays)
            while isinstance(reply, EpochOver):
                self.each_epoch(reply.done, reply.total, reply.unit)
                reply = codec.read(self._answers, self._arrays)
        match reply:
            case Answered(value):
                return value
            case NotTransferable(why):
                raise TransferError(why)
            case Refused(why, way_out):
                said = [f"{self.run.text}: {why}", *remarks(self.log)]
                raise WhydiffError("\n".join(said), way_out)
            case Failed(why, trace):
                if os.environ.get("WHYDIFF_DEBUG"):
                    print(trace, file=sys.stderr)
                raise WhydiffError(f"training {self.run.text} again failed: {why}")
            case _:
                unreachable(reply)

    @contextlib.contextmanager
    def _as_its_end(self) -> Iterator[None]:
        """Say what it means that the other end of a pipe is closed."""
        try:
            yield
        except (BrokenPipeError, EOFError):
            raise WhydiffError(
                f"the process of {self.run.text} ended with {self._process.wait()} "
                "while it was training again",
                "Its memory may not suffice; try a smaller training or --budget.",
            ) from None

    def run_again(self, run: Run, recording: Path, seconds: float) -> Callable[[], None]:
        """Run its script again in the same process, as ``run`` has changed it, and record that.

        What is returned waits for its end. TransferError or WhydiffError, from either, where that
        cannot be, or takes longer than ``seconds``: then the process has ended.
        """
        limit = time.monotonic() + seconds
        self.deadline = limit if self.deadline is None else min(self.deadline, limit)
        # That process knows by itself where the script's files are for it.
        job = replace(self._job(run, recording), script=str(run.script))
        return self.ask(RunAgain(replace(job, environment=self._variables(run))))

    @contextlib.contextmanager
    def _until_the_deadline(self) -> Iterator[None]:
        """End the child where what is inside takes longer, and say that by OutOfTime."""
        if self.deadline is None:
            yield
            return
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise OutOfTime
        try:
            with at_most(left, self.kill):
                yield
        except (BrokenPipeError, EOFError):
            if time.monotonic() < self.deadline:
                raise
            raise OutOfTime from None

    def kill(self) -> None:
        """End the child at once, whatever it is doing."""
        self._process.kill()

    def close(self) -> None:
        """End the child; nothing it holds is needed any more."""
        for pipe in (self._requests, self._answers):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        with contextlib.ExitStack() as after:
            after.callback(self._uncover)
            if isinstance(sys.exc_info()[1], Terminated):
                self.terminate()
            self._end()

    def _end(self) -> None:
        in_front = self.log is None  # a script in front of the person got their Ctrl-C itself
        try:  # a child that is asked nothing more ends by itself, its recording complete
            self._process.wait(timeout=None if in_front else GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        except BaseException:  # a second Ctrl-C, or a signal to end: now
            self._process.kill()
            self._process.wait()
            raise

    def _uncover(self) -> None:
        """Tell what the script wrote into protected folders, and throw it away."""
        if self._cover is not None:
            self.when_closed(self._cover.written())
            self._cover.remove()
            self._cover = None

    def keep_files(self, place: Path) -> None:
        """Copy to ``place`` what the script has written into protected folders until now."""
        if self._cover is not None:
            self._cover.keep(place)

    def terminate(self) -> None:
        """Ask the script to end, as a signal to us asks; one that does not is ended.

        One in front of the person has time for its handlers; others are part of what we do.
        """
        self._process.terminate()
        try:
            self._process.wait(timeout=GRACE if self.log is None else SHORT_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def alone_file(recording: Path) -> Path:
    """The file that is there until a run that was asked to tell it does anything outside."""
    return recording.with_name(f"{recording.name}.alone")


@contextlib.contextmanager
def at_most(seconds: float, end: Callable[[], None]) -> Iterator[None]:
    """Call ``end`` where what is inside takes longer. Nobody who ends us waits for that."""
    timer = Timer(seconds, end)
    timer.daemon = True
    try:
        timer.start()
        yield
    finally:
        timer.cancel()


def _keep_bytes(keep: Keep) -> int:
    """Without room for samples a script has to feed them again; 0: nothing is trained again."""
    return {"none": 0, "weights": 1, "all": KEEP_BYTES}[keep]


def _command(run: Run, job: Job, environment: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """How a child is started, and its environment.

    A script that stands as it is and is over when it ends is run by Python itself, which finds
    our ``sitecustomize`` first; one that is changed or trained again is run by our own main.
    """
    by_us = (
        run.source or run.changed or run.prelude or run.backend or run.module or run.checkout
    ) or run.resume
    lent = run.lent()
    if job.serve or by_us or run.script.suffix == ".ipynb":
        lend = LEND.format(file=str(_STARTUP / "lending.py"), folders=lent) if lent else ""
        return [run.python, "-c", lend + START, job.text()], environment
    theirs = environment.get("PYTHONPATH")
    if theirs is not None:
        environment["WHYDIFF_PYTHONPATH"] = theirs
    environment["PYTHONPATH"] = os.pathsep.join([str(_STARTUP), *([theirs] if theirs else [])])
    environment["WHYDIFF_JOB"] = job.text()
    if lent:
        environment["WHYDIFF_LENT"] = "\n".join(f"{name}={lent[name]}" for name in lent)
    return [run.python, job.script, *run.arguments], environment


def output_tail(log: Path | None, lines: int = 12) -> str:
    """The last lines a script printed."""
    if log is None or not log.exists():
        return ""
    text = log.read_text(errors="replace").splitlines()
    return "\n".join(text[-lines:])


#: The line with which Python ends a traceback, and the colours that some messages hold.
_RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Warning|Iteration)\b")
_NO_BACKEND = re.compile(rf"ModuleNotFoundError: No module named '({'|'.join(BACKENDS)})'")
_OF_KERAS = re.compile(r'File ".*[/\\]keras[/\\].*", line')
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MESSAGE_LINES = 2
#: the last line of pytest, and those above that say which test failed and why
_OF_PYTEST = re.compile(r"={3,} (.* in [0-9.]+s.*) ={3,}")
_FAILED = ("FAILED ", "ERROR ")


def last_words(log: Path | None) -> str:
    """The exception that ended a script with the beginning of its message, else its last line."""
    lines = [_COLOUR.sub("", line).strip() for line in output_tail(log, 100).splitlines()]
    lines = [line for line in lines if line]
    over = _OF_PYTEST.fullmatch(lines[-1]) if lines else None
    if over:
        return next((line for line in lines if line.startswith(_FAILED)), over[1])
    raised = [i for i, line in enumerate(lines) if _RAISED.match(line)]
    shown = lines[raised[-1] :][:_MESSAGE_LINES] if raised else lines[-1:]
    return " ".join(shown)


def failed_to_fit(output: str) -> bool:
    """Whether a script's last output is the traceback of a library that lacks something of another:
    a name, a module or an argument."""
    lines = output.splitlines()
    raised = next((line for line in reversed(lines) if _RAISED.match(line.strip())), "")
    place = next((line for line in reversed(lines) if line.strip().startswith("File ")), "")
    lacks = ("AttributeError:", "ImportError:", "ModuleNotFoundError:", "TypeError:")
    return raised.startswith(lacks) and "site-packages" in place


def missing_backend(output: str) -> str:
    """The backend that Keras wanted and that is not installed; "" where a script did not end so."""
    lines = output.splitlines()
    found = next(filter(None, map(_NO_BACKEND.fullmatch, map(str.strip, reversed(lines)))), None)
    from_keras = any(_OF_KERAS.search(line) for line in lines)
    return found[1] if found and from_keras else ""


def remarks(log: Path | None) -> list[str]:
    """What the watching itself had to say among what a script printed."""
    if log is None or not log.exists():
        return []
    lines = log.read_text(errors="replace").splitlines()
    return [line.strip() for line in lines if line.startswith("whydiff: ")]


#: Which versions of Keras are known.
NOT_WATCHED = (
    f"whydiff watches models of Keras (tested with {tested()}), and of Keras 2 as tf_keras, under "
    "TF_USE_LEGACY_KERAS and in TensorFlow before 2.16. Processes that a script starts are not "
    "watched: name the script that trains."
)


def not_recorded(child: Child, purpose: str, way_out: str = "") -> WhydiffError:
    """Why a script that is over left no recording, so that nothing was observed ``purpose``.

    ``way_out`` comes before what is said of a script of which nothing more is known.
    """
    said = [line for line in remarks(child.log) if "nothing is recorded" in line]
    if said:
        return WhydiffError(
            f"{child.run.text} was not watched, so nothing was observed {purpose}:\n{said[-1]}"
        )
    started = [said for said in remarks(child.log) if UNWATCHED in said]
    if child.recording.exists():
        return WhydiffError(
            f"{child.run.text} was not watched: nothing can be written to {child.recording.parent}",
            "Check the free space and limits there, or let TMPDIR name another place.",
        )
    return WhydiffError(
        f"{child.run.text} never imported Keras, so no training was observed {purpose}",
        "\n".join(said.removeprefix("whydiff: ") for said in started) or way_out or NOT_WATCHED,
    )


def ended(code: int | None) -> str:
    """``exited with 1``, ``was ended by signal 9``."""
    if code is not None and code < 0:
        return f"was ended by signal {-code}"
    return f"exited with {code}"


# --- a child that does not outlive its parent, however that ends ------------------------------


_PR_SET_PDEATHSIG = 1


def dies_with_parent() -> Callable[[], None] | None:
    """To be called in a child before it becomes the script's process; None where that cannot be.

    Linux then sends SIGTERM to the child when the thread that made it ends, so it has to be the
    main one. A served child of another thread ends by itself where its pipe is closed.
    """
    if not sys.platform.startswith("linux"):
        return None
    if threading.current_thread() is not threading.main_thread():
        return None
    try:
        control = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None

    def arrange() -> None:
        control(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)

    return arrange


# --- standard input: what a person piped in, from the beginning each time -----------------------


#: text of a script that reads its standard input
_READS = re.compile(rb"\bsys\.stdin\b|\binput\s*\(|\bfileinput\b|/dev/stdin|\bopen\(\s*0\b")


def input_for_script(script: Path) -> IO[bytes] | int:
    """What the process of a script is given as standard input.

    Nothing, unless its text reads some and a file or a pipe is there: a pipe that nobody closes
    would be waited for in vain.
    """
    try:
        reads = _READS.search(script.read_bytes()) is not None
    except OSError:
        reads = False
    given = _given() if reads else None
    if given is None:
        return subprocess.DEVNULL
    # A copy: processes that share one open file share the place in it, and some run at once.
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the last reference to it
    given.seek(0)
    shutil.copyfileobj(given, copy)
    copy.seek(0)
    return copy


@functools.cache
def _given() -> IO[bytes] | None:
    """All of our own standard input, read once; None where that is a terminal or nothing."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # closed, or replaced by something else
        return None
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        return None
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - as long as we live; it has no name to remove
    shutil.copyfileobj(sys.stdin.buffer, kept)
    return kept
