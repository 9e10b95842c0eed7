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
        {"schema": ANIME_API, "comment": "A scene and a piece of music: where they meet, and how well, measured."},
    )

    scene_id: Mapped[int] = mapped_column(ForeignKey("anime_api.scenes.id", ondelete="CASCADE"))
    audio_path: Mapped[str] = mapped_column(comment="under a media root")
    audio_sha256: Mapped[str | None] = mapped_column(comment="of the file that was analysed; null before the analysis")
    track_id: Mapped[int | None] = mapped_column(comment="in the music library; null: a file that is not in it")
    playlist_id: Mapped[int | None] = mapped_column(comment="the playlist that it was chosen from")
    track_name: Mapped[str | None]
    artist: Mapped[str | None]
    bpm: Mapped[float | None] = mapped_column(comment="given by the user, or found; null: not known")
    confidence: Mapped[float | None] = mapped_column(comment="of a found bpm; null: bpm was given")
    offset_s: Mapped[float] = mapped_column(
        default=0.0, server_default="0", comment="where in the track the scene starts"
    )
    duration_s: Mapped[float | None] = mapped_column(
        comment="how much of the track is used; null: as long as the scene"
    )
    volume: Mapped[float] = mapped_column(default=1.0, server_default="1")
    fade_in_s: Mapped[float] = mapped_column(default=0.0, server_default="0")
    fade_out_s: Mapped[float] = mapped_column(default=0.0, server_default="0")
    sync_points: Mapped[list[Any]] = json_list("[{time, event, …}] as asked for; time in seconds of the scene")
    cut_list: Mapped[list[Any]] = json_list("[{time, beat, ratio, …}] as planned")
    timing: Mapped[FrameTiming] = mapped_column(
        text_enum(FrameTiming, "timing"), default=FrameTiming.CONSTANT, server_default=FrameTiming.CONSTANT.value
    )
    predicted_error_ms: Mapped[float | None] = mapped_column(
        comment="worst distance of a cut from its beat, by the plan"
    )
    measured_error_ms: Mapped[float | None] = mapped_column(
        comment="the same, measured on the file; null: not rendered"
    )
    measured_mean_error_ms: Mapped[float | None]
    measured_at: Mapped[datetime | None]
    output_asset_id: Mapped[int | None] = mapped_column(ForeignKey("public.assets.id", ondelete="SET NULL"))
