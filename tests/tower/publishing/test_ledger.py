"""What the ledger says of the episodes of a series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from db.engine import SessionFactory
from tests.small_media import write_picture
from tests.tower.publishing.films import OTHER_EPISODE, OTHER_REF, REF, make_film
from tower.publishing.film import EpisodeRef, Series
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
        assert may_bring_poster(session, library, REF)
        assert not may_bring_poster(session, library, OTHER_REF)
        assert may_bring_poster(session, library, EpisodeRef("project-2", OTHER_EPISODE))
    make_publisher().unpublish(REF)
    with sessions() as session:
        assert may_bring_poster(session, library, OTHER_REF)
