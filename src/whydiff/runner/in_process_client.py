"""The running interpreter in the place of a script's process: requests are answered at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.core.live import Live, LiveCall
from whydiff.runner.child.serving import Server
from whydiff.runner.client import Run


class InProcessClient:
    """This interpreter in the place of a script's process; see ``client.Child``."""

    def __init__(self, lives: list[Live], recording: Path, calls: Sequence[LiveCall] = ()) -> None:
        self.run, self.recording = Run(Path("this session")), recording
        self._server = Server(lives, _no_script, {}, recording, calls)

    def request(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Do it at once."""
        try:
            answer: dict[str, Any] = getattr(self._server, do)(**arguments)
        except (TransferError, WhydiffError):
            raise
        except Exception as error:
            raise WhydiffError(f"training again failed: {type(error).__name__}: {error}") from error
        return answer

    def close(self) -> None:
        """The interpreter goes on."""


def _no_script(described: Mapping[str, Any], *_: Any) -> list[Live]:
    raise WhydiffError(f"there is no script to run again for {described}")
