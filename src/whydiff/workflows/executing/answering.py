"""Requests and answers between a served child and its parent: JSON, a line each."""

from __future__ import annotations

import json
import os
import traceback
from typing import Any

from whydiff.core.feeding import Untransplantable


def serve(server: Any, requests: int, answers: int) -> None:
    """Answer requests from one file descriptor on another until it is closed."""
    with os.fdopen(requests) as source, os.fdopen(answers, "w") as sink:
        for line in source:
            request = json.loads(line)
            method = getattr(server, request.pop("do"))
            try:
                answer = method(**request)
            except Untransplantable as reason:
                answer = {"error": "untransplantable", "why": str(reason)}
            except Exception as error:
                answer = {
                    "error": "failed",
                    "why": f"{type(error).__name__}: {error}",
                    "trace": traceback.format_exc(),
                }
            sink.write(json.dumps(answer) + "\n")
            sink.flush()
