"""The releases of a package, as uv finds them in the index."""

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.runner.releases import newest_of_series, releases_between


def test_all_releases_between_two_are_listed_in_order():
    assert releases_between("six", "1.13.0", "1.16.0") == ["1.13.0", "1.14.0", "1.15.0", "1.16.0"]
    assert releases_between("six", "1.15", "1.16") == ["1.15", "1.16"]


def test_a_series_is_its_newest_release():
    last = newest_of_series("six", 4)
    assert len({version.rpartition(".")[0] for version in last}) == 4
    assert newest_of_series("six", 2) == last[-2:]


@pytest.mark.parametrize(
    ("name", "first", "last", "said"),
    [
        ("six", "1.16.0", "1.13.0", "no release six==1.13.0 that is newer than 1.16.0"),
        ("six", "1.16.0", "99", "no release six==99"),
    ],
)
def test_what_is_not_newer_is_refused(name, first, last, said):
    with pytest.raises(WhydiffError, match=said):
        releases_between(name, first, last)


def test_where_the_index_is_not_reached_that_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    with pytest.raises(WhydiffError, match="could not be listed: No solution found"):
        newest_of_series("six", 2)
