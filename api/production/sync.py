"""The music of a scene: its track, its start in the track, the moments to put on beats, and the planned cuts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSession, DatabaseSessions, ReadingSession
from api.http.field_types import BranchQuery, Name, RowId
from api.http.strict_routes import Body, strict_router
from api.http.sync_answers import CutAnswer, PlanAnswer, plan_answer_fields
from api.production.dependencies import Beats
from db.models.music import FrameTiming, MusicSceneSync
from db.models.scenes import Scene
from tower.beats import cache
from tower.errors import NotFoundError
from tower.errors.codes import ErrorCode
from tower.library import tracks
from tower.library.roots import library_roots
from tower.library.track_beats import AnalysisContext, TrackBeats, analyse_track_file
from tower.story import entities, scene_audio
from tower.story.scene_audio import LengthSource, SyncPlan, SyncRequest
from tower.sync.grid import GridSource

EXAMPLE: JsonValue = {
    "audio_path": "/path/to/audio.mp3",
    "bpm": 120,
    "sync_points": [{"time": 0.0, "event": "scene_start"}, {"time": 2.5, "event": "character_entrance"}],
}
DAY_S = 86_400
MAX_SYNC_POINTS = 200

router = strict_router(prefix="/api/anime", tags=["scenes"])


class SyncMoment(Body):
    """A moment to put on a beat. `time` is in seconds from the start of the scene."""

    time: float = Field(ge=0, le=DAY_S)
    event: Name | None = None


class NewSceneAudio(Body):
    """Needs `audio_path` or `track_id`. Without `bpm` the cuts follow the detected beats."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    audio_path: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=4095)] | None = Field(
        None, description="Absolute path under the media or music folders."
    )
    track_id: RowId | None = Field(None, description="A track of the music library.")
    bpm: float | None = Field(None, ge=20, le=400, description="The cuts follow an even grid of this tempo.")
    sync_points: Annotated[list[SyncMoment], Field(max_length=MAX_SYNC_POINTS)] = Field(default_factory=list)
    offset_s: float | None = Field(
        None,
        ge=0,
        le=DAY_S,
        validation_alias=AliasChoices("offset_s", "offset"),
        description="Time in the track where the scene starts; by default the first beat. Also `offset`.",
    )
    duration_s: float | None = Field(
        None, gt=0, le=DAY_S, description="Length of the music in the scene; null for the whole scene."
    )
    volume: float = Field(1.0, ge=0, le=1, description="Factor applied after loudness normalisation.")
    fade_in_s: float = Field(0.0, ge=0, le=60)
    fade_out_s: float = Field(0.0, ge=0, le=60)
    timing: Annotated[FrameTiming, Field(strict=False)] = Field(
        FrameTiming.CONSTANT,
        description="cfr: constant rate, cuts at the nearest frame, for editing; vfr: exact times, without encoding.",
    )

    @model_validator(mode="after")
    def require_one_track(self) -> Self:
        if (self.audio_path is None) == (self.track_id is None):
            raise ValueError("either audio_path or track_id")
        return self

    def sync_request(self) -> SyncRequest:
        moments = [(point.time, point.event) for point in self.sync_points]
        shared = ("bpm", "offset_s", "duration_s", "volume", "fade_in_s", "fade_out_s", "timing")
        return SyncRequest(moments, **{name: getattr(self, name) for name in shared})


class SceneAudio(BaseModel):
    """`predicted_error_ms` and `measured_error_ms` are the largest distance of a cut from its beat."""

    id: int
    scene_id: int
    audio_path: str
    audio_sha256: str | None
    track_id: int | None = Field(description="The track in the music library; null if the file is not music.")
    track_name: str | None
    artist: str | None
    bpm: float | None
    confidence: float | None = Field(description="Confidence of the detected tempo; null if bpm was given.")
    offset_s: float
    duration_s: float | None = Field(description="Length of the music; null for the length of the scene.")
    volume: float
    fade_in_s: float
    fade_out_s: float
    timing: FrameTiming
    sync_points: list[dict[str, Any]] = Field(description="The requested moments.")
    cut_list: list[CutAnswer] = Field(description="The planned cuts; after a render, the rendered ones.")
    predicted_error_ms: float | None
    measured_error_ms: float | None = Field(
        description="Measured on the rendered file; null if not rendered, or if no cut is on a beat."
    )
    measured_mean_error_ms: float | None
    measured_at: datetime | None
    output_asset_id: int | None = Field(description="The take with the music.")
    created_at: datetime

    @classmethod
    def of(cls, row: MusicSceneSync) -> Self:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class PlannedSceneAudio(BaseModel):
    audio: SceneAudio
    plan: PlanAnswer
    beats_from: GridSource = Field(
        description="`analysed`, or the given bpm from the first beat, or from the offset if no beat was found."
    )
    length_from: LengthSource = Field(
        description="`assumed`: the scene has no length yet. The cuts are planned again when it has a take."
    )


