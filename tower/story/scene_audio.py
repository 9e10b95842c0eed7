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
from tower.beats.results import MAX_BPM, MIN_BPM, Analysis, TempoHint
from tower.beats.structure.results import Structure
from tower.conform.measure import SyncMeasurement
from tower.library.track_beats import TrackBeats
from tower.media.rates import exact_rate
from tower.sync.grid import GridSource, build_grid
from tower.sync.plan import CutPlan, SourceClip, SyncPoint
from tower.sync.planning import MAX_UNNOTICED_MS, plan_cuts, plan_without_moving
from tower.sync.snapping import StretchError

RETIMED_FROM_KEY = "retimed_from_asset"  # provenance key of a take with music: the take without music
DEFAULT_FPS, DEFAULT_LENGTH_S = 24, 3.0  # of a generation that gives neither
TAIL_S = 3.0  # after the last sync point of a scene of unknown length


class LengthSource(StrEnum):
    """The origin of a scene's length."""

    TAKE = "accepted_take"
    SCENE = "scene"
    ASSUMED = "assumed"  # the scene has no length yet; its first take gets a new plan


@dataclass(frozen=True)
class SyncRequest:
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
        return TempoHint(self.bpm) if self.bpm is not None and MIN_BPM <= self.bpm <= MAX_BPM else None


@dataclass(frozen=True)
class SyncPlan:
    plan: CutPlan
    beats_from: GridSource
    warnings: tuple[str, ...]


def scene_length(
    session: Session, scene: Scene, moments: Sequence[tuple[float, str | None]]
) -> tuple[SourceClip, LengthSource]:
    """Return the length of the scene in frames, and its origin."""
    if scene.accepted_asset_id is not None:
        return clip_of_take(_original_take(session, scene.accepted_asset_id)), LengthSource.TAKE
    settings = session.get(ProjectSettings, scene.project_id)
    fps = exact_rate((settings.fps if settings else None) or DEFAULT_FPS)
    if scene.duration_s is not None:
        return SourceClip(max(1, round(scene.duration_s * fps)), fps), LengthSource.SCENE
    seconds = max([DEFAULT_LENGTH_S, *(time + TAIL_S for time, _ in moments)])
    return SourceClip(round(seconds * fps), fps), LengthSource.ASSUMED


def clip_of_take(take: Asset) -> SourceClip:
    """Return the frames and frame rate of a take."""
    return SourceClip(take.probe["frames"], Fraction(take.probe["fps_exact"]))


def plan_sync(
    clip: SourceClip, request: SyncRequest, analysis: Analysis, structure: Structure | None = None
) -> SyncPlan:
    """Plan the sync of a scene.

    Raises InvalidError if there are no beats or a moment is outside the scene, StretchError if a shot would have to be
    stretched too much.
    """
    beats = build_grid(analysis, bpm=request.bpm, offset_s=request.offset_s, structure=structure)
    cut_plan = plan_cuts(clip, _sync_points(clip, request), beats, timing=request.timing, offset_s=request.offset_s)
    return SyncPlan(cut_plan, beats.source, (*cut_plan.warnings, *_drift_warnings(cut_plan, request, analysis)))


def plan_sync_or_keep(
    clip: SourceClip, request: SyncRequest, analysis: Analysis, structure: Structure | None = None
) -> SyncPlan:
    """Plan as `plan_sync`, but keep all cuts and add a warning if a shot would have to be stretched too much.

    A render that is nearly done uses this so that it does not fail. Raises InvalidError if there are no beats.
    """
    try:
        return plan_sync(clip, request, analysis, structure)
    except StretchError as error:
        beats = build_grid(analysis, bpm=request.bpm, offset_s=request.offset_s)
        cut_plan = plan_without_moving(
            clip, _sync_points(clip, request), beats, timing=request.timing, offset_s=request.offset_s
        )
        warning = f"Nothing was moved to a beat: {error.message}"
        return SyncPlan(cut_plan, beats.source, (warning, *cut_plan.warnings))


