"""The music of a scene: the request, the sync plan made from it, and the measured result, with their storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.models.library import Track
from db.models.music import FrameTiming, MusicSceneSync
from db.models.projects import ProjectSettings
from db.models.rendering import Asset
from db.models.scenes import Scene
from tower.beats.results import FASTEST_BPM, SLOWEST_BPM, Analysis, TempoHint
from tower.beats.structure.results import Structure
from tower.conform.measure import Measured
from tower.library.track_beats import Heard
from tower.sync.grid import GridSource, beats_of
from tower.sync.plan import Clip, Plan, SyncPoint
from tower.sync.planning import AUDIBLE_MS, leave, plan
from tower.sync.snapping import StretchError

RETIMED_FROM = "retimed_from_asset"  # provenance key of a take with music: the take without music
USUAL_FPS, USUAL_S = 24, 3.0  # of a generation that gives neither
TAIL_S = 3.0  # after the last sync point of a scene of unknown length


class LengthSource(StrEnum):
    """The origin of a scene's length."""

    TAKE = "its accepted take"
    SCENE = "the scene"
    ASSUMED = "assumed: the scene has no length yet, and is planned anew when there is a take"


@dataclass(frozen=True)
class Asked:
    """How to sync music with a scene.

    moments: (time in the scene in seconds, event) of each moment to put on a beat.
    offset_s: the start in the track in seconds; None to start on a beat.
    """

    moments: Sequence[tuple[float, str | None]]
    bpm: float | None = None
    offset_s: float | None = None
    duration_s: float | None = None
    volume: float = 1.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    timing: FrameTiming = FrameTiming.CONSTANT

    @property
    def hint(self) -> TempoHint | None:
        """The given tempo as a hint for the beat analysis, if it is within the tempos that the analysis supports."""
        return TempoHint(self.bpm) if self.bpm is not None and SLOWEST_BPM <= self.bpm <= FASTEST_BPM else None


@dataclass(frozen=True)
class Planned:
    plan: Plan
    beats_from: GridSource
    warnings: tuple[str, ...]


def length_of(session: Session, scene: Scene, moments: Sequence[tuple[float, str | None]]) -> tuple[Clip, LengthSource]:
    """Return the length of the scene in frames, and its origin."""
    if scene.accepted_asset_id is not None:
        return clip_of(_original_take(session, scene.accepted_asset_id)), LengthSource.TAKE
    settings = session.get(ProjectSettings, scene.project_id)
    fps = Fraction((settings.fps if settings else None) or USUAL_FPS)
    if scene.duration_s is not None:
        return Clip(max(1, round(scene.duration_s * fps)), fps), LengthSource.SCENE
    seconds = max([USUAL_S, *(time + TAIL_S for time, _ in moments)])
    return Clip(round(seconds * fps), fps), LengthSource.ASSUMED


def clip_of(take: Asset) -> Clip:
    """Return the frames and frame rate of a take."""
    return Clip(take.probe["frames"], Fraction(take.probe["fps_exact"]))


def plan_scene(clip: Clip, asked: Asked, analysis: Analysis, structure: Structure | None = None) -> Planned:
    """Plan the sync of a scene.

    Raises InvalidError if there are no beats or a moment is outside the scene, StretchError if a shot would have to be
    stretched too much.
    """
    beats = beats_of(analysis, bpm=asked.bpm, offset_s=asked.offset_s, structure=structure)
    cut_plan = plan(clip, _sync_points(clip, asked), beats, timing=asked.timing, offset_s=asked.offset_s)
    return Planned(cut_plan, beats.source, (*cut_plan.warnings, *_drift_warnings(cut_plan, asked, analysis)))


def plan_or_leave(clip: Clip, asked: Asked, analysis: Analysis, structure: Structure | None = None) -> Planned:
    """Plan as `plan_scene`, but keep all cuts and add a warning if a shot would have to be stretched too much.

    A render that is nearly done uses this so that it does not fail. Raises InvalidError if there are no beats.
    """
    try:
        return plan_scene(clip, asked, analysis, structure)
    except StretchError as error:
        beats = beats_of(analysis, bpm=asked.bpm, offset_s=asked.offset_s)
        cut_plan = leave(clip, _sync_points(clip, asked), beats, timing=asked.timing, offset_s=asked.offset_s)
        warning = f"Nothing was moved to a beat: {error.message}"
        return Planned(cut_plan, beats.source, (warning, *cut_plan.warnings))


