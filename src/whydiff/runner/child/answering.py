"""A served child's end of the pipes: every request is answered, trouble included."""

from __future__ import annotations

import traceback
from typing import BinaryIO, Protocol

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.runner import codec
from whydiff.runner.messages import Answered, AnyRequest, Failed, NotTransferable, Refused, Reply
from whydiff.storage.blobs import ArrayFolder


class Server(Protocol):
    """Whoever holds what a script left."""

    def answer(self, request: AnyRequest) -> object:
        """What comes of a request; TransferError or WhydiffError with its why."""
        ...


def serve(
    server: Server, requests: BinaryIO, answers: BinaryIO, folder: ArrayFolder | None = None
) -> None:
    """Answer requests from one pipe on another until it is closed.

    Of large arrays that are in ``folder`` only their names are sent.
    """
    while True:
        try:
            request: AnyRequest = codec.read(requests)
        except EOFError:
            return
        reply = reply_to(server, request)
        try:
            codec.write(reply, answers, folder)
        except (TransferError, TypeError) as error:  # nothing of it was written
            codec.write(_trouble(error), answers)


def reply_to(server: Server, request: AnyRequest) -> Reply:
    """What a request is answered with."""
    try:
        return Answered(server.answer(request))
    except Exception as error:
        return _trouble(error)


def _trouble(error: Exception) -> Reply:
    if isinstance(error, TransferError):
        return NotTransferable(str(error))
    if isinstance(error, WhydiffError):
        return Refused(str(error), error.way_out)
    return Failed(f"{type(error).__name__}: {error}", traceback.format_exc())
