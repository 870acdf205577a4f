"""The running interpreter in the place of a script's process: requests are answered at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, LiveCall
from whydiff.core.progress import EachEpoch
from whydiff.runner import codec
from whydiff.runner.child.serving import Server
from whydiff.runner.messages import Answer, AnyRequest, Request


class InProcessClient:
    """This interpreter in the place of a script's process; see ``client.Child``."""

    def __init__(
        self,
        lives: list[Live],
        recording: Path,
        calls: Sequence[LiveCall] = (),
        each_epoch: EachEpoch | None = None,
    ) -> None:
        self._server = Server(lives, _no_script, None, recording, calls, each_epoch)

    def request(self, request: Request[Answer]) -> Answer:
        """Do it at once. The answer shares no array with the models here, which go on training."""
        try:
            answer = self._server.answer(cast(AnyRequest, request))
        except (TransferError, WhydiffError):
            raise
        except Exception as error:
            raise WhydiffError(f"training again failed: {type(error).__name__}: {error}") from error
        return cast(Answer, codec.copied(answer))


def _no_script(*_: Any) -> list[Live]:
    raise WhydiffError("a cell of a notebook is not run again", "Write it as a script.")