def keep(session: Session, scene: Scene, asked: Asked, *, path: str, heard: Heard, planned: Planned) -> MusicSceneSync:
    """Save the sync as the scene's current one. Earlier ones stay as history."""
    track = session.get(Track, heard.track_id) if heard.track_id is not None else None
    given = asked.bpm is not None
    row = MusicSceneSync(
        scene_id=scene.id,
        audio_path=path,
        audio_sha256=heard.known.sha256,
        track_id=heard.track_id,
        track_name=track.title if track else Path(path).stem,
        artist=track.artist if track else None,
        bpm=asked.bpm if given else heard.known.analysis.bpm,
        confidence=None if given else heard.known.analysis.confidence,
        offset_s=planned.plan.offset_s,
        duration_s=asked.duration_s,
        volume=asked.volume,
        fade_in_s=asked.fade_in_s,
        fade_out_s=asked.fade_out_s,
        sync_points=[{"time": time, "event": event} for time, event in asked.moments],
        cut_list=planned.plan.cut_list(),
        timing=asked.timing,
        predicted_error_ms=planned.plan.worst_error_ms,
    )
    session.add(row)
    session.flush()
    return row


def current(session: Session, scene_id: int) -> MusicSceneSync | None:
    """Return the newest sync of the scene; None if it has no music."""
    newest = select(MusicSceneSync).where(MusicSceneSync.scene_id == scene_id).order_by(MusicSceneSync.id.desc())
    return session.scalar(newest.limit(1))


def forget(session: Session, scene_id: int) -> int:
    """Delete all syncs of the scene, history included, and return their count."""
    deleted = session.execute(
        delete(MusicSceneSync).where(MusicSceneSync.scene_id == scene_id).returning(MusicSceneSync.id)
    )
    return len(deleted.all())


def asked_of(row: MusicSceneSync, clip: Clip) -> tuple[Asked, tuple[str, ...]]:
    """Return the request of a saved sync for this clip, and a warning if moments after its end are left out."""
    moments = [(point["time"], point.get("event")) for point in row.sync_points]
    kept = [(time, event) for time, event in moments if round(time * clip.fps) <= clip.frames]
    request = Asked(
        moments=kept,
        bpm=row.bpm if row.confidence is None else None,
        offset_s=row.offset_s,
        duration_s=row.duration_s,
        volume=row.volume,
        fade_in_s=row.fade_in_s,
        fade_out_s=row.fade_out_s,
        timing=row.timing,
    )
    left_out = len(moments) - len(kept)
    warning = f"{left_out} sync points lie after the end of the shot ({clip.duration_s:.2f} s) and were left out"
    return request, (warning,) if left_out else ()


def note_result(row: MusicSceneSync, made: Plan, measured: Measured, *, asset_id: int) -> None:
    """Record the result of a sync. A plan that puts no moment on a beat has no error and is not measured."""
    row.cut_list = made.cut_list()
    row.predicted_error_ms = made.worst_error_ms
    row.measured_error_ms, row.measured_mean_error_ms = measured.worst_ms, measured.mean_ms
    row.measured_at = None if measured.worst_ms is None else datetime.now(UTC)
    row.output_asset_id = asset_id


def _sync_points(clip: Clip, request: Asked) -> list[SyncPoint]:
    return [SyncPoint(round(time * clip.fps), event) for time, event in request.moments]


def _original_take(session: Session, asset_id: int) -> Asset:
    """Return the take itself, or the one it was retimed from, which has a constant frame rate."""
    take = session.get_one(Asset, asset_id)
    before = session.get(Asset, take.provenance[RETIMED_FROM]) if RETIMED_FROM in take.provenance else None
    return before or take


def _drift_warnings(cut_plan: Plan, request: Asked, analysis: Analysis) -> tuple[str, ...]:
    """Warn if the beats of the given tempo drift from the analysed ones."""
    beats_s = [cut.beat_s for cut in cut_plan.met if cut.beat_s is not None]
    if request.bpm is None or not analysis.beat_times_s or not beats_s:
        return ()
    detected = beats_of(analysis)
    worst_ms = max(abs(beat - detected.times_s[detected.nearest(beat)]) for beat in beats_s) * 1000
    if worst_ms <= AUDIBLE_MS:
        return ()
    warning = f"The beats of the given {request.bpm:g} BPM are up to {worst_ms:.0f} ms from the detected ones"
    return (f"{warning}; without bpm the cuts follow the detected beats",)
