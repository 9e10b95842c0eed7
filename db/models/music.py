"""The music of scenes, and how they are cut to it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ANIME_API, Base, IdMixin, TimestampMixin, text_enum
from db.columns import json_list


class FrameTiming(StrEnum):
    CONSTANT = "cfr"
    VARIABLE = "vfr"


class MusicSceneSync(IdMixin, TimestampMixin, Base):
    __tablename__ = "music_scene_sync"
    __table_args__ = (
        CheckConstraint("volume between 0 and 1", name="volume"),
        CheckConstraint("bpm between 20 and 400", name="bpm"),
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        CheckConstraint("offset_s >= 0 and duration_s > 0", name="span"),
        CheckConstraint("fade_in_s >= 0 and fade_out_s >= 0", name="fades"),
        CheckConstraint("(measured_at is null) = (measured_error_ms is null)", name="measured"),
        Index("ix_music_scene_sync_scene_id_id", "scene_id", "id"),
        Index("ix_music_scene_sync_audio_sha256", "audio_sha256"),
        Index("ix_music_scene_sync_output_asset_id", "output_asset_id"),
        {
            "schema": ANIME_API,
            "comment": "Music of scenes: part of a track, planned cuts, measured error. The newest row counts.",
        },
    )

    scene_id: Mapped[int] = mapped_column(ForeignKey("anime_api.scenes.id", ondelete="CASCADE"))
    audio_path: Mapped[str] = mapped_column(comment="Path of the audio file, under a media root.")
    audio_sha256: Mapped[str | None] = mapped_column(comment="SHA-256 of the analysed file. Null: not analysed yet.")
    track_id: Mapped[int | None] = mapped_column(
        comment="Track in the music library. Null: the file is not in the library."
    )
    playlist_id: Mapped[int | None] = mapped_column(comment="Playlist from which the track was chosen. Null: none.")
    track_name: Mapped[str | None]
    artist: Mapped[str | None]
    bpm: Mapped[float | None] = mapped_column(comment="Given or detected tempo. Beats per minute. Null: unknown.")
    confidence: Mapped[float | None] = mapped_column(
        comment="Confidence of a detected tempo, 0–1. Null: the tempo was given."
    )
    offset_s: Mapped[float] = mapped_column(
        default=0.0, server_default="0", comment="Position in the track at which the scene starts. Seconds."
    )
    duration_s: Mapped[float | None] = mapped_column(
        comment="Used length of the track. Seconds. Null: the length of the scene."
    )
    volume: Mapped[float] = mapped_column(default=1.0, server_default="1")
    fade_in_s: Mapped[float] = mapped_column(default=0.0, server_default="0")
    fade_out_s: Mapped[float] = mapped_column(default=0.0, server_default="0")
    sync_points: Mapped[list[Any]] = json_list("Requested moments: [{time, event, …}]. Times are seconds of the scene.")
    cut_list: Mapped[list[Any]] = json_list("Planned cuts: [{time, beat, ratio, …}].")
    timing: Mapped[FrameTiming] = mapped_column(
        text_enum(FrameTiming, "timing"), default=FrameTiming.CONSTANT, server_default=FrameTiming.CONSTANT.value
    )
    predicted_error_ms: Mapped[float | None] = mapped_column(
        comment="Largest distance of a cut from its beat, as planned. Milliseconds. Null: no cut is on a beat."
    )
    measured_error_ms: Mapped[float | None] = mapped_column(
        comment="Largest distance of a cut from its beat, as rendered. Milliseconds. Null: not measured."
    )
    measured_mean_error_ms: Mapped[float | None] = mapped_column(
        comment="Mean distance of all cuts from their beats, as rendered. Milliseconds. Null: not measured."
    )
    measured_at: Mapped[datetime | None]
    output_asset_id: Mapped[int | None] = mapped_column(ForeignKey("public.assets.id", ondelete="SET NULL"))
