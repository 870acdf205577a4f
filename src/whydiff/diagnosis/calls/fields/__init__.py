"""The fields of two measuring calls compared, a file per subject."""

from whydiff.diagnosis.calls.fields.comparison import SOURCES, Compared, compare, with_programs

__all__ = ["SOURCES", "Compared", "compare", "with_programs"]
