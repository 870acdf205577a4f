"""Scripts see their folder under its own path, and leave it byte for byte as it was."""

import os
import shutil
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.files import Used, content_digest
from whydiff.core.progress import Silent
from whydiff.runner import copies as copies_module
from whydiff.runner.child.afresh import restore
from whydiff.runner.client import Run
from whydiff.runner.copies import changes, copy_folder
from whydiff.runner.running import Runs, runs_of, times, under_other_names
from whydiff.runner.scratch import MEANS, Cover, Place, _unprotectable, outermost, place_for
from whydiff.testing.calls import execution


def contents(folder):
    """Every file with its bytes and its time of change, every folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A working folder with results of earlier runs."""
    folder = tmp_path / "project"
    (folder / "out" / "old").mkdir(parents=True)
    (folder / "out" / "old" / "log.txt").write_text("before\n")
    (folder / "results.csv").write_text("accuracy\n0.5\n")
    (folder / "stale.txt").write_text("old\n")
    (folder / "swept").mkdir()
    (folder / "swept" / "a.txt").write_text("a")
    (folder / "runs" / "1").mkdir(parents=True)
    (folder / "runs" / "1" / "model.txt").write_text("earlier")
    (folder / "latest").symlink_to("runs")
    monkeypatch.chdir(folder)
    assert place_for([folder / "train.py"]).folders == (folder,)
    assert place_for([Path(unittest.__file__)]).folders == (folder,)  # -m unittest
    return folder


@pytest.fixture(params=MEANS)
def means(request):
    return request.param


