"""Requests and answers of the beat analysis."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, field_validator

from api.http.strict_routes import Body
from api.music.beats.structure import StructureAnswer
from tower.beats.results import MAX_BPM, MIN_BPM, MIN_RANGE_RATIO, Analysis, TempoHint
from tower.library.matching import Relation, TrackMatch
from tower.library.track_beats import TrackBeats

EXAMPLE: JsonValue = {"audio_path": "/data/media/theme.mp3", "analysis_type": "detailed"}
TempoField = Annotated[float, Field(ge=MIN_BPM, le=MAX_BPM)]


class AnalyzeTrackRequest(Body):
    """`bpm_hint` and `bpm_range` decide between half, double and other tempos, which the sound alone cannot."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    audio_path: Annotated[str, StringConstraints(strip_whitespace=False)] = Field(
        description="Absolute path under the media or music folders."
    )
    analysis_type: Literal["basic", "detailed"] = Field(
        "detailed", description="basic: tempo and beats; detailed: downbeats, candidates, strengths and structure too."
    )
    bpm_hint: TempoField | None = Field(None, description="Approximate tempo in BPM.", examples=[120])
    bpm_range: list[TempoField] | None = Field(
        None, min_length=2, max_length=2, description="[slowest, fastest], in BPM.", examples=[[90, 180]]
    )
    force: bool = Field(False, description="Analyse the file again, even if a result is cached.")

    @field_validator("bpm_range")
    @classmethod
    def require_range(cls, value: list[float] | None) -> list[float] | None:
        if value and value[1] < value[0] * MIN_RANGE_RATIO:
            raise ValueError(f"[slowest, fastest], the second at least {MIN_RANGE_RATIO} times the first")
        return value

    def tempo_hint(self) -> TempoHint | None:
        """Raises InvalidError if the hint is outside the range."""
        if self.bpm_hint is None and self.bpm_range is None:
            return None
        return TempoHint(self.bpm_hint, *(self.bpm_range or (None, None)))


class TempoChangeAnswer(BaseModel):
    time: float = Field(description="Seconds.")
    bpm: float
    confidence: float


class CandidateAnswer(BaseModel):
    bpm: float
    weight: float = Field(description="0–1; the weights of all candidates sum to 1.")


class SoundMetadata(BaseModel):
    """`duration` of the decodable sound in seconds; `sample_rate` of the file in Hz."""

    duration: float
    sample_rate: int
    sha256: str
    beats: int
    version: int = Field(description="Version of the analysis method.")


class TrackAnalysis(BaseModel):
    """Times are in seconds. If no beat was found, `bpm` is null and `reason` says why."""

    bpm: float | None = Field(examples=[120.5], description="Tempo of the longest section with a steady tempo.")
    confidence: float = Field(ge=0, le=1, description="Calibrated: of tracks with 0.9, about nine in ten are right.")
    reason: str | None
    tempo_changes: list[TempoChangeAnswer] = Field(description="The first tempo, and each change.")
    beat_times: list[float]
    downbeats: list[float] | None = Field(description="The first beat of each bar; null in a basic analysis.")
    beat_strengths: list[float] | None = Field(description="Strength of each beat, 0–1; null in a basic analysis.")
    candidates: list[CandidateAnswer] | None = Field(description="Other possible tempos; null in a basic analysis.")
    analysis_type: Literal["basic", "detailed"]
    analysis_duration: float = Field(description="Seconds that the analysis took.")
    cached: bool = Field(description="The result was cached before this request.")
    track_id: int | None
    no_track: str | None = Field(description="Why the file is not a track of the library.")
    bpm_override: float | None = Field(
        description="The tempo that the user set; used as the hint if the request has none."
    )
    structure: StructureAnswer | None = Field(description="Key, sections and energy; null in a basic analysis.")
    structure_reason: str | None = Field(description="Why a detailed analysis has no structure.")
    metadata: SoundMetadata

    @classmethod
    def of(cls, result: TrackBeats, kind: Literal["basic", "detailed"]) -> Self:
        found, detailed = result.known.analysis, kind == "detailed"
        return cls(
            bpm=found.bpm,
            confidence=found.confidence,
            reason=found.reason,
            tempo_changes=[
                TempoChangeAnswer(time=change.time_s, bpm=change.bpm, confidence=change.confidence)
                for change in found.tempo_changes
            ],
            beat_times=list(found.beat_times_s),
            downbeats=list(found.downbeat_times_s) if detailed else None,
            beat_strengths=list(found.beat_strengths) if detailed else None,
            candidates=_candidates(found) if detailed else None,
            analysis_type=kind,
            analysis_duration=round(result.known.analysis_s, 3),
            cached=result.known.from_cache,
            track_id=result.track_id,
            no_track=result.no_track,
            bpm_override=result.bpm_override,
            structure=StructureAnswer.of(result.structure) if result.structure and detailed else None,
            structure_reason=result.no_structure if detailed else None,
            metadata=SoundMetadata(
                duration=round(found.duration_s, 3),
                sample_rate=found.sample_rate,
                sha256=result.known.sha256,
                beats=len(found.beat_times_s),
                version=found.version,
            ),
        )


class BpmHealth(BaseModel):
    status: str = "healthy"
    service: str = "bpm-analyzer"
    dependencies: dict[str, str] = Field(
        examples=[{"librosa": "0.11.0", "numpy": "2.3.3"}],
        description="The libraries that an analysis process has imported and used, with their versions.",
    )
    reasons: dict[str, str] = Field(description="Why something cannot be found.")
    cache_dir: str
    cached_analyses: int
    processes: int = Field(description="That listen, at most.")
    version: int = Field(description="Of the method that finds beats.")
    structure_version: int = Field(description="Of the method that finds key, sections and energy.")


class MatchingTrack(BaseModel):
    """`relation` of its tempo to the target tempo, and `off_bpm`, its distance; null without a target tempo."""

    id: int
    title: str
    artist: str | None
    album: str | None
    genre: str | None
    duration: float
    bpm: float | None
    confidence: float | None = Field(
        description="Confidence of the analysis; null if the tempo is from a tag or set by the user."
    )
    relation: Relation | None
    off_bpm: float | None
    mood_by: list[Literal["tempo", "words"]] = Field(description="What matched the mood: its tempo or its tags.")

    @classmethod
    def of(cls, match: TrackMatch) -> Self:
        track = match.track
        is_analysed = track.bpm is not None and track.bpm == track.analysed_bpm
        return cls(
            id=track.id,
            title=track.title,
            artist=track.artist,
            album=track.album,
            genre=track.genre,
            duration=track.duration_s,
            bpm=track.bpm,
            confidence=track.analysed_confidence if is_analysed else None,
            relation=match.relation,
            off_bpm=match.distance_bpm,
            mood_by=list(match.matched_by),
        )


def _candidates(found: Analysis) -> list[CandidateAnswer]:
    return [CandidateAnswer(bpm=tempo.bpm, weight=tempo.weight) for tempo in found.candidates]
