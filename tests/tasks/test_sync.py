"""The audio stage of a job: conformed, measured, recorded, resumed, cancelled, and skipped without music."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

from api.production.app import create_app
from db.engine import SessionFactory
from db.models.jobs import GenerationAnalytics, JobType, ProductionJob, Stage
from db.models.music import MusicSceneSync
from db.models.rendering import Asset
from tasks.dispatch import TakeRef
from tasks.resources import resources
from tasks.sync import sync_to_music
from tests.api.api_factories import create_project, create_scene, require_success
from tests.api.api_requests import API_ROOT
from tests.api.small_servers import reserve_refusing_address
from tests.tower.beats.sounds import click_track, write_wav
from tests.tower.conform.flashes import find_clicks, find_flashes, write_film
from tower.errors import CancelledError, NotFoundError
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.media.probe import probe
from tower.rendering.takes import store_take
from tower.settings import Settings

FLASHES = (0, 27, 62)
POINTS = [{"time": frame / 24, "event": f"flash {frame}"} for frame in FLASHES]
BEATS_S = np.arange(0.3, 12.0, 0.5)


@dataclass(frozen=True)
class Studio:
    client: TestClient
    sessions: SessionFactory
    settings: Settings
    scene_id: int
    theme: Path

    def give_music(self, **more: Any) -> dict[str, Any]:
        body = {"audio_path": str(self.theme), "bpm": 120, "sync_points": POINTS, **more}
        plan: dict[str, Any] = require_success(
            self.client.post(f"{API_ROOT}/scenes/{self.scene_id}/audio", json=body), 201
        )["audio"]
        return plan

    def music(self) -> dict[str, Any]:
        body: dict[str, Any] = require_success(self.client.get(f"{API_ROOT}/scenes/{self.scene_id}/audio"))
        return body

    def job(self, *, scene_id: int | None) -> tuple[Attempt, TakeRef]:
        """A claimed job with a rendered take that flashes."""
        with self.sessions.begin() as session:
            job = lifecycle.open_job(
                session, GenerationSpec(prompt="flashes", duration_s=4), job_type=JobType.INTEGRATED
            )
            job.scene_id = scene_id
        with self.sessions.begin() as session:
            attempt = attempts.claim_job(session, job.id, flow_run_id=None, timeout_s=600)
        clip = write_film(self.settings.data / f"flashes-{job.id}.mp4", FLASHES, frames=96)
        with self.sessions.begin() as session:
            versions = {"engine": "animatic", "engine_version": "1"}
            info = probe(clip)
            renders = self.settings.renders
            take = store_take(
                session, clip, renders=renders, probe=info, job_id=job.id, project_id=None, provenance=versions
            )
        return attempt, TakeRef(take.id, take.path)

    def row(self, kind: type[Any], row_id: int) -> Any:
        with self.sessions() as session:
            return session.get_one(kind, row_id)


@pytest.fixture
def studio(
    sessions: SessionFactory, committing_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Studio]:
    url = committing_engine.url.render_as_string(hide_password=False)
    with reserve_refusing_address() as prefect:
        monkeypatch.setenv("TOWER_DATABASE_URL", url)
        monkeypatch.setenv("TOWER_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("PREFECT_API_URL", f"{prefect}/api")
        resources.cache_clear()
        settings = resources().settings
        settings.media.mkdir()
        theme = write_wav(settings.media / "theme.wav", click_track(BEATS_S, 12))
        with TestClient(create_app(settings)) as client:
            number = create_scene(client, create_project(client), duration_seconds=4.0)["id"]
            yield Studio(client, sessions, settings, number, theme)
        resources().sessions.kw["bind"].dispose()
        resources.cache_clear()


def worst_ms(path: str) -> float:
    clicks = find_clicks(Path(path))
    return max(min(abs(flash - click) for click in clicks) * 1000 for flash in find_flashes(Path(path)))


@pytest.mark.parametrize("timing", ["cfr", "vfr"])
def test_the_take_is_cut_to_the_music_of_its_scene(studio: Studio, timing: str) -> None:
    planned = studio.give_music(timing=timing)
    attempt, take = studio.job(scene_id=studio.scene_id)
    synced = sync_to_music.fn(attempt, take)
    assert synced.asset_id != take.asset_id
    assert worst_ms(synced.path) <= (500 / 24 + 1 if timing == "cfr" else 10)  # the first beat is measured to a few ms
    plan = studio.music()
    assert plan["output_asset_id"] == synced.asset_id
    assert plan["measured_at"] is not None
    assert plan["measured_error_ms"] == pytest.approx(planned["predicted_error_ms"], abs=0.1)
    assert plan["measured_mean_error_ms"] <= plan["measured_error_ms"]
    asset = studio.row(Asset, synced.asset_id)
    assert asset.probe["frames"] == 96
    assert asset.provenance["retimed_from_asset"] == take.asset_id
    assert asset.provenance["music"]["track_sha256"] == plan["audio_sha256"]
    assert asset.provenance["engine"] == "animatic"
    with studio.sessions() as session:
        analytics = session.scalars(select(GenerationAnalytics).where(GenerationAnalytics.stage == Stage.AUDIO)).one()
    assert (analytics.job_id, analytics.bytes, analytics.frames) == (attempt.job_id, asset.bytes, 96)
    assert studio.row(ProductionJob, attempt.job_id).stage == Stage.AUDIO


def test_a_restarted_run_does_not_repeat_the_stage(studio: Studio) -> None:
    studio.give_music()
    attempt, take = studio.job(scene_id=studio.scene_id)
    synced = sync_to_music.fn(attempt, take)
    before = Path(synced.path).stat().st_mtime_ns
    with studio.sessions.begin() as session:
        resumed = attempts.claim_job(session, attempt.job_id, flow_run_id=None, timeout_s=600)
    assert sync_to_music.fn(resumed, take) == synced
    assert Path(synced.path).stat().st_mtime_ns == before
    studio.give_music(volume=0.5)
    assert sync_to_music.fn(resumed, take) != synced


def test_a_job_without_music_keeps_its_take(studio: Studio) -> None:
    for scene_id in (None, studio.scene_id):
        attempt, take = studio.job(scene_id=scene_id)
        assert sync_to_music.fn(attempt, take) == take


def test_an_impossible_stretch_keeps_the_timing_and_warns(studio: Studio) -> None:
    studio.give_music(sync_points=POINTS[:2])
    attempt, take = studio.job(scene_id=studio.scene_id)
    with studio.sessions.begin() as session:  # the plan belongs to an earlier scene
        row = session.scalars(select(MusicSceneSync)).one()
        row.sync_points = [{"time": 0.0, "event": "a"}, {"time": 0.1, "event": "b"}, {"time": 9.0, "event": "late"}]
    synced = sync_to_music.fn(attempt, take)
    job = studio.row(ProductionJob, attempt.job_id)
    assert any("Nothing was moved to a beat: Shot 1 of 2" in warning for warning in job.warnings)
    assert any("1 sync points are after the end" in warning for warning in job.warnings)
    assert find_flashes(Path(synced.path)) == find_flashes(Path(take.path))
    assert find_clicks(Path(synced.path))
    assert studio.music()["measured_error_ms"] == pytest.approx(2000 / 24, abs=1)


def test_a_cancelled_job_stops_and_leaves_no_files(studio: Studio) -> None:
    studio.give_music()
    attempt, take = studio.job(scene_id=studio.scene_id)
    with studio.sessions.begin() as session:
        lifecycle.cancel_job(session, attempt.job_id)
    with pytest.raises(CancelledError):
        sync_to_music.fn(attempt, take)
    assert list((studio.settings.renders / ".partial").glob("*")) == []
    assert studio.music()["output_asset_id"] is None


def test_changed_music_warns_and_deleted_music_fails(studio: Studio) -> None:
    studio.give_music()
    attempt, take = studio.job(scene_id=studio.scene_id)
    write_wav(studio.theme, click_track(BEATS_S + 0.1, 12))
    sync_to_music.fn(attempt, take)
    job = studio.row(ProductionJob, attempt.job_id)
    assert any("has changed since" in warning for warning in job.warnings)
    studio.theme.unlink()
    with pytest.raises(NotFoundError, match=r"theme\.wav"):
        sync_to_music.fn(attempt, replace(take, asset_id=studio.job(scene_id=None)[1].asset_id))


def test_a_step_stored_as_beats_is_not_repeated(studio: Studio) -> None:
    """Version 0.1.0 stored the step under this key."""
    studio.give_music()
    attempt, take = studio.job(scene_id=studio.scene_id)
    synced = sync_to_music.fn(attempt, take)
    with studio.sessions.begin() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        job.steps = {"beats": job.steps["sync"]}
    assert sync_to_music.fn(attempt, take) == synced


def test_an_unreadable_step_is_repeated(studio: Studio) -> None:
    studio.give_music()
    attempt, take = studio.job(scene_id=studio.scene_id)
    with studio.sessions.begin() as session:
        session.get_one(ProductionJob, attempt.job_id).steps = {"beats": {"asset_id": "lost"}}
    synced = sync_to_music.fn(attempt, take)
    assert synced.asset_id != take.asset_id
    assert set(studio.row(ProductionJob, attempt.job_id).steps) == {"beats", "sync"}
