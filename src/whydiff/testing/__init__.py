"""Conformance suites and builders, for the tests of this project and of what plugs into it."""

#: Seconds after which a test takes what it waits for to hang for ever. No test depends on how fast
#: a machine is: whatever a test bounds it counts (bytes, rows, steps, calls).
HANGS = 3600.0
