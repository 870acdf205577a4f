"""What only we asked for warns nobody, and what the script has seen stays known."""

import warnings

import pytest

from whydiff.core.unwarned import unwarned


def warns():
    warnings.warn("careful", stacklevel=1)


def test_nothing_is_shown_and_nothing_raised():
    before = warnings.warn
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with unwarned(), unwarned():
            warns()
        with pytest.raises(UserWarning):
            warns()
    assert warnings.warn is before


def test_a_warning_that_was_shown_once_is_not_shown_again():
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        shown = []
        warnings.showwarning = lambda message, *rest: shown.append(str(message))
        warns()
        with unwarned():
            warns()
        warns()
    assert shown == ["careful"]


def test_what_the_code_inside_put_in_its_place_stays():
    before = warnings.warn
    try:
        with unwarned():
            warnings.warn = other = print
        assert warnings.warn is other
    finally:
        warnings.warn = before
