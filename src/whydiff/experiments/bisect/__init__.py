"""Halving between two revisions, versions or dates until the change is found."""
