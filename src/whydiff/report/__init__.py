"""Findings -> blocks -> text. Nothing here computes, and nothing here needs Keras."""

from whydiff.report.show_view import execution_dict
from whydiff.report.terminal import (
    print_diff,
    print_execution,
    print_explanation,
    print_verification,
)

__all__ = [
    "execution_dict",
    "print_diff",
    "print_execution",
    "print_explanation",
    "print_verification",
]
