"""Puts the real output of real commands into the documentation, so that it cannot drift.

    make_transcripts.py [FILE.md | FOLDER ...]     all of docs/ and README.md if none is named

A Markdown file says where, and everything up to the end marker is written anew:

    <!-- run: whydiff explain examples/shuffling.py -->
    <!-- end -->

``-- up to: TEXT`` behind the command shows what comes before the line that begins so, and
``-- from: TEXT`` goes on with the same answer from there: it is not run again.

Commands run in the root of the repository, with the JAX backend, as if piped: what they print on
stderr (progress, timings) is left out. A command that fails stops everything and writes nothing.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

#: how these say "different" is 1, which is no failure
ANSWERS = {"diff", "check", "verify", "pytest"}
#: Keras's own settings as it writes them where there are none.
KERAS = {"floatx": "float32", "epsilon": 1e-07, "backend": "jax",
         "image_data_format": "channels_last"}  # fmt: skip
ROOT = Path(__file__).resolve().parent.parent
MARKED = re.compile(
    r"(<!-- run: (?P<command>.+?)(?: -- from: (?P<first>.+?))?(?: -- up to: (?P<last>.+?))? -->\n)"
    r".*?(<!-- end -->)",
    re.DOTALL,
)


def run(command: str, more: Sequence[str] = ()) -> str:
    """What ``command`` prints on stdout; it gets ``more`` words, which nobody is shown."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "KERAS_BACKEND": "jax",
        "KERAS_HOME": str(ROOT / "build" / "keras"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    settings = ROOT / "build" / "keras" / "keras.json"
    if not settings.exists():  # else the first command that runs Keras writes it, and says so
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(json.dumps(KERAS) + "\n")
    history()
    words = [*shlex.split(command), *more]
    done = subprocess.run(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode not in ((0, 1) if ANSWERS & {*words} else (0,)):
        raise SystemExit(f"`{command}` failed with exit code {done.returncode}")
    return done.stdout


def history() -> None:
    """The repository that ``last_week.md`` looks for a change in, made where it is not there."""
    folder = ROOT / "build" / "last_week"
    if not folder.exists():
        maker = ROOT / "docs" / "make_history.py"
        subprocess.run([sys.executable, str(maker), str(folder)], check=True)


def filled(text: str, more: Sequence[str] = ()) -> str:
    """The Markdown ``text`` with every marked transcript written anew; see :func:`run`."""

    latest: dict[str, list[str]] = {}

    def transcript(found: re.Match[str]) -> str:
        command = found["command"]
        if not found["first"]:
            print(f"running: {command}", file=sys.stderr)
            latest.clear()
            latest[command] = [
                line.rstrip() for line in run(command, more).strip("\n").splitlines()
            ]
        lines = latest[command]
        shown = "\n".join(part(lines, found["first"], found["last"]))
        head = "" if found["first"] else f"$ {command}\n"
        return f"{found[1]}```console\n{head}{shown}\n```\n<!-- end -->"

    return MARKED.sub(transcript, text)


def part(lines: list[str], first: str | None, last: str | None) -> list[str]:
    """The lines from one that begins with ``first`` to before one that begins with ``last``."""
    begin = next(i for i, line in enumerate(lines) if line.startswith(first)) if first else 0
    after = enumerate(lines[begin + 1 :], begin + 1)
    end = next((i for i, line in after if last and line.startswith(last)), len(lines))
    return "\n".join(lines[begin:end]).strip().splitlines()


def main() -> None:
    (ROOT / "build").mkdir(exist_ok=True)  # where the commands may write
    named = [Path(name) for name in sys.argv[1:]]
    for study in (ROOT / "build").glob("*.study.whydiff"):  # of an earlier time
        study.unlink()
    for path in named or [ROOT / "README.md", ROOT / "docs"]:
        for page in [path] if path.is_file() else sorted(path.rglob("*.md")):
            page.write_text(filled(page.read_text()))


if __name__ == "__main__":
    main()
