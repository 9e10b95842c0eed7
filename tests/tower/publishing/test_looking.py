"""Publications that Jellyfin shows later become visible by themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from db.engine import SessionFactory
from db.models.publications import Publication, PublicationState
from tests.fakes.jellyfin.server import KEY, FakeJellyfin
from tests.tower.publishing.films import make_film
from tower.publishing.looking import JellyfinWatch, find_due
from tower.publishing.publisher import Publisher
from tower.settings import Settings

MINUTE = timedelta(minutes=1)


@pytest.fixture
def jellyfin(library: Path) -> Iterator[FakeJellyfin]:
    with FakeJellyfin(library) as fake:
        yield fake


@pytest.fixture
def settings(jellyfin: FakeJellyfin, library: Path, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, library_dir=library, jellyfin_url=jellyfin.url, jellyfin_key=KEY)


@pytest.fixture
def published(make_publisher: Callable[..., Publisher], films: tuple[Path, Path]) -> Publication:
    return make_publisher().publish(make_film(films[0]))


def set_dates(sessions: SessionFactory, *, published: timedelta, looked: timedelta) -> None:
    """How long ago it was published, and looked for."""
    now = datetime.now(UTC)
    with sessions.begin() as session:
        session.execute(
            update(Publication).values(
                published_at=now - published,
                updated_at=now - looked,
                state=PublicationState.NOT_SEEN_YET,
                reason="Jellyfin does not list the episode yet",
            )
        )


@pytest.mark.parametrize(
    ("age", "looked", "is_due"),
    [
        (2 * MINUTE, 0.5 * MINUTE, False),
        (2 * MINUTE, 1.5 * MINUTE, True),
        (60 * MINUTE, 10 * MINUTE, False),
        (60 * MINUTE, 16 * MINUTE, True),
        (5000 * MINUTE, 50 * MINUTE, False),
        (5000 * MINUTE, 61 * MINUTE, True),
        (timedelta(days=8), timedelta(days=1), False),
    ],
)
def test_the_waits_grow_to_an_hour_and_end_after_a_week(
    sessions: SessionFactory,
    settings: Settings,
    published: Publication,
    *,
    age: timedelta,
    looked: timedelta,
    is_due: bool,
) -> None:
    set_dates(sessions, published=age, looked=looked)
    with sessions() as session:
        assert bool(find_due(session, settings)) == is_due


def test_what_jellyfin_shows_later_becomes_visible(
    sessions: SessionFactory, settings: Settings, published: Publication
) -> None:
    watch = JellyfinWatch(sessions, settings)
    set_dates(sessions, published=2 * MINUTE, looked=2 * MINUTE)
    assert [(row.id, row.state) for row in watch.look_again()] == [(published.id, PublicationState.VISIBLE)]
    assert watch.look_again() == []


def test_a_thread_looks_only_if_a_jellyfin_is_configured(
    sessions: SessionFactory, settings: Settings, tmp_path: Path
) -> None:
    for configured, expected in ((Settings(data_dir=tmp_path), []), (settings, ["jellyfin"])):
        watch = JellyfinWatch(sessions, configured, interval_s=60)
        watch.start()
        try:
            assert [one.name for one in threading.enumerate() if one.name == "jellyfin"] == expected
        finally:
            watch.stop()
