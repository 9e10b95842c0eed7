"""The step of the audio stage: it conforms the take to the music of its scene and measures the result."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob, Stage
from db.models.library import Track
from db.models.music import MusicSceneSync
from db.models.rendering import Asset
from tasks.dispatch import TakeRef
from tasks.jobs import enter_stage
from tasks.resources import resources
from tasks.retries import retrying_task
from tower.beats.cache import cache_folder
from tower.beats.pool import AnalyserPool
from tower.conform.film import ConformResult, conform_video
from tower.conform.sound import MusicExcerpt
from tower.jobs import attempts
from tower.jobs.attempts import Attempt
from tower.jobs.steps import StepResult
from tower.library.roots import library_roots
from tower.library.track_beats import AnalysisContext, TrackBeats, analyse_track_file
from tower.library.tracks import library_path_of
from tower.rendering.takes import store_take
from tower.story import scene_audio
from tower.story.scene_audio import SyncPlan

AUDIO_PROGRESS = 0.93  # of a job's progress, 0…1
CHECK_INTERVAL_S = 0.5  # how often it checks that this attempt still holds the job
log = logging.getLogger("tower.runs")


@dataclass(frozen=True)
class SyncedTake:
    """The take with music. `made_from`: the id of its original asset; `music`: the id of the MusicSceneSync row."""

    asset_id: int
    path: str
    made_from: int
    music: int


SYNC_STEP = StepResult("sync", TypeAdapter(SyncedTake), former_keys=("beats",))


@dataclass(frozen=True)
class _SceneMusic:
    """The music of the scene at the start of the step. `path`: its sound file."""

    music: MusicSceneSync
    take: Asset
    path: str


@retrying_task("sync to music")
def sync_to_music(attempt: Attempt, take: TakeRef) -> TakeRef:
    """Return the take with the music of its scene, cut on beats; the take itself if the scene has no music.

    A restarted job reuses its earlier result, unless the scene has other music now.
    """
    with resources().sessions() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        scene_music = _find_music(session, job, take)
    if scene_music is None:
        return take
    stored = SYNC_STEP.read(job)
    if stored is not None and (stored.made_from, stored.music) == (take.asset_id, scene_music.music.id):
        return TakeRef(stored.asset_id, stored.path)
    with enter_stage(attempt, Stage.AUDIO, progress=AUDIO_PROGRESS) as measurements:
        synced_take = _sync(attempt, scene_music)
        measurements.update(bytes=Path(synced_take.path).stat().st_size, frames=scene_music.take.probe["frames"])
    return synced_take


def _find_music(session: Session, job: ProductionJob, take: TakeRef) -> _SceneMusic | None:
    music = scene_audio.current_sync(session, job.scene_id) if job.scene_id is not None else None
    if music is None:
        return None
    track = session.get(Track, music.track_id) if music.track_id is not None else None
    in_library = track is not None and track.sha256 == music.audio_sha256  # the library has the current path
    path = str(library_path_of(track).full_path) if track is not None and in_library else music.audio_path
    return _SceneMusic(music, session.get_one(Asset, take.asset_id), path)


def _sync(attempt: Attempt, scene_music: _SceneMusic) -> TakeRef:
    settings = resources().settings
    clip = scene_audio.clip_of_take(scene_music.take)
    asked, left_out = scene_audio.request_of(scene_music.music, clip)
    track_beats = _analyse(scene_music.path, asked)
    planned = scene_audio.plan_sync_or_keep(clip, asked, track_beats.known.analysis, track_beats.found_structure)
    warnings = (*_change_warnings(scene_music, track_beats), *left_out, *planned.warnings)
    music = MusicExcerpt(
        Path(scene_music.path),
        planned.plan.offset_s,
        duration_s=asked.duration_s,
        volume=asked.volume,
        fade_in_s=asked.fade_in_s,
        fade_out_s=asked.fade_out_s,
        roots=library_roots(settings),
    )
    target = settings.renders / ".partial" / f"job-{attempt.job_id}-{attempt.number}-music.mp4"
    try:
        made = conform_video(Path(scene_music.take.path), music, planned.plan, target, check_alive=_AliveCheck(attempt))
        return _store(
            attempt, scene_music, target, planned=planned, made=made, track_beats=track_beats, warnings=warnings
        )
    finally:
        target.unlink(missing_ok=True)


def _analyse(path: str, asked: scene_audio.SyncRequest) -> TrackBeats:
    """Analyse the music. The result is usually stored already; if not, a separate process analyses the file."""
    settings, sessions = resources().settings, resources().sessions
    place = AnalysisContext(sessions, cache_folder(settings), library_roots(settings))
    pool = AnalyserPool(1)
    try:
        return analyse_track_file(
            path, context=place, analyser=pool.analyse, finder=pool.find_structure, hint=asked.hint
        )
    finally:
        pool.stop()


def _change_warnings(scene_music: _SceneMusic, track_beats: TrackBeats) -> tuple[str, ...]:
    has_changed = scene_music.music.audio_sha256 not in (None, track_beats.known.sha256)
    warnings = []
    if has_changed:
        warnings.append("The music file has changed since it was set for the scene: the cuts are planned again")
    if scene_music.take.probe.get("has_audio"):
        warnings.append("The music replaced the sound of the take")
    return tuple(warnings)


def _store(
    attempt: Attempt,
    scene_music: _SceneMusic,
    clip: Path,
    *,
    planned: SyncPlan,
    made: ConformResult,
    track_beats: TrackBeats,
    warnings: tuple[str, ...],
) -> TakeRef:
    with resources().sessions.begin() as session:
        job = attempts.lock_held_job(session, attempt)
        asset = store_take(
            session,
            clip,
            renders=resources().settings.renders,
            probe=made.probe,
            job_id=job.id,
            project_id=job.project_id,
            provenance=_provenance(scene_music, planned, made, sha256=track_beats.known.sha256),
        )
        music = session.get(MusicSceneSync, scene_music.music.id)
        if music is not None:  # the music may have been removed from the scene meanwhile
            scene_audio.record_result(music, planned.plan, made.measurement, asset_id=asset.id)
        if warnings:
            attempts.add_warnings(session, attempt, *(f"Music: {warning}" for warning in warnings))
        take = TakeRef(asset.id, asset.path)
        synced = SyncedTake(take.asset_id, take.path, made_from=scene_music.take.id, music=scene_music.music.id)
        SYNC_STEP.write(session, attempt, synced)
    log.info(
        "Cut the take to music",
        extra={"path": take.path, "worst_ms": made.measurement.worst_ms, "how": made.method.value},
    )
    return take


def _provenance(scene_music: _SceneMusic, planned: SyncPlan, made: ConformResult, *, sha256: str) -> dict[str, Any]:
    return {
        **scene_music.take.provenance,
        scene_audio.RETIMED_FROM_KEY: scene_music.take.id,
        "music": {
            "music_scene_sync_id": scene_music.music.id,
            "track_id": scene_music.music.track_id,
            "track_sha256": sha256,
            "offset_s": planned.plan.offset_s,
            "timing": planned.plan.timing.value,
            "beats_from": planned.beats_from.value,
            "cut_list": planned.plan.cut_list(),
            "measured_error_ms": made.measurement.worst_ms,
            "gain_db": made.loudness.gain_db,
        },
        "conformed": made.method.value,
        "conformed_why": made.reason_encoded,
    }


class _AliveCheck:
    """Raises CancelledError or SupersededError once the attempt no longer holds the job.

    It checks every CHECK_INTERVAL_S.

    If the database is unavailable for a moment, a check is skipped and the work continues.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._next_s = 0.0

    def __call__(self) -> None:
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + CHECK_INTERVAL_S
        try:
            with resources().sessions.begin() as session:
                attempts.report_progress(session, self._attempt, step="cutting to music")
        except OperationalError as error:
            log.warning("The progress was not written: %s", str(error).splitlines()[0])