class RemovedAudio(BaseModel):
    scene_id: int
    removed: int = Field(description="Number of deleted entries, past ones included.")


@router.post("/scenes/{scene_id}/audio", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def set_scene_audio(
    scene_id: RowId,
    body: NewSceneAudio,
    sessions: DatabaseSessions,
    settings: CurrentSettings,
    *,
    pool: Beats,
    response: Response,
    branch: BranchQuery = None,
) -> PlannedSceneAudio:
    """Set the music of a scene and plan its cuts. Replaces earlier music; renders use the newest."""
    with sessions() as session:
        scene = _scene(session, scene_id, branch)
        path = body.audio_path or _path_of(session, body.track_id)
    place = AnalysisContext(sessions, cache.cache_folder(settings), library_roots(settings))
    request = body.sync_request()
    track_beats = analyse_track_file(
        path, context=place, analyser=pool.analyse, finder=pool.find_structure, hint=request.hint
    )
    with sessions.begin() as session:
        answer = _store_plan(session, scene.id, request, path=path, track_beats=track_beats)
    response.headers["Location"] = f"{router.prefix}/scenes/{scene.id}/audio"
    return answer


@router.get("/scenes/{scene_id}/audio", responses=error_responses(404))
def get_scene_audio(scene_id: RowId, session: ReadingSession, branch: BranchQuery = None) -> SceneAudio:
    """The music of a scene, with the measurements of its newest render."""
    row = scene_audio.current_sync(session, _scene(session, scene_id, branch).id)
    if row is None:
        raise NotFoundError(f"Scene {scene_id} has no music", code=ErrorCode.NO_AUDIO)
    return SceneAudio.of(row)


@router.delete("/scenes/{scene_id}/audio", responses=error_responses(404))
def remove_scene_audio(scene_id: RowId, session: DatabaseSession, branch: BranchQuery = None) -> RemovedAudio:
    """Remove the music of a scene. Takes made with it stay."""
    with session.begin():
        scene = _scene(session, scene_id, branch)
        removed = scene_audio.delete_syncs(session, scene.id)
        if not removed:
            raise NotFoundError(f"Scene {scene_id} has no music", code=ErrorCode.NO_AUDIO)
        return RemovedAudio(scene_id=scene.id, removed=removed)


def _scene(session: Session, scene_id: int, branch: str | None) -> Scene:
    return entities.find_entity(session, Scene, scene_id, branch=branch).row


def _path_of(session: Session, track_id: int | None) -> str:
    assert track_id is not None
    return str(tracks.library_path_of(tracks.find(session, track_id)).full_path)


def _store_plan(
    session: Session, scene_id: int, request: SyncRequest, *, path: str, track_beats: TrackBeats
) -> PlannedSceneAudio:
    scene = _scene(session, scene_id, None)  # read again, because the analysis may have taken a while
    clip, length_from = scene_audio.scene_length(session, scene, request.moments)
    planned: SyncPlan = scene_audio.plan_sync(clip, request, track_beats.known.analysis, track_beats.found_structure)
    row = scene_audio.save_sync(session, scene, request, path=path, track_beats=track_beats, planned=planned)
    return PlannedSceneAudio(
        audio=SceneAudio.of(row),
        plan=PlanAnswer.model_validate(plan_answer_fields(planned.plan, planned.warnings)),
        beats_from=planned.beats_from,
        length_from=length_from,
    )
