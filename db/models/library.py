"""The music library: tracks, playlists and scans."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DDL, CheckConstraint, Computed, Double, ForeignKey, Index, UniqueConstraint, event, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin, TimestampMixin, text_enum
from db.columns import json_list

# The BPM of a track: the override, else an analysis of confidence 0.5 or more, else the tag, else any analysis.
EFFECTIVE_BPM_SQL = """case
    when bpm_override is not null then bpm_override
    when analysed_bpm is not null and (analysed_confidence >= 0.5 or tag_bpm is null) then analysed_bpm
    else tag_bpm end"""

# A trusted extension since PostgreSQL 13, so the owner of the database may create it.
CREATE_TRIGRAM_EXTENSION = "create extension if not exists pg_trgm with schema public"
event.listen(Base.metadata, "before_create", DDL(CREATE_TRIGRAM_EXTENSION))  # type: ignore[no-untyped-call] # SQLAlchemy's own


class ScanState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Track(IdMixin, TimestampMixin, Base):
    __tablename__ = "tracks"
    __table_args__ = (
        UniqueConstraint("root", "folder", "filename"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("bytes >= 0", name="bytes"),
        CheckConstraint("duration_s >= 0", name="duration"),
        CheckConstraint("tag_bpm between 20 and 400", name="tag_bpm"),
        CheckConstraint("bpm_override between 20 and 400", name="bpm_override"),
        CheckConstraint("analysed_confidence between 0 and 1", name="analysed_confidence"),
        CheckConstraint("(quality is null) = (quality_measured_at is null)", name="quality"),
        Index("ix_tracks_sha256", "sha256"),
        Index("ix_tracks_bpm_id", "bpm", "id"),
        Index(
            "ix_tracks_genre_keys",
            "genre_keys",
            postgresql_using="gin",
            postgresql_ops={"genre_keys": "jsonb_path_ops"},
        ),
        Index("ix_tracks_duration_s_id", "duration_s", "id"),
        Index("ix_tracks_persistent_id", "persistent_id"),
        Index("ix_tracks_title_text_id", "title_text", "id", postgresql_ops={"title_text": "text_pattern_ops"}),
        Index(
            "ix_tracks_search_text",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "public.gin_trgm_ops"},
        ),
        {"schema": PUBLIC, "comment": "Every piece of music that a scan found or that was analysed or used."},
    )

    root: Mapped[str] = mapped_column(comment="the library folder that it lies under, as it is set")
    folder: Mapped[str] = mapped_column(comment="below the root; empty: the root itself")
    filename: Mapped[str]
    sha256: Mapped[str] = mapped_column(comment="of the bytes; it finds a moved file again")
    bytes: Mapped[int]
    mtime_ns: Mapped[int] = mapped_column(comment="with the size: whether the file has changed since it was read")
    missing_since: Mapped[datetime | None] = mapped_column(comment="the file is gone; null: it was there when looked")
    kind: Mapped[str] = mapped_column(comment="mp3, m4a, flac, ogg, opus or wav, by the content, not by the name")
    codec: Mapped[str]
    title: Mapped[str] = mapped_column(comment="of the tag, or the file's name without its ending")
    artist: Mapped[str | None] = mapped_column(comment="all artists, joined by semicolons")
    album: Mapped[str | None]
    album_artist: Mapped[str | None]
    genre: Mapped[str | None] = mapped_column(comment="all genres, joined by semicolons")
    duration_s: Mapped[float] = mapped_column(comment="of the header and the packets, until the sound is decoded")
    sample_rate: Mapped[int]
    channels: Mapped[int]
    bitrate: Mapped[int | None] = mapped_column(comment="bits a second, as the file says; null: it does not")
    gain_db: Mapped[float | None] = mapped_column(comment="ReplayGain or R128 of the tag; null: none")
    fault: Mapped[str | None] = mapped_column(comment="what is wrong with the file that can be read all the same")
    tag_bpm: Mapped[float | None] = mapped_column(comment="of the tag")
    bpm_override: Mapped[float | None] = mapped_column(comment="set by the user; comes before all else")
    analysed_bpm: Mapped[float | None] = mapped_column(comment="of the newest beat analysis")
    analysed_confidence: Mapped[float | None]
    bpm: Mapped[float | None] = mapped_column(
        Double(),
        Computed(EFFECTIVE_BPM_SQL, persisted=True),
        comment="override, sure analysis, tag: the first that there is",
    )
    quality: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), comment="clipping, loudness, …")
    quality_measured_at: Mapped[datetime | None]
    persistent_id: Mapped[str | None] = mapped_column(comment="in the Library.xml that it was imported from")
    title_text: Mapped[str] = mapped_column(comment="the title as it is searched and sorted")
    genre_text: Mapped[str | None] = mapped_column(comment="the genres, normalised in the same way")
    search_text: Mapped[str] = mapped_column(comment="title, artist, album, album artist and folder, normalised")
    artists: Mapped[list[Any]] = json_list("each artist of the tag", sort_order=92)
    genres: Mapped[list[Any]] = json_list("each genre of the tag", sort_order=93)
    genre_keys: Mapped[list[Any]] = json_list(
        "the normalised genres, and the parts of joined ones, for the filter", sort_order=94
    )


class Playlist(IdMixin, TimestampMixin, Base):
    __tablename__ = "playlists"
    __table_args__ = (
        UniqueConstraint("source", "source_id"),
        {"schema": PUBLIC, "comment": "Tracks in an order, made here or imported."},
    )

    name: Mapped[str]
    description: Mapped[str | None]
    source: Mapped[str] = mapped_column(default="tower", server_default="tower", comment="tower, itunes_xml or m3u")
    source_id: Mapped[str | None] = mapped_column(comment="its library and id in it, or its file; null: made here")
    imported_track_ids: Mapped[list[Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        sort_order=92,
        comment="its tracks as they were imported last; null: made here, or not known",
    )


class PlaylistTrack(Base):
    __tablename__ = "playlist_tracks"
    __table_args__ = (
        CheckConstraint("position >= 1", name="position"),
        Index("ix_playlist_tracks_track_id", "track_id"),
        {"schema": PUBLIC, "comment": "What is in a playlist; a track may be there twice."},
    )

    playlist_id: Mapped[int] = mapped_column(ForeignKey("public.playlists.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, comment="1, 2, … without gaps")
    track_id: Mapped[int] = mapped_column(ForeignKey("public.tracks.id", ondelete="CASCADE"))


class LibraryScan(IdMixin, Base):
    __tablename__ = "library_scans"
    __table_args__ = (
        Index(
            "uq_library_scans_one_running",
            text("(true)"),
            unique=True,
            postgresql_where=text("state in ('queued', 'running')"),
        ),
        CheckConstraint("(state in ('queued', 'running')) = (ended_at is null)", name="ended"),
        CheckConstraint("state <> 'failed' or error is not null", name="failed_has_reason"),
        {"schema": PUBLIC, "comment": "Each walk through the library folders; at most one at a time."},
    )

    state: Mapped[ScanState] = mapped_column(text_enum(ScanState, "state"), default=ScanState.QUEUED)
    roots: Mapped[list[Any]] = json_list("the folders that are walked through")
    files_total: Mapped[int | None] = mapped_column(comment="counted before the first is looked at")
    files_seen: Mapped[int] = mapped_column(default=0, server_default="0", comment="of audio kinds")
    unchanged: Mapped[int] = mapped_column(default=0, server_default="0")
    added: Mapped[int] = mapped_column(default=0, server_default="0")
    changed: Mapped[int] = mapped_column(default=0, server_default="0")
    moved: Mapped[int] = mapped_column(default=0, server_default="0")
    missing: Mapped[int] = mapped_column(default=0, server_default="0", comment="tracks whose file was not there")
    unreadable: Mapped[int] = mapped_column(default=0, server_default="0", comment="files that were not taken")
    cancel_asked: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    error: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="its last report")
    ended_at: Mapped[datetime | None]


class UnreadableFile(IdMixin, Base):
    __tablename__ = "library_unreadable"
    __table_args__ = (
        Index("ix_library_unreadable_scan_id_id", "scan_id", "id"),
        {"schema": PUBLIC, "comment": "What a scan could not take in, and why."},
    )

    scan_id: Mapped[int] = mapped_column(ForeignKey("public.library_scans.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(comment="bytes that are no UTF-8 as \\xNN")
    reason: Mapped[str]
