"""What the ledger says of the episodes of a series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from db.engine import SessionFactory
from tests.small_media import write_picture
from tests.tower.publishing.films import EPISODE, OTHER_EPISODE, make_film
from tower.publishing.film import Series
from tower.publishing.ledger import may_bring_poster
from tower.publishing.publisher import Publisher


def test_a_series_keeps_the_poster_of_its_first_episode_while_that_is_published(
    make_publisher: Callable[..., Publisher],
    sessions: SessionFactory,
    library: Path,
    films: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    series = Series("project-1", "Neon Rain", poster=write_picture(tmp_path / "p.png"))
    make_publisher().publish(make_film(films[0], series=series))
    with sessions() as session:
        assert may_bring_poster(session, library, "project-1", EPISODE)
        assert not may_bring_poster(session, library, "project-1", OTHER_EPISODE)
        assert may_bring_poster(session, library, "project-2", OTHER_EPISODE)
    make_publisher().unpublish(EPISODE)
    with sessions() as session:
        assert may_bring_poster(session, library, "project-1", OTHER_EPISODE)