def run(project, place, script, means, left=None):
    """Run Python text on a cover of ``project``; the cover and what it printed."""
    cover = Cover((project,), place, means, left)
    done = subprocess.run(
        [*cover.prefix, sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        cwd=cover.moved(project),
    )
    assert done.returncode == 0, done.stderr
    return cover, done.stdout.replace(f"{cover.root}/", "/")


MESS = """
    import os, shutil, sqlite3
    from pathlib import Path
    with open("results.csv", "a") as file:
        file.write("0.9\\n")
    database = sqlite3.connect(str(Path.cwd() / "runs.db"))
    database.execute("create table runs (accuracy)")
    database.commit()
    shutil.rmtree("out")
    os.makedirs("out/new")
    Path("out/new/model.txt").write_text("trained")
    os.remove("stale.txt")
    os.remove("latest")
    shutil.rmtree("swept")
    Path("bare").is_dir() and os.rmdir("bare")
    os.makedirs("plots/later/__pycache__")
    print(Path.cwd(), Path("results.csv").read_text().split())
"""


def test_nothing_changes_and_what_would_have_is_listed(project, tmp_path, means):
    (project / "bare").mkdir()
    before = contents(project)
    cover, printed = run(project, tmp_path / "cover", MESS, means)
    assert printed.split() == [str(project), "['accuracy',", "'0.5',", "'0.9']"]
    assert contents(project) == before
    assert cover.written() == [
        "bare/ (removed)",
        "latest (removed)",
        "out/new/model.txt",
        "out/old/log.txt (removed)",
        "plots/later/ (empty)",
        "results.csv",
        "runs.db",
        "stale.txt (removed)",
        "swept/a.txt (removed)",
    ]
    cover.remove()
    assert not (tmp_path / "cover").exists()


@pytest.mark.parametrize("serve", [True, False])
def test_a_script_may_rename_folders_that_were_there(project, tmp_path, serve):
    """On an overlay the kernel refuses that; in place it does not."""
    script = project / "train.py"
    script.write_text(
        "import os\n"
        "from pathlib import Path\n"
        "Path('runs').rename('archive')\n"
        "os.replace('archive/1', Path.cwd() / 'out' / 'one')\n"
        "print(sorted(map(str, Path('.').rglob('*.txt'))), sorted(os.listdir('archive')))\n"
        "print(Path('out/one').stat().st_mtime_ns)\n"
        "for there in ('out', '/dev/shm/nowhere', 'swept/deeper/one'):\n"
        "    try:\n"
        "        os.rename('swept', there)\n"
        "    except OSError as error:\n"
        "        print(type(error).__name__, error.errno)\n"
    )
    before, runs = contents(project), Runs(place_for([script]))
    alone = project.with_name("alone")
    shutil.copytree(project, alone, symlinks=True)
    plain = subprocess.run(
        [sys.executable, "train.py"], cwd=alone, capture_output=True, text=True, check=True
    )
    with runs.run(Run(script), tmp_path, "a", serve=serve) as ran:
        assert ran.succeeded
    assert (tmp_path / "a.log").read_text() == plain.stdout
    assert list(runs.written) == [
        "archive/ (empty)",
        "out/one/model.txt",
        "runs/1/model.txt (removed)",
    ]
    assert contents(project) == before


def test_every_run_starts_from_the_same_files(project, tmp_path, means):
    script = """
        from pathlib import Path
        print(Path("ckpt.txt").exists())
        Path("ckpt.txt").write_text("weights")
    """
    for number in (1, 2):
        _, printed = run(project, tmp_path / f"cover{number}", script, means)
        assert printed == "False\n"


def test_a_run_may_find_what_an_earlier_one_left(project, tmp_path, means):
    before = contents(project)
    earlier, _ = run(project, tmp_path / "earlier", MESS, means)
    earlier.keep(tmp_path / "left")
    script = """
        from pathlib import Path
        names = ["out/new/model.txt", "results.csv", "runs/1/model.txt"]
        print([Path(name).read_text().split()[-1] for name in names])
        Path("out/new/model.txt").write_text("served")
    """
    for number in (1, 2):
        place = tmp_path / f"later{number}"
        _, printed = run(project, place, script, means, tmp_path / "left")
        assert printed == "['trained', '0.9', 'earlier']\n"
    assert contents(project) == before


def test_within_one_process_files_can_be_put_back(project, tmp_path, means):
    child = Path(restore.__code__.co_filename)
    cover = Cover((project,), tmp_path / "cover", means)
    script = textwrap.dedent(MESS) + textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(child.parents[3])!r})
        from whydiff.runner.child.afresh import restore
        restore({cover.folders!r})
        for path in sorted(Path(".").rglob("*")):
            print(path, path.read_text().split() if path.is_file() else "")
    """)
    done = subprocess.run(
        [*cover.prefix, sys.executable, "-c", script],
        capture_output=True, text=True, cwd=cover.moved(project),
    )  # fmt: skip
    assert done.stdout.splitlines()[1:] == [
        "latest ",
        "out ",
        "out/old ",
        "out/old/log.txt ['before']",
        "results.csv ['accuracy', '0.5']",
        "runs ",
        "runs/1 ",
        "runs/1/model.txt ['earlier']",
        "stale.txt ['old']",
        "swept ",
        "swept/a.txt ['a']",
    ], done.stderr


def test_without_overlays_there_are_copies_and_without_these_it_is_in_place(project, monkeypatch):
    monkeypatch.setenv("WHYDIFF_SCRATCH", "copies")
    _unprotectable.cache_clear()
    place = place_for([project / "train.py"])
    assert place == Place((project,), means="copies")
    assert place.text == "on scratch copies of the current folder"
    (project / "large.bin").write_bytes(bytes(9000))
    monkeypatch.setattr(copies_module, "LARGEST", 8999)
    monkeypatch.setattr(copies_module, "clone", lambda source, target: False)
    _unprotectable.cache_clear()
    place = place_for([project / "train.py"])
    assert not place.folders and "too large to be copied for every run" in place.warning
    _unprotectable.cache_clear()


def test_a_copy_keeps_links_and_times_and_leaves_out_pipes(project, tmp_path):
    (project / "link").symlink_to("results.csv")
    (project / "nowhere").symlink_to("/no/such/place")
    os.mkfifo(project / "pipe")
    copy_folder(project, tmp_path / "copy")
    assert list(changes(project, tmp_path / "copy")) == []
    assert (tmp_path / "copy" / "link").readlink() == Path("results.csv")
    assert not (tmp_path / "copy" / "pipe").exists()
    (tmp_path / "copy" / "link").unlink()
    (tmp_path / "copy" / "link").write_text("a file now")
    assert list(changes(project, tmp_path / "copy")) == [(Path("link"), False)]


def test_a_name_may_hold_what_ends_a_path_in_a_mount(tmp_path, monkeypatch):
    folder = tmp_path / "lr=0.1,seed=1:a"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert place_for([folder / "train.py"]) == Place((folder,))
    script = "from pathlib import Path; print(Path.cwd()); Path('a').touch()"
    cover, printed = run(folder, tmp_path / "cover", script, "overlays")
    assert printed.strip() == str(folder) and cover.written() == ["a"]
    assert not list(folder.iterdir())


def test_a_script_elsewhere_has_its_folder_covered_too(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    assert outermost([here, there, there / "deeper"]) == (here, there)
    monkeypatch.chdir(here)
    assert place_for([there / "train.py"]).folders == (here, there)


def test_without_mounts_scripts_run_on_copies_that_lie_elsewhere(project, tmp_path, monkeypatch):
    """The whole way: paths, links, what lies around and an environment; named as the originals."""
    monkeypatch.setenv("WHYDIFF_SCRATCH", "moved")
    _unprotectable.cache_clear()
    (project / "venv").mkdir()
    (project / "venv" / "pyvenv.cfg").touch()
    (project / "link").symlink_to(project / "results.csv")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.txt").write_text("3")
    script = project / "train.py"
    script.write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "here = Path(__file__).parent\n"
        "Path('link').write_text('written')\n"
        "(here / 'once').write_text(Path('../data/x.txt').read_text())\n"
        "print(here == Path.cwd(), os.environ['PWD'] == os.getcwd(), Path('venv').resolve())\n"
        "sys.exit(f'no good: {here}')\n"
    )
    before, place = contents(project), place_for([script])
    assert place.means == "moved" and "absolute path is the original" in place.warning
    runs = Runs(place)
    with runs.run(Run(script), tmp_path, "a") as ran:
        assert ran.failure == f"exited with 1: no good: {project}"
    assert (tmp_path / "a.log").read_text().startswith(f"True True {project / 'venv'}\n")
    assert list(runs.written) == ["once", "results.csv"]
    assert contents(project) == before and not list(tmp_path.glob("*.files"))
    _unprotectable.cache_clear()


@pytest.mark.parametrize("in_place", (True, False))
def test_a_run_on_a_copy_ends_with_its_handlers_and_files_and_takes_nothing_apart(
    project, tmp_path, in_place
):
    (project / "train.py").write_text(
        "import atexit, sys, threading, time\n"
        "class Apart:\n"
        "    def __del__(self): print('taken apart')\n"
        "apart, beside = Apart(), open(sys.argv[1], 'w')\n"
        "beside.write('all of it')\n"
        "atexit.register(print, 'handler')\n"
        "threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\n"
        "sys.exit(3)\n"
    )
    run = Run(project / "train.py", (str(tmp_path / "beside.txt"),))
    runs = Runs(place_for([run.script], in_place=in_place))
    with runs.run(run, tmp_path, "a") as ran:
        assert ran.failure.startswith("exited with 3")
    printed = (tmp_path / "a.log").read_text().split("\n")[:-1]
    assert printed == ["thread", "handler", *(["taken apart"] if in_place else [])]
    assert (tmp_path / "beside.txt").read_text() == "all of it"


def test_what_a_run_writes_outside_and_what_it_begins_with_are_said(project, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    files = ("results.csv", tmp_path / "elsewhere.csv", tmp_path / "temporary" / "x")
    facts = {f"file {project / file}": Used(written=True).text() for file in files}
    runs = Runs(Place((project,)), 1)
    facts[f"file {project / 'best.keras'}"] = Used("3f2a", written=True).text()
    facts[f"file {project / 'x.npy'}"] = Used("3f2a").text()
    # No Python function wrote these; one was there, and one was written before it was read.
    for name, digest in (("state.pt", content_digest(b"")), ("new.pt", "3f2a"), ("base.pt", "a1")):
        facts[f"file {project / name}"] = Used(digest).text()
    (project / "state.pt").touch()
    (project / "base.pt").touch()
    runs._note_files(execution(surroundings=facts))
    runs._closed(Run(project / "train.py"), ["state.pt", "new.pt", "base.pt"])
    assert runs.notes() == [
        "Scripts ran once on scratch copies of the current folder; in place they would have "
        "written state.pt, new.pt and base.pt. Outside of that they wrote "
        f"{tmp_path / 'elsewhere.csv'}.",
        "A run reads and then writes best.keras and state.pt: in place, a second run goes on from "
        "what the first one left there.",
    ]


def test_what_each_run_writes_under_a_name_of_its_own_is_said_once():
    known = ["runs/20250102-101500/plots/ (empty)", "e1.keras", "ids/0123abcd9f/x"]
    then = ["runs/20250102-102030/plots/ (empty)", "e1.keras", "e2.keras", "ids/f00dcafe12/x"]
    assert under_other_names(known, then) == {then[0]: known[0], then[3]: known[2]}
    assert under_other_names(["a/1/x"], ["a/2/x", "a/3/x"]) == {}  # more than before
    runs = Runs(Place((Path.cwd(),)), 2)
    for names in (known, then):
        runs._closed(Run(Path("train.py")), names)
    assert runs.notes() == [
        "Scripts ran 2 times on scratch copies of the current folder; in place they would have "
        f"written {known[0]}, e1.keras, {known[2]} and e2.keras, 2 of these under another name in "
        "each run."
    ]


def test_what_stays_in_the_folder_of_temporary_files_is_said(project, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    monkeypatch.setattr("tempfile.tempdir", str(place))
    names = ("model.keras", "tmpab_12xyz/x", "whydiff-1/a.log", "removed.csv")
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).touch()
    (place / "removed.csv").unlink()
    runs = Runs(Place((project,)), 1)
    facts = {f"file {place / name}": Used(written=True).text() for name in names}
    runs._note_files(execution(surroundings=facts))
    assert list(runs.outside) == [str(place / "model.keras")]


def test_a_checkpoint_that_is_read_under_one_number_and_written_under_another(project):
    files = {"ckpt/e9.keras": Used("3f2a"), "x.npy": Used("3f2a"), "y.npy": Used(written=True)}
    files |= {f"ckpt/e{number}.keras": Used(written=True) for number in (11, 10)}
    runs = Runs(Place((project,)), 2)
    facts = {f"file {project / name}": used.text() for name, used in files.items()}
    runs._note_files(execution(surroundings=facts))
    assert runs.notes()[-1] == (
        "A run reads ckpt/e9.keras and writes ckpt/e11.keras: in place, a second run may go on "
        "from that."
    )


def test_in_place_is_in_place_and_says_so(project):
    assert place_for([project / "train.py"], in_place=True) == Place()
    assert Place().text == "in place"
    (note,) = Runs(Place((project,)), 3, {"a.csv": None}).notes()
    assert note.startswith("Scripts ran 3 times on scratch copies of the current folder; ")
    assert note.endswith("in place they would have written a.csv.")


def test_a_script_that_refuses_what_the_first_run_left_is_told_what_helps(project, tmp_path):
    (project / "refuses.py").write_text("import os\nos.mkdir('out')")
    run = Run(project / "refuses.py", purpose="b")
    for place, helps in ((Place(), "Without --in-place"), (place_for([run.script]), "Fix the")):
        (project / "out").mkdir(exist_ok=True)
        runs = Runs(place)
        with runs.run(run, tmp_path, "b", serve=False) as ran, pytest.raises(WhydiffError) as why:
            ran.check_ended()
        assert helps in why.value.way_out


def test_before_anything_runs_it_is_said_how_often_and_where(project, monkeypatch):
    said = Silent()
    said.note = (notes := []).append
    (project / "train.py").touch()
    runs_of([project / "train.py"], False, said, times(5))
    runs_of([project / "train.py"], True, said, times(1))
    assert notes == [
        "the script runs 5 times, on scratch copies of the current folder",
        "the script runs once, in place",
    ]
    monkeypatch.setattr("tempfile.tempdir", str(project / "temporary"))
    (project / "temporary").mkdir()
    runs_of([project / "train.py"], False, said, times(2))
    assert notes[2] == "the script runs 2 times, in place"
    assert notes[3].startswith("scripts run in place and change files there: ")


def test_many_files_are_named_by_their_folders():
    files = [*(f"mlruns/0/{k}" for k in range(8)), "a.csv", "old/log (removed)"]
    runs = Runs(Place((Path("/here"),)), 1, dict.fromkeys(files))
    assert runs.notes()[0].endswith("written mlruns/ (8 files), a.csv and old/log (removed).")
    runs = Runs(Place((Path("/here"),)), 1, dict.fromkeys(f"{k}.csv" for k in range(9)))
    assert runs.notes()[0].endswith("4.csv, 5.csv and 3 more.")


def test_a_folder_that_holds_our_own_is_run_in_place_with_a_warning(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    place = place_for([tmp_path / "train.py"])
    assert place.folders == () and "temporary files" in place.warning


def test_a_process_ends_with_its_parent(project, tmp_path):
    """``kill -9`` of whoever started it leaves no process behind."""
    cover = Cover((project,), tmp_path / "cover")
    script = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    starter = textwrap.dedent(f"""
        import json, os, subprocess, sys
        prefix = {cover.prefix!r}
        specification = json.loads(prefix[-1])
        specification["parent"] = os.getpid()
        subprocess.run([*prefix[:-1], json.dumps(specification), sys.executable, "-c", {script!r}])
    """)
    parent = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.read()  # the pipe is closed once nobody holds its other end
    parent.stdout.close()
    with pytest.raises(ProcessLookupError):
        while True:  # a zombie until whoever adopted it looks
            state = Path(f"/proc/{pid}/stat")
            if not state.exists() or ") Z " in state.read_text():
                raise ProcessLookupError
            os.kill(pid, 0)


def test_a_script_runs_again_from_the_same_files_and_its_traces_are_told(project, tmp_path):
    """The whole way, with a script that trains nothing: it needs no Keras."""
    script = project / "train.py"
    script.write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "here = Path(__file__).parent\n"
        "print(__file__, sys.argv, os.environ['WHYDIFF_RUN'], (here / 'once').exists())\n"
        "(here / 'once').write_text('x')\n"
    )
    runs, printed = Runs(place_for([script])), []
    for name in ("a", "b"):
        run = Run(Path("train.py"), ("--lr", "1"), purpose=name)
        with runs.run(run, tmp_path, name) as ran:
            assert ran.succeeded and ran.execution is None
        printed.append((tmp_path / f"{name}.log").read_text().strip())
    assert printed == [f"{script} ['train.py', '--lr', '1'] {n} False" for n in ("a", "b")]
    assert runs.notes()[0].endswith("in place they would have written once.")
    assert not (project / "once").exists()
    assert not list(tmp_path.glob("*.files"))


@pytest.fixture
def linked(project, tmp_path):
    """Links in the project, at its top and below it, to folders and files elsewhere."""
    for name in ("store", "deep", "files", "further"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text("x")
    (project / ".git").mkdir()
    for name, target in {
        "data": tmp_path / "store",
        "again": tmp_path / "store",
        "up": tmp_path,
        "itself": project / "itself",
        "nothing": Path("/dev/null"),
        "out/deep": tmp_path / "deep",
        "out/best.txt": tmp_path / "files" / "x.txt",
        "out/new.txt": tmp_path / "files" / "new.txt",
        ".git/own": tmp_path / "beside",
    }.items():
        (project / name).symlink_to(target)
    (tmp_path / "store" / "more").symlink_to("../further")
    (tmp_path / "beside").mkdir()
    return [project, *(tmp_path / name for name in ("store", "deep", "files", "further"))]


def test_what_is_written_through_links_is_gone_afterwards(
    linked, project, tmp_path, means, monkeypatch
):
    monkeypatch.setenv("WHYDIFF_SCRATCH", means)
    _unprotectable.cache_clear()
    place = place_for([project / "train.py"])
    assert place.means == means, place.warning
    assert list(place.folders) == linked, "and nothing that holds the project itself"
    before = contents(tmp_path)
    names = "data/x.txt", "out/deep/x.txt", "out/best.txt", "out/new.txt", "data/more/x.txt"
    text = "".join(f"open({name!r}, 'a').write('y')\n" for name in names)
    cover = Cover(place.folders, tmp_path / "cover", means)
    subprocess.run(
        [*cover.prefix, sys.executable, "-c", text], check=True, cwd=cover.moved(project)
    )
    inside = ("store/x.txt", "deep/x.txt", "files/new.txt", "files/x.txt", "further/x.txt")
    assert cover.written() == [str(tmp_path / name) for name in inside]
    cover.remove()
    assert contents(tmp_path) == before
    _unprotectable.cache_clear()


def test_many_folders_are_named_in_a_line():
    place = Place(tuple(Path(f"/{name}") for name in "abcdef"))
    assert place.text == "on scratch copies of /a, /b, /c and 3 more"


MOUNTED = """
    import subprocess, sys
    from pathlib import Path
    from whydiff.runner.scratch import Cover, place_for
    project, cover = map(Path, sys.argv[1:])
    for folder in ("data disk", "data disk/inner"):
        (project / folder).mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "none", project / folder], check=True)
        (project / folder / "x.txt").write_text("x")
    (cover.parent / "one.txt").write_text("one")
    (project / "one.txt").touch()
    subprocess.run(["mount", "--bind", cover.parent / "one.txt", project / "one.txt"], check=True)
    place = place_for([project / "train.py"])
    print(*(one.relative_to(project) for one in place.folders), sep=", ")
    print(*(name for name in ("one.txt", "data disk/x.txt") if place.covers(project / name)))
    cover = Cover(place.folders, cover)
    text = "from pathlib import Path\\nprint(*(p.read_text() for p in Path().rglob('*.txt')))"
    text += "\\nfor p in Path().rglob('x.txt'): p.write_text('y')"
    done = subprocess.run([*cover.prefix, sys.executable, "-c", text], stdout=-1, text=True)
    print(*sorted(done.stdout.split()))
    print(*cover.written(), sep=", ")
    print(*(p.read_text() for p in Path().rglob("x.txt")))
"""


def test_what_is_mounted_below_a_folder_is_there_and_not_written_to(project, tmp_path):
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", textwrap.dedent(MOUNTED), project,
         tmp_path / "cover"],
        capture_output=True, text=True,
    )  # fmt: skip
    folders, covered, seen, written, left = done.stdout.splitlines() or [done.stderr]
    assert folders == "., data disk, data disk/inner"
    assert covered == "data disk/x.txt", "a file that is mounted is shown as it is"
    assert seen == "a before earlier old one x x"
    there = [str(project / name / "x.txt") for name in ("data disk", "data disk/inner")]
    assert written == ", ".join(there) and left == "x x"
