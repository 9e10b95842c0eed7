"""What the ledger says of the episodes of a series."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from db.engine import SessionFactory
from db.models.webhooks import Webhook, WebhookDelivery
from tests.small_media import write_picture
from tests.tower.publishing.films import EPISODE, OTHER_EPISODE, OTHER_REF, REF, make_film
from tower.media.files import DiskFullError, sha256_of
from tower.publishing.film import EpisodeRef, Film, Series
from tower.publishing.ledger import may_bring_poster
from tower.publishing.marking import Mark
from tower.publishing.publisher import Publisher
from tower.webhooks.signing import make_secret


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


def test_webhooks_are_told_once_of_each_version_in_the_library(
    make_publisher: Callable[..., Publisher], sessions: SessionFactory, films: tuple[Path, Path]
) -> None:
    with sessions.begin() as session:
        session.add(Webhook(url="https://hook.example/", secret=make_secret(), events=["published"]))
    with pytest.raises(DiskFullError):
        make_publisher(mark=fill_disk).publish(make_film(films[0]))
    for path in (films[0], films[0], films[1]):
        row = make_publisher().publish(make_film(path))
    with sessions() as session:
        sent = [json.loads(body)["data"] for body in session.scalars(select(WebhookDelivery.body))]
    assert [data["sha256"] for data in sent] == [sha256_of(path) for path in films]
    assert sent[-1].items() >= {"publication_id": row.id, "episode_id": str(EPISODE), "title": "The Beginning"}.items()


def fill_disk(source: Path, target: Path, film: Film) -> Mark:
    raise DiskFullError("The disk is full")
