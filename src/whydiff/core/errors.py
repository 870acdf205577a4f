"""The one exception that reaches a person, and the one that ends everything."""

from __future__ import annotations

from typing import NoReturn


class WhydiffError(Exception):
    """Something a person can mend: wrong use, a bad file, a script that failed.

    The message names the offending value; ``way_out`` says what to do next. The command line
    prints both and exits with 2, without a traceback; in Python both end the traceback.
    """

    def __init__(self, message: str, way_out: str = "") -> None:
        super().__init__(message)
        self.way_out = way_out
        if way_out and hasattr(self, "add_note"):  # not in Python 3.10; a traceback shows it
            self.add_note(way_out)


class Terminated(BaseException):
    """A signal asks this process to end: children are ended and temporary folders removed first.

    Not an ``Exception``, so that nothing on the way takes it for trouble that it can deal with.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


def unreachable(value: NoReturn) -> NoReturn:
    """End a ``match`` over all kinds of ``value``; a kind that is left out is a type error."""
    raise AssertionError(f"nothing deals with {value!r}")
