"""Watching the uses of a model that measure, and the events that say where its values come from.

``book`` numbers calls and hands out a :class:`~whydiff.recorder.measuring.call.Measuring` per
call; ``provenance`` knows where each weight's value comes from.
"""
