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
from tasks.dispatch import Take
from tasks.jobs import stage
from tasks.resources import resources
from tasks.retries import step
from tower.beats.cache import cache_folder
from tower.beats.pool import AnalyserPool
from tower.conform.film import Conformed, conform
from tower.conform.sound import Music
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt
from tower.jobs.steps import Step
from tower.library.roots import library_roots
from tower.library.track_beats import Heard, Place, hear
from tower.library.tracks import place_of_row
from tower.rendering.takes import keep
from tower.story import scene_audio
from tower.story.scene_audio import Planned

AUDIO_STARTS = 0.93  # of a job's progress, 0…1
LOOK_S = 0.5  # how often it checks that this attempt still holds the job
log = logging.getLogger("tower.runs")


@dataclass(frozen=True)
class Synced:
    """The take with music. `made_from`: the id of its original asset; `music`: the id of the MusicSceneSync row."""

    asset_id: int
    path: str
    made_from: int
    music: int


SYNCED = Step("sync", TypeAdapter(Synced), former_keys=("beats",))


@dataclass(frozen=True)
class _SceneMusic:
    """The music of the scene at the start of the step. `path`: its sound file."""

    music: MusicSceneSync
    take: Asset
    path: str


@step("sync to music")
def sync_to_music(attempt: Attempt, take: Take) -> Take:
    """Return the take with the music of its scene, cut on beats; the take itself if the scene has no music.

    A restarted job reuses its earlier result, unless the scene has other music now.
    """
    with resources().sessions() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        scene_music = _find_music(session, job, take)
    if scene_music is None:
        return take
    stored = SYNCED.get(job)
    if stored is not None and (stored.made_from, stored.music) == (take.asset_id, scene_music.music.id):
        return Take(stored.asset_id, stored.path)
    with stage(attempt, Stage.AUDIO, progress=AUDIO_STARTS) as measurements:
        synced_take = _sync(attempt, scene_music)
        measurements.update(bytes=Path(synced_take.path).stat().st_size, frames=scene_music.take.probe["frames"])
    return synced_take


def _find_music(session: Session, job: ProductionJob, take: Take) -> _SceneMusic | None:
    music = scene_audio.current(session, job.scene_id) if job.scene_id is not None else None
    if music is None:
        return None
    track = session.get(Track, music.track_id) if music.track_id is not None else None
    in_library = track is not None and track.sha256 == music.audio_sha256  # the library has the current path
    path = str(place_of_row(track).path) if track is not None and in_library else music.audio_path
    return _SceneMusic(music, session.get_one(Asset, take.asset_id), path)


def _sync(attempt: Attempt, scene_music: _SceneMusic) -> Take:
    settings = resources().settings
    clip = scene_audio.clip_of(scene_music.take)
    asked, left_out = scene_audio.asked_of(scene_music.music, clip)
    heard = _analyse(scene_music.path, asked)
    planned = scene_audio.plan_or_leave(clip, asked, heard.known.analysis, heard.found_structure)
    warnings = (*_change_warnings(scene_music, heard), *left_out, *planned.warnings)
    music = Music(
        Path(scene_music.path),
        planned.plan.offset_s,
        lasts_s=asked.duration_s,
        volume=asked.volume,
        fade_in_s=asked.fade_in_s,
        fade_out_s=asked.fade_out_s,
        roots=library_roots(settings),
    )
    target = settings.renders / ".partial" / f"job-{attempt.job_id}-{attempt.number}-music.mp4"
    try:
        made = conform(Path(scene_music.take.path), music, planned.plan, target, alive=_AliveCheck(attempt))
        return _store(attempt, scene_music, target, planned=planned, made=made, heard=heard, warnings=warnings)
    finally:
        target.unlink(missing_ok=True)


def _analyse(path: str, asked: scene_audio.Asked) -> Heard:
    """Analyse the music. The result is usually stored already; if not, a separate process analyses the file."""
    settings, sessions = resources().settings, resources().sessions
    place = Place(sessions, cache_folder(settings), library_roots(settings))
    pool = AnalyserPool(1)
    try:
        return hear(path, place=place, listener=pool.analyse, finder=pool.find_structure, hint=asked.hint)
    finally:
        pool.stop()


def _change_warnings(scene_music: _SceneMusic, heard: Heard) -> tuple[str, ...]:
    has_changed = scene_music.music.audio_sha256 not in (None, heard.known.sha256)
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
    planned: Planned,
    made: Conformed,
    heard: Heard,
    warnings: tuple[str, ...],
) -> Take:
    with resources().sessions.begin() as session:
        job = lifecycle.held(session, attempt)
        asset = keep(
            session,
            clip,
            renders=resources().settings.renders,
            probe=made.probe,
            job_id=job.id,
            project_id=job.project_id,
            provenance=_provenance(scene_music, planned, made, sha256=heard.known.sha256),
        )
        music = session.get(MusicSceneSync, scene_music.music.id)
        if music is not None:  # the music may have been removed from the scene meanwhile
            scene_audio.note_result(music, planned.plan, made.measured, asset_id=asset.id)
        if warnings:
            lifecycle.warn(session, attempt, *(f"Music: {warning}" for warning in warnings))
        take = Take(asset.id, asset.path)
        synced = Synced(take.asset_id, take.path, made_from=scene_music.take.id, music=scene_music.music.id)
        SYNCED.put(session, attempt, synced)
    log.info(
        "Cut the take to music", extra={"path": take.path, "worst_ms": made.measured.worst_ms, "how": made.how.value}
    )
    return take


def _provenance(scene_music: _SceneMusic, planned: Planned, made: Conformed, *, sha256: str) -> dict[str, Any]:
    return {
        **scene_music.take.provenance,
        scene_audio.RETIMED_FROM: scene_music.take.id,
        "music": {
            "music_scene_sync_id": scene_music.music.id,
            "track_id": scene_music.music.track_id,
            "track_sha256": sha256,
            "offset_s": planned.plan.offset_s,
            "timing": planned.plan.timing.value,
            "beats_from": planned.beats_from.value,
            "cut_list": planned.plan.cut_list(),
            "measured_error_ms": made.measured.worst_ms,
            "gain_db": made.loudness.gain_db,
        },
        "conformed": made.how.value,
        "conformed_why": made.why,
    }


class _AliveCheck:
    """Raises CancelledError or SupersededError once the attempt no longer holds the job. It checks every LOOK_S.

    If the database is unavailable for a moment, a check is skipped and the work continues.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._next_s = 0.0

    def __call__(self) -> None:
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + LOOK_S
        try:
            with resources().sessions.begin() as session:
                lifecycle.report(session, self._attempt, step="cutting to music")
        except OperationalError as error:
            log.warning("The progress was not written: %s", str(error).splitlines()[0])