def save_sync(
    session: Session, scene: Scene, request: SyncRequest, *, path: str, track_beats: TrackBeats, planned: SyncPlan
) -> MusicSceneSync:
    """Save the sync as the scene's current one. Earlier ones stay as history."""
    track = session.get(Track, track_beats.track_id) if track_beats.track_id is not None else None
    given = request.bpm is not None
    row = MusicSceneSync(
        scene_id=scene.id,
        audio_path=path,
        audio_sha256=track_beats.known.sha256,
        track_id=track_beats.track_id,
        track_name=track.title if track else Path(path).stem,
        artist=track.artist if track else None,
        bpm=request.bpm if given else track_beats.known.analysis.bpm,
        confidence=None if given else track_beats.known.analysis.confidence,
        offset_s=planned.plan.offset_s,
        duration_s=request.duration_s,
        volume=request.volume,
        fade_in_s=request.fade_in_s,
        fade_out_s=request.fade_out_s,
        sync_points=[{"time": time, "event": event} for time, event in request.moments],
        cut_list=planned.plan.cut_list(),
        timing=request.timing,
        predicted_error_ms=planned.plan.worst_error_ms,
    )
    session.add(row)
    session.flush()
    return row


def current_sync(session: Session, scene_id: int) -> MusicSceneSync | None:
    """Return the newest sync of the scene; None if it has no music."""
    newest = select(MusicSceneSync).where(MusicSceneSync.scene_id == scene_id).order_by(MusicSceneSync.id.desc())
    return session.scalar(newest.limit(1))


def delete_syncs(session: Session, scene_id: int) -> int:
    """Delete all syncs of the scene, history included, and return their count."""
    deleted = session.execute(
        delete(MusicSceneSync).where(MusicSceneSync.scene_id == scene_id).returning(MusicSceneSync.id)
    )
    return len(deleted.all())


def request_of(row: MusicSceneSync, clip: SourceClip) -> tuple[SyncRequest, tuple[str, ...]]:
    """Return the request of a saved sync for this clip, and a warning if moments after its end are left out."""
    moments = [(point["time"], point.get("event")) for point in row.sync_points]
    kept = [(time, event) for time, event in moments if round(time * clip.fps) <= clip.frames]
    request = SyncRequest(
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
    warning = f"{left_out} sync points are after the end of the shot ({clip.duration_s:.2f} s) and were left out"
    return request, (warning,) if left_out else ()


def record_result(row: MusicSceneSync, cut_plan: CutPlan, measured: SyncMeasurement, *, asset_id: int) -> None:
    """Record the result of a sync. A plan that puts no moment on a beat has no error and is not measured."""
    row.cut_list = cut_plan.cut_list()
    row.predicted_error_ms = cut_plan.worst_error_ms
    row.measured_error_ms, row.measured_mean_error_ms = measured.worst_ms, measured.mean_ms
    row.measured_at = None if measured.worst_ms is None else datetime.now(UTC)
    row.output_asset_id = asset_id


def _sync_points(clip: SourceClip, request: SyncRequest) -> list[SyncPoint]:
    return [SyncPoint(round(time * clip.fps), event) for time, event in request.moments]


def _original_take(session: Session, asset_id: int) -> Asset:
    """Return the take itself, or the one it was retimed from, which has a constant frame rate."""
    take = session.get_one(Asset, asset_id)
    before = session.get(Asset, take.provenance[RETIMED_FROM_KEY]) if RETIMED_FROM_KEY in take.provenance else None
    return before or take


def _drift_warnings(cut_plan: CutPlan, request: SyncRequest, analysis: Analysis) -> tuple[str, ...]:
    """Warn if the beats of the given tempo drift from the analysed ones."""
    beats_s = [cut.beat_s for cut in cut_plan.cuts_on_beats if cut.beat_s is not None]
    if request.bpm is None or not analysis.beat_times_s or not beats_s:
        return ()
    detected = build_grid(analysis)
    worst_ms = max(abs(beat - detected.times_s[detected.nearest_beat(beat)]) for beat in beats_s) * 1000
    if worst_ms <= MAX_UNNOTICED_MS:
        return ()
    warning = f"The beats of the given {request.bpm:g} BPM are up to {worst_ms:.0f} ms from the detected ones"
    return (f"{warning}; without bpm the cuts follow the detected beats",)
