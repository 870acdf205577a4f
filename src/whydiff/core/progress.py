"""The progress of those who want to see none."""


class Silent:
    """A progress that says nothing."""

    def step(self, text: str, total: int | None = None) -> None:
        """A step begins."""

    def advance(self, n: int = 1) -> None:
        """Parts of it are done."""

    def note(self, text: str) -> None:
        """Something worth keeping on the screen."""
