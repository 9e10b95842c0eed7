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
        {"schema": PUBLIC, "comment": "Music files that a scan found, or that were analysed or used."},
    )

    root: Mapped[str] = mapped_column(comment="Configured library folder that contains the file.")
    folder: Mapped[str] = mapped_column(comment="Folder below the root. Empty: the root itself.")
    filename: Mapped[str]
    sha256: Mapped[str] = mapped_column(comment="SHA-256 of the file's bytes. A scan recognises a moved file by it.")
    bytes: Mapped[int]
    mtime_ns: Mapped[int] = mapped_column(
        comment="Time of the file's last change. Nanoseconds since 1970. If it differs, a scan reads the file again."
    )
    missing_since: Mapped[datetime | None] = mapped_column(
        comment="Time since which the file is missing. Null: present."
    )
    kind: Mapped[str] = mapped_column(
        comment="Kind of the content, whatever the name: mp3, m4a, flac, ogg, opus or wav."
    )
    codec: Mapped[str]
    title: Mapped[str] = mapped_column(comment="Title of the tag, or the file name without its extension.")
    artist: Mapped[str | None] = mapped_column(comment="Artists of the tag, joined by semicolons. Null: none.")
    album: Mapped[str | None]
    album_artist: Mapped[str | None]
    genre: Mapped[str | None] = mapped_column(comment="Genres of the tag, joined by semicolons. Null: none.")
    duration_s: Mapped[float] = mapped_column(
        comment="Length by header and packets, or as decoded once the file was analysed. Seconds."
    )
    sample_rate: Mapped[int]
    channels: Mapped[int]
    bitrate: Mapped[int | None] = mapped_column(comment="Bits per second, as the file states. Null: not stated.")
    gain_db: Mapped[float | None] = mapped_column(comment="ReplayGain or R128 gain of the tag. Decibels. Null: none.")
    fault: Mapped[str | None] = mapped_column(comment="Damage of a file that can still be played. Null: none.")
    tag_bpm: Mapped[float | None] = mapped_column(comment="Tempo of the tag. Beats per minute. Null: none.")
    bpm_override: Mapped[float | None] = mapped_column(
        comment="Tempo set by the user, which takes precedence. Beats per minute. Null: not set."
    )
    analysed_bpm: Mapped[float | None] = mapped_column(
        comment="Tempo of the newest beat analysis. Beats per minute. Null: none."
    )
    analysed_confidence: Mapped[float | None]
    bpm: Mapped[float | None] = mapped_column(
        Double(),
        Computed(EFFECTIVE_BPM_SQL, persisted=True),
        comment="Effective tempo: override, confident analysis, tag, other analysis. Beats per minute.",
    )
    quality: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True), comment="Measured sound quality: clipping, loudness, … Null: not measured."
    )
    quality_measured_at: Mapped[datetime | None]
    persistent_id: Mapped[str | None] = mapped_column(
        comment="Persistent ID in the Library.xml from which the track was imported. Null: none."
    )
    title_text: Mapped[str] = mapped_column(comment="Title, normalised for search and sorting.")
    genre_text: Mapped[str | None] = mapped_column(comment="Genres, normalised for search. Null: none.")
    search_text: Mapped[str] = mapped_column(
        comment="Title, artist, album, album artist and folder, normalised for search."
    )
    artists: Mapped[list[Any]] = json_list("Each artist of the tag.", sort_order=92)
    genres: Mapped[list[Any]] = json_list("Each genre of the tag.", sort_order=93)
    genre_keys: Mapped[list[Any]] = json_list(
        "Normalised genres, and the parts of joined ones, for the filter.", sort_order=94
    )


class Playlist(IdMixin, TimestampMixin, Base):
    __tablename__ = "playlists"
    __table_args__ = (
        UniqueConstraint("source", "source_id"),
        {"schema": PUBLIC, "comment": "Playlists, created in Tower or imported."},
    )

    name: Mapped[str]
    description: Mapped[str | None]
    source: Mapped[str] = mapped_column(
        default="tower", server_default="tower", comment="Origin: tower, itunes_xml or m3u."
    )
    source_id: Mapped[str | None] = mapped_column(
        comment="Library and id within it, or the path of the file, of an import. Null: created in Tower."
    )
    imported_track_ids: Mapped[list[Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        sort_order=92,
        comment="Ids of the tracks at the last import. Null: created in Tower, or unknown.",
    )


class PlaylistTrack(Base):
    __tablename__ = "playlist_tracks"
    __table_args__ = (
        CheckConstraint("position >= 1", name="position"),
        Index("ix_playlist_tracks_track_id", "track_id"),
        {"schema": PUBLIC, "comment": "Tracks of playlists. A playlist may contain a track more than once."},
    )

    playlist_id: Mapped[int] = mapped_column(ForeignKey("public.playlists.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, comment="Position in the playlist, from 1 without gaps.")
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
        {"schema": PUBLIC, "comment": "Scans of the library folders. At most one runs at a time."},
    )

    state: Mapped[ScanState] = mapped_column(text_enum(ScanState, "state"), default=ScanState.QUEUED)
    roots: Mapped[list[Any]] = json_list("Folders that are scanned.")
    files_total: Mapped[int | None] = mapped_column(
        comment="Number of files, counted before the first is read. Null: not counted yet."
    )
    files_seen: Mapped[int] = mapped_column(default=0, server_default="0", comment="Number of audio files seen so far.")
    unchanged: Mapped[int] = mapped_column(default=0, server_default="0")
    added: Mapped[int] = mapped_column(default=0, server_default="0")
    changed: Mapped[int] = mapped_column(default=0, server_default="0")
    moved: Mapped[int] = mapped_column(default=0, server_default="0")
    missing: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Number of tracks whose file is missing."
    )
    unreadable: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Number of files that could not be added."
    )
    cancel_asked: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    error: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    heartbeat_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="Time of the last progress report."
    )
    ended_at: Mapped[datetime | None]


class UnreadableFile(IdMixin, Base):
    __tablename__ = "library_unreadable"
    __table_args__ = (
        Index("ix_library_unreadable_scan_id_id", "scan_id", "id"),
        {"schema": PUBLIC, "comment": "Files that a scan could not add, with the reason."},
    )

    scan_id: Mapped[int] = mapped_column(ForeignKey("public.library_scans.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(comment="Path of the file. Bytes that are not UTF-8 are written as \\xNN.")
    reason: Mapped[str]
