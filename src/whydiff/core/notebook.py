"""How an answer shows itself, without this package knowing how reports are made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from whydiff.core.errors import WhydiffError

#: forms of an answer: the terminal's text, a page of its own, Markdown, what a notebook keeps
TEXT, PAGE, MARKDOWN, CELL = "text", "page", "markdown", "cell"

#: characters that a notebook keeps of the text
MOST_TEXT = 20_000


class Shown(ABC):
    """An answer. ``print`` writes what the terminal shows; a notebook shows its page.

    ``renderer`` is set by the package, which knows both the answers and the reports.
    """

    renderer: ClassVar[Callable[[Any, str], str] | None] = None

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        # IPython prefers a class's own repr, which a dataclass has, to what a base class offers.
        cls._repr_pretty_ = Shown._repr_pretty_  # type: ignore[method-assign]  # the very same

    def __str__(self) -> str:
        return repr(self) if Shown.renderer is None else Shown.renderer(self, TEXT).rstrip("\n")

    def _repr_html_(self) -> str | None:
        return None if Shown.renderer is None else Shown.renderer(self, CELL)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What a notebook keeps beside the page, for where no page can be shown."""
        del cycle
        printer.text(str(self)[:MOST_TEXT])

    def to_html(self) -> str:
        """The whole page as one HTML file, as ``--html`` writes it."""
        return self._rendered(PAGE)

    def to_markdown(self) -> str:
        """The answer as ``--markdown`` writes it, short enough for a comment on GitHub."""
        return self._rendered(MARKDOWN)

    @abstractmethod
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """What :meth:`to_pandas` makes a table of."""

    def to_pandas(self) -> Any:
        """A pandas DataFrame: a row per cause, source, fit's epoch, replica, pair, point or set,
        whichever the answer consists of. Raises WhydiffError where pandas is not installed."""
        try:
            import pandas
        except ImportError:
            raise WhydiffError(
                "pandas is not installed", "pip install pandas; to_dict() works without it."
            ) from None
        return pandas.DataFrame([dict(row) for row in self.rows()])

    def _rendered(self, form: str) -> str:
        if Shown.renderer is None:
            raise WhydiffError("reports are not loaded", "import whydiff")
        return Shown.renderer(self, form)
