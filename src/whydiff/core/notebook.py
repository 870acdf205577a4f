"""How a finding shows itself in a notebook, without this room knowing how pages are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar


class Shown:
    """A finding with a page. Notebooks ask ``_repr_html_``; None leaves them the plain repr.

    ``renderer`` is set by the package, which knows both this room and the one that makes pages.
    """

    renderer: ClassVar[Callable[[Any], str] | None] = None

    def _repr_html_(self) -> str | None:
        renderer = Shown.renderer
        return None if renderer is None else renderer(self)
