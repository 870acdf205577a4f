"""What is ours stays away from the training; what a script throws into it is the script's."""

import ctypes
import functools
import signal
import sys
import threading
from pathlib import Path

import pytest

import whydiff
from whydiff.core.interrupting import HANDLERS, pass_on, quietly, thrown_in

SOURCES = Path(whydiff.__file__).parent


class Late(Exception):
    pass


def late(number, frame):
    raise Late


class Limit:
    def __call__(self, number, frame):
        raise Late

    def reached(self, *given):
        raise Late


@pytest.fixture(params=["function", "object", "method", "partial"])
def limit(request):
    handler = {
        "function": late,
        "object": Limit(),
        "method": Limit().reached,
        "partial": functools.partial(late),
    }[request.param]
    before = signal.signal(signal.SIGUSR1, handler)
    yield handler
    signal.signal(signal.SIGUSR1, before)
    HANDLERS.look()


def raise_signal():
    signal.raise_signal(signal.SIGUSR1)


def caught(function):
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_a_handler_waits_until_our_code_is_through(limit):
    HANDLERS.look()
    done = []
    with pytest.raises(Late), quietly():
        with quietly():
            raise_signal()
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]
    assert signal.getsignal(signal.SIGUSR1) == limit


def test_what_was_set_or_taken_away_meanwhile_holds(limit):
    HANDLERS.look()
    seen = []

    def other(number, frame):
        seen.append(number)

    with quietly():
        raise_signal()
        signal.signal(signal.SIGUSR1, other)
    assert seen == [signal.SIGUSR1] and signal.getsignal(signal.SIGUSR1) is other
    with quietly():
        raise_signal()
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    assert seen == [signal.SIGUSR1]
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN


def test_all_that_waited_is_handled_though_the_first_raises(limit):
    seen = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: seen.append(number))
    HANDLERS.look()
    try:
        with pytest.raises(Late), quietly():
            raise_signal()
            signal.raise_signal(signal.SIGUSR2)
            assert not seen
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert seen == [signal.SIGUSR2]


def test_a_handler_that_was_left_put_off_mends_itself(limit):
    """As where another handler raised while handlers were put off one by one."""
    HANDLERS.look()
    HANDLERS.put_off()
    HANDLERS.held = 0
    with pytest.raises(Late):
        raise_signal()
    assert signal.getsignal(signal.SIGUSR1) == limit


def test_a_handler_that_nobody_looked_for_is_known_by_what_it_is_called_with(limit):
    with pytest.raises(Late), quietly():
        raise_signal()
    with pytest.raises(Late):
        try:
            raise_signal()
        except Exception as error:
            pass_on(error)


def test_a_late_signal_passes_through_what_is_around():
    before = signal.signal(signal.SIGUSR1, late)
    HANDLERS.look()
    try:
        with pytest.raises(Late):
            try:
                with quietly():
                    raise_signal()
            except Exception as error:
                pass_on(error)
    finally:
        signal.signal(signal.SIGUSR1, before)
        HANDLERS.look()


@pytest.mark.parametrize("install", [sys.settrace, sys.setprofile])
def test_what_a_trace_function_raises_is_the_scripts(install):
    def ours():
        return len("")

    def trace(frame, event, argument):
        if frame.f_code is ours.__code__:
            raise Late

    def traced():
        before = sys.gettrace() if install is sys.settrace else sys.getprofile()
        install(trace)
        try:
            ours()
        finally:
            install(before)

    assert thrown_in(caught(traced))


def test_what_another_thread_raises_is_the_scripts():
    waiting, raised = threading.Event(), []

    def ours():
        waiting.set()
        while True:
            len("")

    def run():
        raised.append(caught(ours))

    thread = threading.Thread(target=run)
    thread.start()
    waiting.wait()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(TimeoutError)
    )
    thread.join()
    assert isinstance(raised[0], TimeoutError) and thrown_in(raised[0])


def bare():
    raise Late


def reraised():
    try:
        bare()
    finally:
        len("")


@pytest.mark.parametrize(
    "fails",
    [
        bare, reraised, lambda: int("x"), lambda: {}["x"], lambda: next(iter(())), lambda: 1 / 0,
        lambda: late(0, sys._getframe(1)), lambda: signal.Handlers(99), lambda: missing,  # noqa: F821
    ],
)  # fmt: skip
def test_other_trouble_is_ours(fails):
    assert not thrown_in(caught(fails))
    with quietly():
        fails()


def test_no_handler_is_touched_from_another_thread(limit):
    HANDLERS.look()
    seen = []

    def run():
        with quietly():
            seen.append(signal.getsignal(signal.SIGUSR1))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [limit]
