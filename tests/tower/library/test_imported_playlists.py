"""An import never makes a playlist poorer without saying so."""

from __future__ import annotations

import pytest

from tower.library.imported_playlists import merge_tracks


@pytest.mark.parametrize(
    ("before", "ours", "theirs", "expected"),
    [
        ([1, 2], [1, 2], [2, 3], [2, 3]),  # only the source changed
        ([1, 2], [2, 1, 4], [1, 2], [2, 1, 4]),  # only we changed
        ([1, 2], [1, 2, 4], [2, 3], [2, 3, 4]),  # both added, and the source removed
        ([1, 2], [1], [1, 2, 3], [1, 3]),  # what was removed here stays removed
        ([1, 2], [1, 2, 5], [1, 2, 5], [1, 2, 5]),  # both added the same
        ([1, 1], [1, 1], [1], [1]),
        (None, [1, 4], [1, 2], [1, 2, 4]),  # an older version did not keep what it had imported
    ],
)
def test_the_changes_of_both_sides_are_kept(
    before: list[int] | None, ours: list[int], theirs: list[int], expected: list[int]
) -> None:
    assert merge_tracks(ours, theirs, before=before) == expected
