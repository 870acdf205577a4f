"""What a script throws into whatever runs: handlers of signals, trace functions, other threads.

A time limit by SIGALRM strikes anywhere, also while code of ours runs beside a training. What its
handler raises is meant for the script, so nothing of ours may take it for trouble of its own; and
it must not leave what we note half noted. So handlers wait until our code is through
(:data:`HANDLERS`), and what comes all the same is told by where it came from (:func:`thrown_in`).

Nothing but what Python has built in is imported: this runs before the script's first line.
"""

from __future__ import annotations

import _signal
import _thread

MYPY = False
if MYPY:  # for those who check types: `typing` is not imported
    from types import FrameType, TracebackType
    from typing import Any

#: Handlers run in the thread that Python began with.
_MAIN = _thread.get_ident()
_SIGNALS = tuple(sorted(_signal.valid_signals()))
#: C code raises these without a message, too.
_WITHOUT_MESSAGE = ("StopIteration", "StopAsyncIteration", "MemoryError", "Empty")


class _PutOff:
    """Stands in for a handler while code of ours runs; afterwards it takes itself away."""

    __slots__ = ("handler",)

    def __init__(self, handler: Any) -> None:
        self.handler = handler

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if HANDLERS.held:
            HANDLERS.waiting[number] = frame
            return
        if _signal.getsignal(number) is self:
            _signal.signal(number, self.handler)
        self.handler(number, frame)


class Handlers:
    """The script's handlers for signals, which wait while code of ours runs."""

    def __init__(self) -> None:
        self.held = 0  # how many pieces of our code are running, one called by the other
        self.waiting: dict[int, FrameType | None] = {}
        self._numbers: tuple[int, ...] = ()
        self._looked: list[int] = []  # ids of all handlers: one that is gone was the script's, too

    def look(self) -> None:
        """See which signals have handlers now. Asking for all of them each time takes too long."""
        looked = list(map(id, map(_signal.getsignal, _SIGNALS)))
        if looked != self._looked:
            self._looked = looked
            self._numbers = tuple(n for n in _SIGNALS if _is_scripts(_signal.getsignal(n)))

    def put_off(self) -> int | None:
        """Code of ours begins; give what comes back to :meth:`go_on` when it ends."""
        if not self._numbers or _thread.get_ident() != _MAIN:
            return None
        before = self.held
        if not before:
            for number in self._numbers:
                handler = _signal.getsignal(number)
                if _is_scripts(handler) and type(handler) is not _PutOff:
                    _signal.signal(number, _PutOff(handler))
        self.held = before + 1
        return before

    def go_on(self, before: int | None) -> None:
        """Code of ours has ended: handlers are the script's again, and what waited is handled."""
        if before is None:
            return
        self.held = before
        if before:
            return
        for number in _SIGNALS if self.waiting else self._numbers:
            handler = _signal.getsignal(number)
            if type(handler) is _PutOff:
                _signal.signal(number, handler.handler)
        if self.waiting:
            self._handle()

    def _handle(self) -> None:
        number = next(iter(self.waiting))
        interrupted = self.waiting.pop(number)
        handler = _signal.getsignal(number)
        try:
            if callable(handler):
                handler(number, interrupted)
        finally:
            if self.waiting:
                self._handle()


HANDLERS = Handlers()


def _is_scripts(handler: Any) -> bool:
    return callable(handler) and handler is not _signal.default_int_handler


class quietly:  # noqa: N801 - a context manager named like a function
    """Trouble inside is nobody's business: the block ends there. Handlers of signals wait."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = HANDLERS.put_off()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        place: TracebackType | None,
    ) -> bool:
        try:
            return kind is not None and Exception in kind.__mro__ and not thrown_in(error)
        finally:
            HANDLERS.go_on(self._before)


def pass_on(error: BaseException) -> None:
    """Raise ``error`` again where it was thrown into the code that caught it."""
    if thrown_in(error):
        raise error


def thrown_in(error: BaseException | None) -> bool:
    """Whether an error that came while our code ran is the script's, and meant for the script.

    It was raised by a handler of a signal or a trace function, which Python calls with the very
    frame that it interrupts, or by another thread, which raises a bare class where nothing raises.
    """
    try:
        return error is not None and _is_scripts_own(error)
    except Exception:  # the script took away or replaced what Python has built in
        return False


def _is_scripts_own(error: BaseException) -> bool:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        late = place.tb_frame.f_code is Handlers._handle.__code__
        if late or _takes(place.tb_next.tb_frame, place.tb_frame):
            return True
        place = place.tb_next
    if place is None or error.args or type(error).__name__ in _WITHOUT_MESSAGE:
        return False
    import opcode

    operation = place.tb_frame.f_code.co_code[place.tb_lasti]
    return opcode.opname[operation] not in ("RAISE_VARARGS", "RERAISE")


def _takes(called: FrameType, interrupted: FrameType) -> bool:
    """Whether a function was called with the frame that it was called from."""
    code = called.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames[: count + bool(code.co_flags & 4)]  # one more for *args
    if not names or called.f_globals.get("__name__", "").startswith("whydiff."):
        return False
    given = [called.f_locals.get(name) for name in names]
    more = given[-1] if code.co_flags & 4 else None
    given += more if isinstance(more, tuple) else ()
    return any(value is interrupted for value in given)
