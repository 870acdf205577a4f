"""What is ours stays away from the training; what a signal raises is the script's."""

import functools
import signal

import pytest

from whydiff.recorder.guard import never_in_the_way, unharmed


class Late(Exception):
    pass


def late(number, frame):
    raise Late


class Limit:
    def __call__(self, number, frame):
        raise Late

    def reached(self, number, frame):
        raise Late


class Watch:
    index, trouble = 1, ""

    @never_in_the_way
    def step(self, work):
        return work()


def fails():
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
    yield lambda: signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


def test_what_a_handler_of_a_signal_raises_reaches_the_script(limit):
    watch = Watch()
    with pytest.raises(Late):
        unharmed(limit, otherwise=None)
    with pytest.raises(Late):
        watch.step(limit)
    assert watch.trouble == ""


def test_other_trouble_does_not(limit):
    watch = Watch()
    assert unharmed(fails, otherwise="ours") == "ours"
    assert watch.step(fails) is None and watch.trouble.startswith("Late")


def test_a_value_that_an_enumeration_lacks_is_no_signal():
    # How a signal is handled by default is told by an enumeration, too.
    assert unharmed(lambda: signal.Handlers(99), otherwise="ours") == "ours"
