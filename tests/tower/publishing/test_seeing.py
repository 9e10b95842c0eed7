"""Published, visible and not seen yet, with the fake Jellyfin that scans the folder that was written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from db.engine import SessionFactory
from db.models.publications import Publication, PublicationState
from tests.fakes.jellyfin.server import KEY, FakeJellyfin
from tests.tower.publishing.films import REF, SUBTITLES, make_film, write_film
from tower.clients.jellyfin import JellyfinClient
from tower.publishing.publisher import Publisher
from tower.publishing.seeing import Gaze, request_scan, see_publication
from tower.publishing.server_paths import PathMap

MakePublisher = Callable[..., Publisher]
See = Callable[[Publication], Publication]
VISIBLE, NOT_SEEN_YET = PublicationState.VISIBLE, PublicationState.NOT_SEEN_YET


@pytest.fixture(params=["10.11.11", "12.0.0"])
def jellyfin(request: pytest.FixtureRequest, library: Path) -> Iterator[FakeJellyfin]:
    with FakeJellyfin(library, version=request.param, location="/media/anime") as fake:
        yield fake


@pytest.fixture
def client(jellyfin: FakeJellyfin) -> Iterator[JellyfinClient]:
    with JellyfinClient(jellyfin.url, key=KEY, deadline_s=2) as opened:
        yield opened


@pytest.fixture
def published(make_publisher: MakePublisher, films: tuple[Path, Path]) -> Publication:
    return make_publisher().publish(make_film(films[0]))


@pytest.fixture
def see(sessions: SessionFactory, client: JellyfinClient, library: Path) -> See:
    gaze = Gaze(PathMap(((library, "/media/anime"),)), within_s=6, sleep=lambda _: time.sleep(0.1))
    return lambda row: see_publication(sessions, row.id, client, gaze)


def test_a_publication_is_visible_once_jellyfin_shows_its_length_and_tracks(
    make_publisher: MakePublisher, see: See, jellyfin: FakeJellyfin, films: tuple[Path, Path]
) -> None:
    row = make_publisher().publish(make_film(films[0], subtitles=SUBTITLES))
    assert row.state == PublicationState.PUBLISHED
    seen = see(row)
    (item,) = jellyfin.episodes
    assert (seen.state, seen.reason, seen.item_id) == (VISIBLE, None, item.id)
    assert (item.name, item.overview) == ("The Beginning", "It rains.")
    assert seen.seen_at is not None


def test_a_replaced_film_is_probed_and_described_again_under_the_same_id(
    make_publisher: MakePublisher, see: See, jellyfin: FakeJellyfin, films: tuple[Path, Path], tmp_path: Path
) -> None:
    first = see(make_publisher().publish(make_film(films[0])))
    longer = write_film(tmp_path / "longer.mp4", seed=3, seconds=4)
    second = see(make_publisher().publish(make_film(longer, title="Longer")))
    assert (second.state, second.item_id) == (VISIBLE, first.item_id)
    assert [item.name for item in jellyfin.episodes] == ["Longer"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"never_appears": ("S01E01",)}, "Jellyfin does not list the episode yet"),
        ({"scan_delay_s": 60}, "Jellyfin does not list the episode yet; a scan is under way"),
        ({"probe_delay_s": 60}, "Jellyfin lists the episode, but has not read its file yet"),
        ({"starting": 1000}, "does not answer: it answered 503"),
        ({"statuses": (401,)}, "the key is not accepted"),
        ({"answers_html": True}, "is not from Jellyfin"),
    ],
)
def test_what_is_not_seen_yet_has_the_reason_and_can_be_seen_later(
    published: Publication, see: See, jellyfin: FakeJellyfin, fault: dict[str, Any], reason: str
) -> None:
    for name, value in fault.items():
        setattr(jellyfin.faults, name, list(value) if name == "statuses" else value)
    unseen = see(published)
    assert unseen.state == NOT_SEEN_YET
    assert reason in (unseen.reason or "")
    for name, value in vars(type(jellyfin.faults)()).items():
        setattr(jellyfin.faults, name, value)
    if "probe_delay_s" not in fault:
        assert see(published).state == VISIBLE


def test_a_folder_that_no_library_contains_is_named(
    published: Publication, sessions: SessionFactory, client: JellyfinClient, library: Path
) -> None:
    unseen = see_publication(sessions, published.id, client, Gaze())
    assert unseen.state == NOT_SEEN_YET
    assert (unseen.reason or "").startswith(f"No library of Jellyfin contains {library}; its folders are: /media/anime")


def test_a_key_without_rights_announces_the_folder(
    make_publisher: MakePublisher, see: See, jellyfin: FakeJellyfin, films: tuple[Path, Path]
) -> None:
    jellyfin.faults.is_admin, jellyfin.faults.monitor_delay_s = False, 0.1
    assert see(make_publisher().publish(make_film(films[0]))).state == VISIBLE
    assert "POST /Library/Media/Updated" in jellyfin.requests


def test_an_unpublished_episode_leaves_jellyfin_with_the_next_scan(
    make_publisher: MakePublisher, see: See, jellyfin: FakeJellyfin, client: JellyfinClient, films: tuple[Path, Path]
) -> None:
    see(make_publisher().publish(make_film(films[0])))
    row = make_publisher().unpublish(REF)
    request_scan(row, client, PathMap(((Path(row.library), "/media/anime"),)))
    assert jellyfin.episodes == []
    assert see(row).state == PublicationState.UNPUBLISHED
