"""A film is assembled once, stored by its content, and recorded on the episode by the newest attempt only."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import av
import pytest

from db.models.episodes import EpisodeStatus
from db.models.rendering import Asset
from tests.tower.films.conftest import FilmStage
from tests.tower.scene_takes import ANIMATIC_SETTINGS, ANIMATIC_STUDIO
from tower.errors import SupersededError
from tower.films.making import PlannedFilm, assemble_film, plan_film, record_film, reuse_film, store_film
from tower.films.opening import open_film_job
from tower.films.requests import RenderChoice, read_request
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.media.files import sha256_of
from tower.publishing.provenance import UNKNOWN
from tower.settings import Settings
from tower.staleness.films import FilmState, compare_film
from tower.story.film_jobs import find_trailer_job
from tower.versions.kinds import Kind


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return ANIMATIC_SETTINGS.model_copy(update={"data_dir": tmp_path / "data"})


def begin(stage: FilmStage, branch: str = "main") -> tuple[Attempt, PlannedFilm]:
    job = stage.open_film(branch, render=RenderChoice.NONE).job
    attempt = attempts.claim_job(stage.session, job.id, flow_run_id=uuid.uuid4(), timeout_s=60)
    return attempt, plan_film(stage.session, read_request(job))


def make(stage: FilmStage, attempt: Attempt, planned: PlannedFilm, settings: Settings) -> Asset:
    result = assemble_film(planned, attempt.job_id, settings, progress=lambda _: None, cancelled=lambda: False)
    asset = store_film(stage.session, attempt, planned, result, settings)
    record_film(stage.session, attempt, planned, asset)
    return asset


def test_a_film_is_stored_by_its_content_and_shown_by_its_episode(stage: FilmStage, settings: Settings) -> None:
    stage.set_own_videos()
    attempt, planned = begin(stage)
    asset = make(stage, attempt, planned, settings)
    row = stage.locate().row
    assert Path(asset.path).name == f"{sha256_of(Path(asset.path))}.mp4"
    assert (row.status, row.video_path, row.asset_id) == (EpisodeStatus.COMPLETED, asset.path, asset.id)
    assert row.duration_s == asset.probe["duration_s"] == pytest.approx(4 / 24)
    assert compare_film(stage.session, stage.locate()).state is FilmState.CURRENT
    assert len(asset.provenance["shots"]) == 2


def test_an_unsigned_film_says_in_its_tags_where_it_comes_from(stage: FilmStage, settings: Settings) -> None:
    stage.set_own_videos()
    attempt, planned = begin(stage)
    asset = make(stage, attempt, planned, settings)
    with av.open(asset.path) as container:
        origin = json.loads(container.metadata["comment"])
    project = stage.village.production_settings.project.name
    assert (origin["statement"], origin["project"], origin["branch"]) == (UNKNOWN, project, "main")
    assert (origin["commit"], origin["episode"]) == (planned.commit, str(stage.key))
    assert [shot["scene_key"] for shot in origin["shots"]] == [str(scene) for scene in stage.scenes]


def test_a_commit_that_changes_no_shot_makes_no_other_film(stage: FilmStage, settings: Settings) -> None:
    stage.set_own_videos()
    first, planned = begin(stage)
    asset = make(stage, first, planned, settings)
    attempts.complete_job(stage.session, first, asset=asset, score=planned.score)
    stage.village.edit(Kind.CHARACTERS, stage.village.rei, description="She is not in the film")
    second, later = begin(stage)
    assert (later.key, later.commit != planned.commit) == (planned.key, True)
    shared = reuse_film(stage.session, second, later)
    assert shared is not None
    assert (shared.path, shared.provenance["commit"]) == (asset.path, planned.commit)


def test_an_equal_film_is_found_and_not_made_again(stage: FilmStage, settings: Settings) -> None:
    stage.set_own_videos()
    first, planned = begin(stage)
    assert reuse_film(stage.session, first, planned) is None
    asset = make(stage, first, planned, settings)
    attempts.complete_job(stage.session, first, asset=asset, score=planned.score)
    row = stage.locate().row
    row.status, row.published_path = EpisodeStatus.PUBLISHED, "/library/film.mp4"
    second, planned = begin(stage)
    shared = reuse_film(stage.session, second, planned)
    assert shared is not None
    assert (shared.path, shared.job_id) == (asset.path, second.job_id)
    record_film(stage.session, second, planned, shared)
    assert stage.locate().row.status == EpisodeStatus.PUBLISHED
    Path(asset.path).unlink()
    assert reuse_film(stage.session, second, planned) is None


def test_a_replaced_or_cancelled_attempt_records_nothing(stage: FilmStage, settings: Settings) -> None:
    stage.set_own_videos()
    attempt, planned = begin(stage)
    result = assemble_film(planned, attempt.job_id, settings, progress=lambda _: None, cancelled=lambda: False)
    lifecycle.relaunch_job(stage.session, stage.read_job(attempt.job_id))
    attempts.claim_job(stage.session, attempt.job_id, flow_run_id=uuid.uuid4(), timeout_s=60)
    with pytest.raises(SupersededError):
        store_film(stage.session, attempt, planned, result, settings)
    assert stage.locate().row.video_path is None


def test_an_equal_trailer_is_found_and_the_episode_does_not_show_it(stage: FilmStage, settings: Settings) -> None:
    stage.set_own_videos(frames=36)
    assets = []
    for _ in range(2):
        request = stage.request(render=RenderChoice.NONE).model_copy(update={"trailer_seconds": 10.0})
        job = open_film_job(stage.session, ANIMATIC_STUDIO, stage.locate(), request).job
        attempt = attempts.claim_job(stage.session, job.id, flow_run_id=uuid.uuid4(), timeout_s=60)
        planned = plan_film(stage.session, read_request(job))
        found = reuse_film(stage.session, attempt, planned)
        assets.append(found or make(stage, attempt, planned, settings))
        attempts.complete_job(stage.session, attempt, asset=assets[-1], score=planned.score)
    assert assets[0].path == assets[1].path
    assert assets[0].job_id != assets[1].job_id
    shown = find_trailer_job(stage.session, stage.locate())
    assert (shown and shown.id, job.prompt) == (job.id, "Trailer of episode 3: Rain")
    assert stage.locate().row.video_path is None
