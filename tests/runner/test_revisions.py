"""A revision's files lie in a folder of ours as git has them, and the repository stays as it is."""

import os
import subprocess
from pathlib import Path

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.runner.history import (
    changed_files,
    commit_named,
    commit_of_line,
    commit_that_removed,
    commits_between,
    committed_in,
    contains,
    repository,
    second_parent,
    text_at,
)
from whydiff.runner.revisions import check_out


def git(folder, *arguments):
    settings = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "protocol.file.allow=always"]
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(folder, subject, **files):
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        path.write_text(text)
        git(folder, "add", path.name)
    git(folder, "commit", "--allow-empty", "-qm", subject)


def test_a_commit_named_in_full_is_shown_by_its_first_digits(project, tmp_path):
    commit = check_out("v1", project, tmp_path / "one").commit
    assert check_out(commit.id, project, tmp_path / "two").revision == commit.id[:10]
    assert check_out(commit.id[:8], project, tmp_path / "three").revision == commit.id[:8]


def test_the_commit_that_holds_a_file_as_it_is(project, tmp_path):
    assert committed_in(project / "helper.py") == git(project, "rev-parse", "HEAD")[:10]
    (project / "helper.py").write_text("x = 2\n")
    for unknown in ("helper.py", "never.py", "data/x"):
        assert committed_in(project / unknown) == ""
    git(tmp_path, "clone", "-q", "--depth=1", project.as_uri(), "shallow")
    assert committed_in(tmp_path / "shallow" / "helper.py") == ""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Three commits, the first tagged v1; data that git ignores; an edit that is not committed."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-qb", "main")
    commit(folder, "Begin", train__py="rate = 0.001\nprint(rate)\n", __gitignore="data/\n")
    git(folder, "tag", "v1")
    commit(folder, "Train faster", train__py="rate = 0.01\nprint(rate)\n")
    commit(folder, "Help", helper__py="x = 1\n")
    (folder / "data").mkdir()
    (folder / "data" / "x.csv").write_text("1\n")
    (folder / "notes.txt").write_text("untracked\n")
    (folder / "__pycache__").mkdir()
    (folder / "train.py").write_text("rate = 0.1\nprint(rate)\n")
    monkeypatch.chdir(folder)
    return folder


def state(folder):
    """Every file with its bytes and times, git's own among them."""
    return {
        str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()
    }


def test_its_files_are_those_of_the_revision_with_the_data_of_today(project, tmp_path):
    before = state(project)
    made = check_out("v1", project / "train.py", tmp_path / "place")
    assert (made.folder / "train.py").read_text() == "rate = 0.001\nprint(rate)\n"
    assert not (made.folder / "helper.py").exists()
    assert (made.folder / "data" / "x.csv").read_text() == "1\n"
    assert (made.folder / "notes.txt").read_text() == "untracked\n"
    assert not (made.folder / "__pycache__").exists()
    assert made.notes == (
        "What git does not track is there, too, as it is now: data/ and notes.txt.",
    )
    assert state(project) == before


def test_git_works_in_it_and_knows_nothing_of_it(project, tmp_path):
    made = check_out("v1", project, tmp_path / "place")
    assert git(made.folder, "log", "-1", "--format=%s") == "Begin"
    assert git(made.folder, "describe", "--tags", "--always") == "v1"
    assert git(made.folder, "diff", "--stat", "HEAD") == ""
    assert git(made.folder, "rev-parse", "--show-toplevel") == str(made.folder)
    assert len(git(project, "worktree", "list").splitlines()) == 1
    assert git(project, "worktree", "prune", "--dry-run", "--verbose") == ""
    assert git(project, "branch", "--show-current") == "main"


def test_variables_of_git_and_hooks_are_left_aside(project, tmp_path, monkeypatch):
    hook = project / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    made = check_out("HEAD", project, tmp_path / "place")
    assert (made.folder / "helper.py").exists()
    assert not (tmp_path / "ran").exists() and not (tmp_path / "index").exists()


