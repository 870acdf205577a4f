"""What a recording says when its process is over."""

from whydiff.core.recording import PROGRAMS
from whydiff.storage import Writer, seal


def test_programs_that_nobody_watched_are_told(tmp_path):
    file = tmp_path / "run.whydiff"
    writer = Writer(file, "train.py", ())
    writer.environment({PROGRAMS: [["", "pretrain.py", "--fast"]]})
    writer.close(0)
    assert "`whydiff explain pretrain.py -- --fast`" in seal(file, 0).programs


def test_a_script_that_started_none(tmp_path):
    file = tmp_path / "run.whydiff"
    Writer(file, "train.py", ()).close(0)
    assert seal(file, 0).programs == ""
