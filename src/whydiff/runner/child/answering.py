"""Requests and answers between a served child and its parent: JSON, a line each.

Every request is answered; trouble is answered as ``{"error": ..., "why": ...}``.
"""

from __future__ import annotations

import json
import os
import traceback

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import TransferError
from whydiff.runner.child.serving import Server


def serve(server: Server, requests: int, answers: int) -> None:
    """Answer requests from one file descriptor on another until it is closed."""
    with os.fdopen(requests) as source, os.fdopen(answers, "w") as sink:
        for line in source:
            request = json.loads(line)
            method = getattr(server, request.pop("do"))
            try:
                answer = method(**request)
            except TransferError as reason:
                answer = {"error": "not transferable", "why": str(reason)}
            except WhydiffError as refusal:
                answer = {"error": "refused", "why": str(refusal), "way_out": refusal.way_out}
            except Exception as error:
                answer = {
                    "error": "failed",
                    "why": f"{type(error).__name__}: {error}",
                    "trace": traceback.format_exc(),
                }
            sink.write(json.dumps(answer) + "\n")
            sink.flush()
