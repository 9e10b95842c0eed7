"""Plan cuts on beats: move moments of a video to beats, or cut scenes to lengths between strong beats."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.errors import documented
from api.http.dependencies import CurrentSettings, DatabaseSessions
from api.http.strict_routes import Body, strict_router
from api.http.sync_answers import PlanAnswer, plan_fields
from api.music.beats.routes import unless_gone
from api.music.dependencies import Beats
from db.models.music import FrameTiming
from tower.beats import cache
from tower.beats.results import FASTEST_BPM, SLOWEST_BPM, TempoHint
from tower.errors import InvalidError
from tower.library.roots import library_roots
from tower.library.track_beats import Heard, Place, hear
from tower.sync.grid import beats_of
from tower.sync.plan import Clip, Plan
from tower.sync.planning import cut_scenes, pairs, plan
from tower.sync.snapping import Bounds

LONGEST_S = 14_400  # four hours
EXAMPLE: JsonValue = {
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

    audio_time: float = Field(ge=0, le=LONGEST_S, description="Time in the track, in seconds.")
    video_frame: int = Field(ge=0, le=10_000_000, description="Frame number, from 0.")


class OnBeats(Body):
    audio_path: Annotated[str, StringConstraints(strip_whitespace=False)] = Field(
        description="Absolute path under the media or music folders."
    )
    target_fps: float = Field(ge=1, le=120, description="24, 23.976, 60, …", examples=[24])
    bpm_hint: Annotated[float, Field(ge=SLOWEST_BPM, le=FASTEST_BPM)] | None = Field(
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
        return _exact_fps(self.target_fps)

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.least_ratio, self.most_ratio)


class SyncAnalysisAsked(OnBeats):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    video_duration: float = Field(gt=0, le=LONGEST_S, description="Seconds.")
    sync_points: Annotated[list[SyncPair], Field(max_length=200)] = Field(default_factory=list)
    timing: Annotated[FrameTiming, Field(strict=False)] = Field(
        FrameTiming.CONSTANT, description="cfr: constant rate, cuts at the nearest frame; vfr: exact times."
    )


class WishedScene(Body):
    duration: float = Field(gt=0, le=3600, description="Requested length in seconds.")


class CutListAsked(OnBeats):
    model_config = ConfigDict(json_schema_extra={"examples": [SCENES_EXAMPLE]})

    scenes: Annotated[list[WishedScene], Field(min_length=1, max_length=200)]
    offset: float | None = Field(
        None, ge=0, le=LONGEST_S, description="Time in the track where the video starts; null for the first beat."
    )


class SyncAnalysis(BaseModel):
    """`bpm` and `confidence` are those of the beat analysis."""

    audio_path: str
    track_id: int | None
    bpm: float | None
    confidence: float
    plan: PlanAnswer


@router.post("/sync-analysis", responses=documented(400, 404, 409, 413, 415))
async def sync_analysis(
    asked: SyncAnalysisAsked, request: Request, settings: CurrentSettings, sessions: DatabaseSessions, pool: Beats
) -> SyncAnalysis:
    """Move moments of a video to beats: answers the cut list, the stretch of each shot and the expected error."""
    clip = Clip(round(asked.video_duration * asked.fps), asked.fps)
    if not clip.frames:
        raise InvalidError.field("video_duration", asked.video_duration, "at least one frame")

    def made(heard: Heard) -> Plan:
        beats = beats_of(heard.known.analysis, structure=heard.found_structure)
        points, offset_s = pairs([(pair.audio_time, pair.video_frame) for pair in asked.sync_points], clip, beats)
        return plan(clip, points, beats, timing=asked.timing, offset_s=offset_s, bounds=asked.bounds)

    place = Place(sessions, cache.cache_folder(settings), library_roots(settings))
    return await unless_gone(request, lambda cancelled: _answer(asked, made, place, pool, cancelled=cancelled))


@router.post("/cut-list", responses=documented(400, 404, 409, 413, 415))
async def cut_list(
    asked: CutListAsked, request: Request, settings: CurrentSettings, sessions: DatabaseSessions, pool: Beats
) -> SyncAnalysis:
    """Cut scenes of requested lengths on beats, preferably strong ones. The total length is exact to the frame."""

    def made(heard: Heard) -> Plan:
        lengths = [scene.duration for scene in asked.scenes]
        beats = beats_of(heard.known.analysis, structure=heard.found_structure)
        return cut_scenes(lengths, beats, fps=asked.fps, offset_s=asked.offset, bounds=asked.bounds)

    place = Place(sessions, cache.cache_folder(settings), library_roots(settings))
    return await unless_gone(request, lambda cancelled: _answer(asked, made, place, pool, cancelled=cancelled))


def _answer(
    asked: OnBeats, made: Callable[[Heard], Plan], place: Place, pool: Beats, *, cancelled: threading.Event
) -> SyncAnalysis:
    hint = None if asked.bpm_hint is None else TempoHint(asked.bpm_hint)
    heard = hear(
        asked.audio_path,
        place=place,
        listener=pool.analyse,
        finder=pool.find_structure,
        hint=hint,
        cancelled=cancelled,
    )
    return SyncAnalysis(
        audio_path=asked.audio_path,
        track_id=heard.track_id,
        bpm=heard.known.analysis.bpm,
        confidence=heard.known.analysis.confidence,
        plan=PlanAnswer.model_validate(plan_fields(made(heard))),
    )


def _exact_fps(fps: float) -> Fraction:
    ntsc = Fraction(round(fps * 1.001) * 1000, 1001)
    return ntsc if abs(float(ntsc) - fps) < 0.0003 * fps else Fraction(fps).limit_denominator(1000)
