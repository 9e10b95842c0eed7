"""Plan cuts on beats: move moments of a video to beats, or cut scenes to lengths between strong beats."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSessions
from api.http.strict_routes import Body, strict_router
from api.http.sync_answers import PlanAnswer, plan_answer_fields
from api.music.beats.routes import run_until_disconnected
from api.music.dependencies import Beats
from db.models.music import FrameTiming
from tower.beats import cache
from tower.beats.results import MAX_BPM, MIN_BPM, TempoHint
from tower.errors import InvalidError
from tower.library.roots import library_roots
from tower.library.track_beats import AnalysisContext, TrackBeats, analyse_track_file
from tower.media.rates import FrameRate, exact_rate
from tower.sync.grid import build_grid
from tower.sync.plan import CutPlan, SourceClip
from tower.sync.planning import plan_cuts, plan_scenes, points_from_pairs
from tower.sync.snapping import RatioBounds

MAX_LENGTH_S = 14_400  # four hours
SYNC_EXAMPLE: JsonValue = {
    "audio_path": "/path/to/audio.mp3",
    "video_duration": 5.0,
    "target_fps": 24,
    "sync_points": [{"audio_time": 0.0, "video_frame": 0}, {"audio_time": 2.5, "video_frame": 60}],
}
SCENES_EXAMPLE: JsonValue = {
    "audio_path": "/path/to/audio.mp3",
    "target_fps": 24,
    "scenes": [{"duration": 5.0}, {"duration": 3.5}, {"duration": 8.0}],
}

router = strict_router(prefix="/api/bpm", tags=["bpm"])


class SyncPair(Body):
    """The frame to show at the beat nearest to this time of the track."""

    audio_time: float = Field(ge=0, le=MAX_LENGTH_S, description="Time in the track, in seconds.")
    video_frame: int = Field(ge=0, le=10_000_000, description="Frame number, from 0.")


class BeatSyncRequest(Body):
    audio_path: Annotated[str, StringConstraints(strip_whitespace=False)] = Field(
        description="Absolute path under the media or music folders."
    )
    target_fps: FrameRate = Field(examples=[24])
    bpm_hint: Annotated[float, Field(ge=MIN_BPM, le=MAX_BPM)] | None = Field(
        None, description="Approximate tempo in BPM."
    )
    least_ratio: float = Field(
        0.8, ge=0.5, le=1, description="Smallest allowed new length of a shot, divided by its own length."
    )
    most_ratio: float = Field(
        1.25, gt=1, le=2, description="Largest allowed new length of a shot, divided by its own length."
    )

    @property
    def fps(self) -> Fraction:
        """`target_fps` as an exact fraction: 23.976 is 24000/1001."""
        return exact_rate(self.target_fps)

    @property
    def bounds(self) -> RatioBounds:
        return RatioBounds(self.least_ratio, self.most_ratio)


class SyncAnalysisRequest(BeatSyncRequest):
    model_config = ConfigDict(json_schema_extra={"examples": [SYNC_EXAMPLE]})

    video_duration: float = Field(gt=0, le=MAX_LENGTH_S, description="Seconds.")
    sync_points: Annotated[list[SyncPair], Field(max_length=200)] = Field(default_factory=list)
    timing: Annotated[FrameTiming, Field(strict=False)] = Field(
        FrameTiming.CONSTANT, description="cfr: constant rate, cuts at the nearest frame; vfr: exact times."
    )


class RequestedScene(Body):
    duration: float = Field(gt=0, le=3600, description="Requested length in seconds.")


class CutListRequest(BeatSyncRequest):
    model_config = ConfigDict(json_schema_extra={"examples": [SCENES_EXAMPLE]})

    scenes: Annotated[list[RequestedScene], Field(min_length=1, max_length=200)]
    offset: float | None = Field(
        None, ge=0, le=MAX_LENGTH_S, description="Time in the track where the video starts; null for the first beat."
    )


class SyncAnalysis(BaseModel):
    """`bpm` and `confidence` are those of the beat analysis."""

    audio_path: str
    track_id: int | None
    bpm: float | None
    confidence: float
    plan: PlanAnswer


@router.post("/sync-analysis", responses=error_responses(400, 404, 409, 413, 415))
async def sync_analysis(
    body: SyncAnalysisRequest, request: Request, settings: CurrentSettings, sessions: DatabaseSessions, pool: Beats
) -> SyncAnalysis:
    """Move moments of a video to beats: answers the cut list, the stretch of each shot and the expected error."""
    clip = SourceClip(round(body.video_duration * body.fps), body.fps)
    if not clip.frames:
        raise InvalidError.field("video_duration", body.video_duration, "at least one frame")

    def made(track_beats: TrackBeats) -> CutPlan:
        beats = build_grid(track_beats.known.analysis, structure=track_beats.found_structure)
        points, offset_s = points_from_pairs(
            [(pair.audio_time, pair.video_frame) for pair in body.sync_points], clip, beats
        )
        return plan_cuts(clip, points, beats, timing=body.timing, offset_s=offset_s, bounds=body.bounds)

    place = AnalysisContext(sessions, cache.cache_folder(settings), library_roots(settings))
    return await run_until_disconnected(
        request, lambda cancelled: _answer(body, made, place, pool, cancelled=cancelled)
    )


@router.post("/cut-list", responses=error_responses(400, 404, 409, 413, 415))
async def cut_list(
    body: CutListRequest, request: Request, settings: CurrentSettings, sessions: DatabaseSessions, pool: Beats
) -> SyncAnalysis:
    """Cut scenes of requested lengths on beats, preferably strong ones. The total length is exact to the frame."""

    def made(track_beats: TrackBeats) -> CutPlan:
        lengths = [scene.duration for scene in body.scenes]
        beats = build_grid(track_beats.known.analysis, structure=track_beats.found_structure)
        return plan_scenes(lengths, beats, fps=body.fps, offset_s=body.offset, bounds=body.bounds)

    place = AnalysisContext(sessions, cache.cache_folder(settings), library_roots(settings))
    return await run_until_disconnected(
        request, lambda cancelled: _answer(body, made, place, pool, cancelled=cancelled)
    )


def _answer(
    asked: BeatSyncRequest,
    made: Callable[[TrackBeats], CutPlan],
    place: AnalysisContext,
    pool: Beats,
    *,
    cancelled: threading.Event,
) -> SyncAnalysis:
    hint = None if asked.bpm_hint is None else TempoHint(asked.bpm_hint)
    track_beats = analyse_track_file(
        asked.audio_path,
        context=place,
        analyser=pool.analyse,
        finder=pool.find_structure,
        hint=hint,
        cancelled=cancelled,
    )
    return SyncAnalysis(
        audio_path=asked.audio_path,
        track_id=track_beats.track_id,
        bpm=track_beats.known.analysis.bpm,
        confidence=track_beats.known.analysis.confidence,
        plan=PlanAnswer.model_validate(plan_answer_fields(made(track_beats))),
    )
