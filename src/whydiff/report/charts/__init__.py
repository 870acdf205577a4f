"""Vega-Lite specs built with Altair: numbers in, plain mappings out, so that tests assert them.

Colours are names of the page's own (``var(--a)``), so that one spec serves light, dark and print.
"""
