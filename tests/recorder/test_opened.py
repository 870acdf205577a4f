"""What a script opens, as Python's audit events tell it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, os, sqlite3, sys
from whydiff.recorder.opened import OPENED
OPENED.watch("recording.whydiff")
{body}
print(json.dumps({{os.path.basename(k): v.text() for k, v in OPENED.files.items()}}))
"""


def seen(body: str, folder: Path) -> dict[str, str]:
    (folder / "old.txt").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(body=body)],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_reading_and_writing_are_told_apart(tmp_path: Path) -> None:
    body = (
        "first = open('old.txt').read()\nopen('new.txt', 'w').write(first)\n"
        "open('new.txt').read()\nopen('old.txt', 'w').write('x')\n"
        "open('log.txt', 'a').write('x')\nopen('recording.whydiff', 'w').close()\n"
    )
    found = seen(body, tmp_path)
    digest = found["old.txt"].removeprefix("read ").removesuffix(", then written")
    assert len(digest) == 16
    assert found == {
        "old.txt": f"read {digest}, then written", "new.txt": "written", "log.txt": "written",
    }  # fmt: skip


def test_a_file_that_takes_anothers_name_is_written(tmp_path: Path) -> None:
    body = "open('part', 'w').close()\nos.rename('part', 'whole')\nos.replace('whole', 'end')\n"
    assert seen(body, tmp_path) == {"part": "written", "whole": "written", "end": "written"}


def test_a_link_is_written_where_it_is_made_and_read_with_what_it_leads_to(tmp_path: Path) -> None:
    body = (
        "open('run1', 'w').close()\nos.symlink('run1', 'latest')\nos.link('run1', 'same')\n"
        "os.symlink('old.txt', 'best')\nOPENED.forget()\nopen('latest').read()\n"
        "open('best', 'a').close()\n"
    )
    kept = seen(body.replace("OPENED.forget()", ""), tmp_path)
    assert kept == dict.fromkeys(("run1", "latest", "same", "best"), "written")
    for name in ("run1", "latest", "same", "best"):
        (tmp_path / name).unlink()
    found = seen(body, tmp_path)
    assert found["run1"] == found["latest"] != "written" and found["best"] == "written"


def test_a_database_is_read_where_it_was_there(tmp_path: Path) -> None:
    body = "sqlite3.connect('study.db').execute('create table a(b)').connection.close()\n"
    assert seen(body, tmp_path) == {"study.db": "written"}
    assert seen(body.replace("create table a(b)", "select 1"), tmp_path)["study.db"].startswith(
        "read "
    )


def test_missing_files_code_and_failures_leave_no_trace(tmp_path: Path) -> None:
    body = (
        "try:\n    open('missing')\nexcept OSError:\n    pass\n"
        "open('mod.py', 'w').close()\nimport mod\nos.close(os.dup(0))\n"
    )
    assert seen(body, tmp_path) == {}


def test_what_watching_itself_keeps_is_no_file_of_the_script(tmp_path: Path) -> None:
    """Two runs share the files of their large arrays: neither goes on from the other's."""
    body = (
        "from whydiff.runner.job import Job\nfrom whydiff.storage.blobs import ArrayFolder\n"
        "import numpy as np\nfrom pathlib import Path\n"
        "OPENED.watch(*Job('a.py', (), 'a.whydiff', arrays='arrays').ours)\n"
        "kept = ArrayFolder(Path('arrays')).kept(np.ones(1 << 20) * np.arange(1 << 20))\n"
        "assert os.listdir('arrays')\nopen('theirs.txt', 'w').close()\n"
    )
    assert seen(body, tmp_path) == {"theirs.txt": "written"}


def test_a_temporary_file_is_met_by_no_other_run(tmp_path: Path) -> None:
    """Two runs may go on at once although each has tried whether it can write there."""
    body = (
        "import tempfile\nos.environ['TMPDIR'] = os.getcwd()\ntempfile.mkstemp()\n"
        "open('mine.txt', 'x').close()\n"
    )
    assert seen(body, tmp_path) == {"mine.txt": "written"}


def test_what_a_library_compiled_and_kept_is_no_file_of_the_script(tmp_path: Path) -> None:
    """A second run finds compiled programs of the first: it is faster, and no other training."""
    body = (
        "import types\nfrom pathlib import Path\n"
        "os.environ['TRITON_CACHE_DIR'] = 'kernels'\n"
        "sys.modules['jax'] = types.SimpleNamespace("
        "config=types.SimpleNamespace(jax_compilation_cache_dir='programs'))\n"
        "for name in ('kernels', 'programs', 'torchinductor_me', 'programs_of_mine'):\n"
        "    Path(name).mkdir()\n    Path(name, name).write_text('x')\n"
    )
    assert seen(body, tmp_path) == {"programs_of_mine": "written"}