def test_paths_are_found_in_it(project, tmp_path, monkeypatch):
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    made = check_out("v1", Path("../train.py"), tmp_path / "place")
    assert made.script(Path("../train.py")) == made.folder / "train.py"
    assert made.working_folder() == made.folder / "sub"
    assert made.path(Path("/elsewhere/x")) == Path("/elsewhere/x")
    assert made.named(made.folder / "train.py") == "../train.py"
    assert made.named(made.folder / "sub" / "x.py") == "x.py"
    assert made.named("/elsewhere/x") == "/elsewhere/x"
    assert made.names() == {
        f"{made.folder}/sub/": "", f"{made.folder}/": "../", f"{made.folder.parent}/": "",
    }  # fmt: skip
    monkeypatch.chdir(project)
    assert made.named(made.folder / "train.py") == "train.py"
    assert made.names() == {f"{made.folder}/": "", f"{made.folder.parent}/": ""}


def test_a_script_that_was_not_there_is_refused(project, tmp_path):
    made = check_out("v1", project, tmp_path / "place")
    with pytest.raises(WhydiffError, match=r"helper.py does not exist in v1 \(\w{10} \(Begin\)\)"):
        made.script(Path("helper.py"))


def test_a_script_that_was_called_otherwise_is_named(project, tmp_path):
    git(project, "checkout", "-q", "train.py")
    git(project, "mv", "train.py", "fit.py")
    commit(project, "Rename")
    made = check_out("v1", project, tmp_path / "place")
    with pytest.raises(WhydiffError) as refused:
        made.script(Path("fit.py"))
    named = "There it was train.py. Name both scripts, A's first, train.py for "
    assert refused.value.way_out.startswith(named)


@pytest.mark.parametrize("revision", ["v9", "--all", "", "train.py"])
def test_what_is_no_revision_is_refused(project, revision):
    with pytest.raises(WhydiffError, match="has no revision"):
        commit_named(project, revision)


def test_a_folder_without_a_repository_is_refused(tmp_path):
    with pytest.raises(WhydiffError, match="is in no git repository"):
        repository(tmp_path)


def test_data_that_the_revision_tracked_are_its_own(project, tmp_path):
    git(project, "checkout", "-q", "train.py")
    git(project, "add", "-f", "data/x.csv")
    (project / "data" / "y.csv").write_text("y\n")
    commit(project, "Track")
    git(project, "tag", "v2")
    git(project, "rm", "-rq", "--cached", "data")
    commit(project, "Track no more")
    (project / "data" / "x.csv").write_text("2\n")
    made = check_out("v2", project, tmp_path / "place")
    assert (made.folder / "data" / "x.csv").read_text() == "1\n"
    assert (made.folder / "data" / "y.csv").read_text() == "y\n"


def test_nothing_is_linked_outside_of_it(project, tmp_path):
    git(project, "checkout", "-q", "train.py")
    outside = tmp_path / "outside"
    outside.mkdir()
    (project / "results").symlink_to(outside)
    git(project, "add", "results")
    commit(project, "Results lie elsewhere")
    git(project, "tag", "v3")
    (project / "results").unlink()
    git(project, "rm", "-q", "--cached", "results")
    (project / "results").mkdir()
    commit(project, "Results lie here", results__txt="r\n")
    (project / "results" / "a.csv").write_text("a\n")
    check_out("v3", project, tmp_path / "place")
    assert list(outside.iterdir()) == []


def test_submodules_come_from_the_clone_at_hand(project, tmp_path):
    git(project, "checkout", "-q", "train.py")
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-qb", "main")
    commit(library, "One", lib__py="one\n")
    git(project, "submodule", "--quiet", "add", str(library), "lib")
    commit(project, "Use a library")
    git(project, "tag", "with-library")
    commit(library, "Two", lib__py="two\n")
    git(project / "lib", "pull", "-q", "origin", "main")
    git(project, "add", "lib")
    commit(project, "Renew it")
    old = check_out("with-library", project, tmp_path / "old")
    assert (old.folder / "lib" / "lib.py").read_text() == "one\n"
    assert git(old.folder, "status", "--porcelain", "--ignore-submodules=none", "-uno") == ""
    assert (check_out("HEAD", project, tmp_path / "new").folder / "lib/lib.py").read_text() == (
        "two\n"
    )
    assert (project / "lib" / "lib.py").read_text() == "two\n"


def test_a_submodule_that_was_never_cloned_is_told(project, tmp_path):
    git(project, "checkout", "-q", "train.py")
    git(project, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},lib")
    git(project, "commit", "-qm", "A submodule")
    made = check_out("HEAD", project, tmp_path / "place")
    assert made.notes[0].startswith("The submodule lib is empty: its commit 1111111111 is not")


