"""What stands in for a watched function shows itself to nobody but the watcher."""

import inspect
import io
import pickle
import traceback

import pytest

from whydiff.recorder.seed_calls import StandIn


def told(function=print):
    """A stand-in for ``function``, and the lines that called it."""
    lines = []
    return StandIn(function, after=lambda frame: lines.append(frame.f_lineno)), lines


def frames(function):
    """Where the traceback of a call that fails leads through."""
    with pytest.raises(ValueError) as failed:
        function("text", file=closed())
    return [(place.filename, place.name) for place in traceback.extract_tb(failed.tb)]


def closed():
    file = io.StringIO()
    file.close()
    return file


def test_it_tells_of_a_call_that_returned():
    stand_in, lines = told()
    stand_in("one", file=io.StringIO())
    assert lines == [inspect.currentframe().f_lineno - 1]
    with pytest.raises(ValueError):
        stand_in("two", file=closed())
    assert len(lines) == 1


def test_an_error_passes_as_if_nothing_stood_there():
    stand_in, _ = told()
    assert frames(stand_in) == frames(print) != []


def test_what_the_watcher_raises_reaches_nobody():
    def fails(frame):
        raise RuntimeError("ours")

    out = io.StringIO()
    assert StandIn(print, after=fails)("text", file=out) is None and out.getvalue() == "text\n"


def test_it_looks_like_the_function():
    """``sorted``: where a recording was made in this process, ``print`` is a stand-in itself."""
    stand_in = StandIn(sorted)
    assert repr(stand_in) == repr(sorted) and stand_in == sorted and hash(stand_in) == hash(sorted)
    assert stand_in.__class__ is type(sorted) and stand_in.__name__ == "sorted"
    assert inspect.signature(stand_in) == inspect.signature(sorted)
    assert pickle.loads(pickle.dumps(stand_in)) is sorted
