"""The audio stage, as a step: the take is conformed to the music of its scene, and the result measured."""

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

AUDIO_STARTS = 0.93  # of a job's progress
LOOK_S = 0.5  # how often it is asked whether the job is still ours
log = logging.getLogger("tower.runs")


@dataclass(frozen=True)
class Synced:
    """The take with music, the asset that it was made from, and the row of the music."""

    asset_id: int
    path: str
    made_from: int
    music: int


SYNCED = Step("sync", TypeAdapter(Synced), former_keys=("beats",))


@dataclass(frozen=True)
class _Wanted:
    """What the music of the scene was when the step began."""

    music: MusicSceneSync
    take: Asset
    path: str


@step("sync to music")
def sync_to_music(attempt: Attempt, take: Take) -> Take:
    """The take with the music of its scene, cut on beats; the take itself for a job whose scene has no music.

    A job that is started again gets what it has made before, unless the scene has other music by now.
    """
    with resources().sessions() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        wanted = _wanted(session, job, take)
    if wanted is None:
        return take
    done = SYNCED.get(job)
    if done is not None and (done.made_from, done.music) == (take.asset_id, wanted.music.id):
        return Take(done.asset_id, done.path)
    with stage(attempt, Stage.AUDIO, progress=AUDIO_STARTS) as measured:
        made = _make(attempt, wanted)
        measured.update(bytes=Path(made.path).stat().st_size, frames=wanted.take.probe["frames"])
    return made


def _wanted(session: Session, job: ProductionJob, take: Take) -> _Wanted | None:
    music = scene_audio.current(session, job.scene_id) if job.scene_id is not None else None
    if music is None:
        return None
    track = session.get(Track, music.track_id) if music.track_id is not None else None
    moved = track is not None and track.sha256 == music.audio_sha256  # the library knows where the file is now
    path = str(place_of_row(track).path) if track is not None and moved else music.audio_path
    return _Wanted(music, session.get_one(Asset, take.asset_id), path)


def _make(attempt: Attempt, wanted: _Wanted) -> Take:
    settings = resources().settings
    clip = scene_audio.clip_of(wanted.take)
    asked, left_out = scene_audio.asked_of(wanted.music, clip)
    heard = _heard(wanted.path, asked)
    planned = scene_audio.plan_or_leave(clip, asked, heard.known.analysis)
    warnings = (*_changes(wanted, heard), *left_out, *planned.warnings)
    music = Music(
        Path(wanted.path),
        planned.plan.offset_s,
        lasts_s=asked.duration_s,
        volume=asked.volume,
        fade_in_s=asked.fade_in_s,
        fade_out_s=asked.fade_out_s,
        roots=library_roots(settings),
    )
    target = settings.renders / ".partial" / f"job-{attempt.job_id}-{attempt.number}-music.mp4"
    try:
        made = conform(Path(wanted.take.path), music, planned.plan, target, alive=_Alive(attempt))
        return _kept(attempt, wanted, target, planned=planned, made=made, heard=heard, warnings=warnings)
    finally:
        target.unlink(missing_ok=True)


def _heard(path: str, asked: scene_audio.Asked) -> Heard:
    """Mostly known since the music was given to the scene; else a process of its own listens."""
    settings, sessions = resources().settings, resources().sessions
    place = Place(sessions, cache_folder(settings), library_roots(settings))
    pool = AnalyserPool(1)
    try:
        return hear(path, place=place, listener=pool.analyse, hint=asked.hint)
    finally:
        pool.stop()


def _changes(wanted: _Wanted, heard: Heard) -> tuple[str, ...]:
    changed = wanted.music.audio_sha256 not in (None, heard.known.sha256)
    words = []
    if changed:
        words.append("The music file has changed since it was given to the scene: the cuts are planned anew")
    if wanted.take.probe.get("has_audio"):
        words.append("The sound of the take gave way to the music")
    return tuple(words)


def _kept(
    attempt: Attempt,
    wanted: _Wanted,
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
            provenance=_provenance(wanted, planned, made, sha256=heard.known.sha256),
        )
        music = session.get(MusicSceneSync, wanted.music.id)
        if music is not None:  # it may have been taken off the scene meanwhile
            scene_audio.note_result(music, planned.plan, made.measured, asset_id=asset.id)
        if warnings:
            lifecycle.warn(session, attempt, *(f"Music: {warning}" for warning in warnings))
        take = Take(asset.id, asset.path)
        done = Synced(take.asset_id, take.path, made_from=wanted.take.id, music=wanted.music.id)
        SYNCED.put(session, attempt, done)
    log.info("Cut to music", extra={"path": take.path, "worst_ms": made.measured.worst_ms, "how": made.how.value})
    return take


def _provenance(wanted: _Wanted, planned: Planned, made: Conformed, *, sha256: str) -> dict[str, Any]:
    return {
        **wanted.take.provenance,
        scene_audio.RETIMED_FROM: wanted.take.id,
        "music": {
            "music_scene_sync_id": wanted.music.id,
            "track_id": wanted.music.track_id,
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


class _Alive:
    """Asks the database now and then whether the job is still this attempt's, and raises what it says.

    A database that is away for a moment costs an answer, not the work.
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
        except OperationalError as away:
            log.warning("Progress not written: %s", str(away).splitlines()[0])
