"""An episode's film in a real library, and what the episode says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from db.engine import SessionFactory
from db.models.episodes import Episode, EpisodeStatus
from db.models.publications import PublicationState
from tests.fakes.jellyfin.server import KEY, FakeJellyfin
from tests.tower.films.finished_films import film_village
from tower.films.describing import FinishedFilm
from tower.films.publishing import publish_film, record_unpublished
from tower.publishing.ledger import ref_of
from tower.publishing.setup import open_publisher
from tower.settings import Settings

STEM = "Season 01/Neon Rain (2026) S01E03"


@dataclass(frozen=True)
class Stage:
    sessions: SessionFactory
    settings: Settings
    finished: FinishedFilm

    def read_episode(self) -> Episode:
        with self.sessions() as session:
            return session.get_one(Episode, self.finished.episode.row.id)


@pytest.fixture
def stage(sessions: SessionFactory, tmp_path: Path) -> Iterator[Stage]:
    with sessions() as session:
        filmed = film_village(session, tmp_path)
        village, finished = filmed.village, filmed.finished
        village.production_settings.series_name = "Neon Rain"
        village.production_settings.project.details = {"year": 2026}
        row = finished.episode.row
        row.video_path, row.status = str(finished.path), EpisodeStatus.COMPLETED
        session.commit()
        with FakeJellyfin(tmp_path / "data" / "library", location="/media/anime") as jellyfin:
            settings = Settings(
                data_dir=tmp_path / "data",
                jellyfin_url=jellyfin.url,
                jellyfin_key=KEY,
                jellyfin_path_map=f"{tmp_path}/data/library=/media/anime",
            )
            yield Stage(sessions, settings, finished)


def test_a_film_is_published_with_its_pictures_and_seen(stage: Stage) -> None:
    row = publish_film(stage.sessions, stage.settings, stage.finished)
    library = stage.settings.library / "Neon Rain (2026)"
    assert (row.state, row.path) == (PublicationState.VISIBLE, str(library / f"{STEM}.mp4"))
    assert row.mark_id is not None
    beside = ("tvshow.nfo", "Season 01/season.nfo", f"{STEM}.nfo", f"{STEM}.eng.srt", f"{STEM}-thumb.jpg")
    assert [name for name in beside if not (library / name).is_file()] == []
    with Image.open(library / "poster.jpg") as poster:
        assert poster.size == (64, 96)
    episode = stage.read_episode()
    assert (episode.status, episode.published_path) == (EpisodeStatus.PUBLISHED, row.path)

    again = publish_film(stage.sessions, stage.settings, stage.finished)
    assert (again.id, again.modified_at, again.state) == (row.id, row.modified_at, PublicationState.VISIBLE)

    gone = open_publisher(stage.sessions, stage.settings).unpublish(ref_of(row))
    with stage.sessions.begin() as session:
        record_unpublished(session, gone)
    episode = stage.read_episode()
    assert (episode.status, episode.published_path, list(library.rglob("*"))) == (EpisodeStatus.COMPLETED, None, [])
