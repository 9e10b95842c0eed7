"""The answers for a track."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from db.models.library import Track
from tower.library.tracks import library_path_of


class TrackAnswer(BaseModel):
    """A track of the library. /bpm/analyze-track takes its `path`."""

    id: int
    title: str
    artist: str | None = Field(description="All artists, joined by semicolons.")
    artists: list[str]
    album: str | None
    album_artist: str | None
    genre: str | None = Field(description="All genres, joined by semicolons.")
    genres: list[str]
    duration: float = Field(examples=[180.5], description="Seconds.")
    bpm: float | None = Field(examples=[120.5])
    bpm_source: str | None = Field(
        examples=["analysis"], description="override, analysis or tag; null if the tempo is not known."
    )
    kind: str = Field(examples=["mp3"])
    codec: str
    sample_rate: int
    channels: int
    bitrate: int | None = Field(description="Bits per second, as the file declares.")
    path: str
    available: bool = Field(description="False if the file was missing at the last check.")
    fault: str | None = Field(examples=["cut off: its header says 180 s, its sound ends after 91.2 s"])
    source: str = "local"
    streamable: bool
    analyzable: bool

    @classmethod
    def of(cls, row: Track) -> Self:
        return cls.model_validate(track_fields(row))


class TrackQuality(BaseModel):
    """Measurements of the decoded sound. `reason` says why there are none yet."""

    measured_at: datetime | None
    reason: str | None
    loudness_lufs: float | None = Field(
        None, description="Integrated loudness, EBU R 128; null if silent or not measured."
    )
    loudness_range_lu: float | None = None
    true_peak_dbtp: float | None = None
    clipped_samples: int | None = Field(
        None, description="Samples in runs of three or more at full scale, over all channels."
    )
    clipped_places: int | None = None
    leading_silence_s: float | None = Field(None, description="Silence is below -60 dB of full scale.")
    trailing_silence_s: float | None = None
    silence_share: float | None = Field(None, ge=0, le=1)
    cutoff_hz: int | None = Field(
        None, description="Frequency where an encoder cut off the sound; null if there is no such edge."
    )
    content_bitrate: int | None = Field(None, description="Bitrate of an mp3 with such a cutoff.")
    claimed_bitrate: int | None = None
    lossless: bool | None = Field(None, description="Whether the codec of the file is lossless.")
    suspect: bool | None = Field(None, description="The sound has less quality than the file claims.")
    faults: list[str] | None = Field(None, description="Every fault, in words; empty if none was found.")


class TrackDetail(TrackAnswer):
    bpm_override: float | None
    tag_bpm: float | None
    analysed_bpm: float | None
    analysed_confidence: float | None
    gain_db: float | None = Field(description="ReplayGain from the tag.")
    size_bytes: int
    sha256: str
    quality: TrackQuality
    stream_url: str = Field(examples=["/api/track/17/stream"])
    waveform_url: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def with_quality(cls, row: Track, reason: str | None) -> Self:
        """`reason` says why nothing was measured."""
        same = ("bpm_override", "tag_bpm", "analysed_bpm", "analysed_confidence", "gain_db", "sha256")
        own = {name: getattr(row, name) for name in (*same, "created_at", "updated_at")}
        quality = {**(row.quality or {}), "measured_at": row.quality_measured_at, "reason": reason}
        urls = {f"{name}_url": f"/api/track/{row.id}/{name}" for name in ("stream", "waveform")}
        return cls.model_validate({**track_fields(row), **own, **urls, "size_bytes": row.bytes, "quality": quality})


def track_fields(row: Track) -> dict[str, Any]:
    same = ("id", "title", "artist", "artists", "album", "album_artist", "genre", "genres", "bpm", "kind", "codec")
    there = row.missing_since is None
    return {
        **{name: getattr(row, name) for name in (*same, "sample_rate", "channels", "bitrate", "fault")},
        "duration": row.duration_s,
        "bpm_source": _source_of_bpm(row),
        "path": str(library_path_of(row).full_path),
        "available": there,
        "streamable": there,
        "analyzable": there,
    }


def _source_of_bpm(row: Track) -> str | None:
    if row.bpm is None:
        return None
    if row.bpm_override is not None:
        return "override"
    return "analysis" if row.bpm == row.analysed_bpm else "tag"
