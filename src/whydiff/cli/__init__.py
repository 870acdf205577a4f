"""The command line: a verb per file, each imported only when it is called for."""

from whydiff.cli.group import main

__all__ = ["main"]
