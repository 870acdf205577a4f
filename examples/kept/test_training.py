"""A training as a test: it fails as soon as the training is no longer the one that was locked.

pytest examples/kept --whydiff-update     # trains and writes ../locked.lock
pytest examples/kept                      # trains and compares
"""


def test_training(whydiff_verify):
    whydiff_verify("examples/locked.py", require="bitwise")
