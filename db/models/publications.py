"""Films that were published into a library, with what finds them again."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin, TimestampMixin, text_enum
from db.columns import json_list


class PublicationState(StrEnum):
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    VISIBLE = "visible"
    NOT_SEEN_YET = "not_seen_yet"
    REPLACED = "replaced"
    UNPUBLISHED = "unpublished"
    FAILED = "failed"


IN_PLACE = (PublicationState.PUBLISHED, PublicationState.VISIBLE, PublicationState.NOT_SEEN_YET)
_IS_IN_PLACE = "state in ('published', 'visible', 'not_seen_yet')"


class Publication(IdMixin, TimestampMixin, Base):
    __tablename__ = "publications"
    __table_args__ = (
        CheckConstraint("season >= 0 and number >= 0", name="numbers"),
        CheckConstraint("content_sha256 ~ '^[0-9a-f]{64}$' and master_sha256 ~ '^[0-9a-f]{64}$'", name="content"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint(
            f"not ({_IS_IN_PLACE}) or (sha256 is not null and modified_at is not null and published_at is not null)",
            name="in_place_has_file",
        ),
        CheckConstraint("state <> 'visible' or item_id is not null", name="visible_has_item"),
        CheckConstraint("state not in ('failed', 'not_seen_yet') or reason is not null", name="failed_has_reason"),
        Index(
            "uq_publications_path_in_place",
            "path",
            unique=True,
            postgresql_where=text("(state in ('published', 'visible', 'not_seen_yet'))"),
        ),
        Index("uq_publications_path_publishing", "path", unique=True, postgresql_where=text("(state = 'publishing')")),
        Index("ix_publications_episode_key_id", "episode_key", "id"),
        Index("ix_publications_library_series_folder", "library", "series_folder"),
        Index("ix_publications_sha256", "sha256"),
        Index("ix_publications_master_sha256", "master_sha256"),
        Index("ix_publications_project_id", "project_id"),
        {"schema": PUBLIC, "comment": "Publications of films, one row per version. At most one is in place at a path."},
    )

    project_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="SET NULL"))
    episode_key: Mapped[uuid.UUID] = mapped_column(comment="Key of the episode, on every branch.")
    commit_hash: Mapped[str | None] = mapped_column(comment="Commit of the story that it shows. Null: unknown.")
    state: Mapped[PublicationState] = mapped_column(text_enum(PublicationState, "state"))
    reason: Mapped[str | None] = mapped_column(comment="Reason of the state, in one sentence. Null: none is needed.")
    series_key: Mapped[str] = mapped_column(comment="Identifies the series under every name.")
    season: Mapped[int] = mapped_column(comment="Number of the season. 0: specials.")
    number: Mapped[int] = mapped_column(comment="Number of the episode in its season.")
    library: Mapped[str] = mapped_column(comment="Absolute path of the folder of all series.")
    series_folder: Mapped[str] = mapped_column(
        comment="Name of the folder of the series, kept if the series is renamed."
    )
    path: Mapped[str] = mapped_column(comment="Absolute path of the video in the library.")
    files: Mapped[list[Any]] = json_list("Absolute paths of the files that belong to this episode alone.")
    request: Mapped[dict[str, Any]] = mapped_column(comment="Texts, numbers and subtitles, to publish it again.")
    provenance: Mapped[dict[str, Any]] = mapped_column(comment="Project, commit, and the take and engine of each shot.")
    content_sha256: Mapped[str] = mapped_column(
        comment="SHA-256 over the film, the texts, the subtitles and the pictures. Equal: nothing to publish."
    )
    master_path: Mapped[str] = mapped_column(comment="Absolute path of the unsigned film, named by its content.")
    master_sha256: Mapped[str]
    poster_path: Mapped[str | None] = mapped_column(comment="Absolute path of the series' poster. Null: none.")
    thumb_path: Mapped[str | None] = mapped_column(comment="Absolute path of the episode's picture. Null: none.")
    probe: Mapped[dict[str, Any]] = mapped_column(comment="Properties read from the film: duration, size, frames, …")
    frame_hashes: Mapped[list[int | None]] = mapped_column(
        ARRAY(BigInteger), comment="Perceptual hash of the picture at each second. Null: a picture without features."
    )
    sha256: Mapped[str | None] = mapped_column(comment="SHA-256 of the published file. Null: not written yet.")
    mark_id: Mapped[str | None] = mapped_column(comment="URN of its C2PA manifest. Null: it is not marked.")
    unmarked_reason: Mapped[str | None] = mapped_column(comment="Reason why it is not marked. Null: it is, or not yet.")
    modified_at: Mapped[datetime | None] = mapped_column(
        comment="Date of the published file, never that of the file before. Null: not in place yet."
    )
    item_id: Mapped[str | None] = mapped_column(comment="Id of the item in Jellyfin. Null: it was not seen.")
    published_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None] = mapped_column(
        comment="Time when Jellyfin first listed it. Null: it was not seen."
    )
    ended_at: Mapped[datetime | None] = mapped_column(comment="Time when it left the library. Null: it is there.")