def test_large_files_come_from_the_clone_or_are_told(project, tmp_path):
    git(project, "checkout", "-q", "train.py")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n"
    held, lost = "a" * 64, "b" * 64
    for name, oid in (("held.bin", held), ("lost.bin", lost)):
        (project / name).write_text(pointer.format(oid))
    (project / ".gitattributes").write_text("*.bin filter=lfs -text\n")
    git(project, "add", "--", "held.bin", "lost.bin", ".gitattributes")
    git(project, "commit", "-qm", "Large files")
    content = project / ".git" / "lfs" / "objects" / "aa" / "aa" / held
    content.parent.mkdir(parents=True)
    content.write_text("12345")
    made = check_out("HEAD", project, tmp_path / "place")
    assert (made.folder / "held.bin").read_text() == "12345"
    assert (made.folder / "lost.bin").read_text() == pointer.format(lost)
    assert (
        made.notes[0].startswith("1 file of git-lfs could not be had")
        and "lost.bin" in (made.notes[0])
    )


def test_commits_on_the_way_are_those_of_first_parents(project):
    git(project, "checkout", "-q", "train.py")
    git(project, "checkout", "-qb", "side", "v1")
    commit(project, "Aside", side__py="s\n")
    git(project, "checkout", "-q", "main")
    git(project, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
    way = commits_between(project, "v1", "HEAD")
    assert [c.subject for c in way] == ["Begin", "Train faster", "Help", "Merge side"]
    assert second_parent(project, way[-1]) == commit_named(project, "side").id
    assert second_parent(project, way[0]) == ""


@pytest.mark.parametrize(
    ("good", "bad", "way_out"),
    [
        ("HEAD", "v1", "v1 is the older one: exchange them."),
        ("other", "HEAD", "Take their common ancestor as the good one: `git merge-base other "
                          "HEAD`."),
        ("HEAD", "main", "Name two that differ."),
    ],
)  # fmt: skip
def test_where_no_way_leads_that_is_said(project, good, bad, way_out):
    git(project, "checkout", "-q", "train.py")
    git(project, "checkout", "-qb", "other", "v1")
    commit(project, "Other")
    git(project, "checkout", "-q", "main")
    with pytest.raises(WhydiffError) as refused:
        commits_between(project, good, bad)
    assert refused.value.way_out == way_out


def test_git_tells_who_wrote_a_line(project):
    git(project, "checkout", "-q", "train.py")
    both = [(name, name) for name in ("helper.py", "train.py")]  # the first was added
    assert changed_files(project, "v1", "HEAD") == both
    wrote = commit_of_line(project, "HEAD", "train.py", 1)
    assert wrote.subject == "Train faster"
    assert contains(project, "HEAD", wrote) and not contains(project, "v1", wrote)
    removed = commit_that_removed(project, "v1", "HEAD", "train.py", "rate = 0.001")
    assert removed == wrote
    (project / "train.py").write_text("rate = 0.5\nprint(rate)\n")
    assert commit_of_line(project, None, "train.py", 1) is None
    assert commit_of_line(project, None, "train.py", 2).subject == "Begin"
    assert text_at(project, "v1", "train.py") == "rate = 0.001\nprint(rate)\n"
    assert text_at(project, None, "train.py") == "rate = 0.5\nprint(rate)\n"
    assert text_at(project, "v1", "helper.py") == ""


def test_a_project_of_pythonpath_is_imported_from_the_revision(project, tmp_path, monkeypatch):
    git(project, "checkout", "-q", "train.py")
    (project / "src").mkdir()
    (project / "src" / "own.py").write_text("then\n")
    git(project, "add", "src")
    commit(project, "A module")
    (project / "src" / "own.py").write_text("now\n")
    linked = project / "data"  # not tracked: what is there today, under whichever path
    path = [project / "src", linked, tmp_path]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, path)))
    made = check_out("HEAD", project, tmp_path / "place")
    expected = [made.folder / "src", linked, tmp_path]
    assert made.environment(given={"A": "1"}) == {
        "A": "1", "PYTHONPATH": os.pathsep.join(map(str, expected)),
    }  # fmt: skip
