"""Conformance suites and builders, for the tests of this project and of what plugs into it."""
