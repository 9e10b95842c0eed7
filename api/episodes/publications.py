"""What of an episode is and was in the library, and whether Jellyfin shows it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.episodes.routes import OptionalProject
from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSessions, ReadingSession
from api.http.field_types import RowId
from api.http.paging import Pages
from api.http.strict_routes import Body, strict_router
from db.engine import SessionFactory
from db.models.publications import Publication, PublicationState
from tower.errors import NotFoundError
from tower.films.publishing import note_published, record_unpublished
from tower.pages import fetch_page
from tower.publishing import ledger
from tower.publishing.film import EpisodeRef
from tower.publishing.setup import forget_in_jellyfin, look_in_jellyfin, open_publisher
from tower.settings import Settings

router = strict_router(prefix="/api/anime/episodes/{episode_id}", tags=["publications"])
LOOK_WITHIN_S = 10.0
SAME_FIELDS = (
    *("id", "project_id", "state", "reason", "season", "path", "sha256", "unmarked_reason"),
    *("created_at", "published_at", "seen_at", "ended_at"),
)


class PublicationAnswer(BaseModel):
    """A version of an episode in the library.

    `published`: it is in the library. `visible`: Jellyfin shows it. `not_seen_yet`: Jellyfin does not show it yet.
    """

    id: int
    episode_id: uuid.UUID
    project_id: int | None = Field(description="Null if the project was purged.")
    state: PublicationState
    reason: str | None = Field(description="The reason of the state; null: none is needed.")
    series: str
    season: int
    episode_number: int
    title: str
    path: str
    commit: str | None = Field(description="Commit of the story that it shows.")
    duration_seconds: float
    sha256: str | None = Field(description="Null until it is written.")
    is_marked: bool = Field(description="Whether it has a C2PA mark.")
    unmarked_reason: str | None
    jellyfin_item_id: str | None = Field(description="Null until Jellyfin shows it.")
    created_at: datetime
    published_at: datetime | None
    seen_at: datetime | None = Field(description="When Jellyfin first showed it.")
    ended_at: datetime | None = Field(description="When it left the library.")

    @classmethod
    def of(cls, row: Publication) -> Self:
        same: dict[str, Any] = {name: getattr(row, name) for name in SAME_FIELDS}
        return cls(
            **same,
            episode_id=row.episode_key,
            series=row.request["series"]["name"],
            episode_number=row.number,
            title=row.request["title"],
            commit=row.commit_hash,
            duration_seconds=row.probe["duration_s"],
            is_marked=row.mark_id is not None,
            jellyfin_item_id=row.item_id,
        )


class Rollback(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"publication_id": 3}]})

    publication_id: RowId | None = Field(None, description="By default the version before the present one.")


@router.get("/publications", responses=error_responses(404, 409))
def episode_publications(
    episode_id: uuid.UUID,
    session: ReadingSession,
    settings: CurrentSettings,
    pages: Pages,
    *,
    state: Annotated[PublicationState | None, Query(description="By default all.")] = None,
    project_id: OptionalProject = None,
) -> list[PublicationAnswer]:
    """Every version that is or was published, newest first, also of an episode that is deleted."""
    ref = ledger.find_ref(session, settings.library, episode_id, project_id=project_id)
    rows = ledger.select_history(settings.library, ref)
    if state is not None:
        rows = rows.where(Publication.state == state)
    page = fetch_page(session, rows, Publication.id, page=pages.page_request, newest_first=True)
    return pages.answer(page, PublicationAnswer.of)


@router.delete("/publication", responses=error_responses(404, 409))
def unpublish_episode(
    episode_id: uuid.UUID,
    sessions: DatabaseSessions,
    settings: CurrentSettings,
    *,
    project_id: OptionalProject = None,
) -> PublicationAnswer:
    """Remove the film and what stands beside it from the library. The film stays, and can be published again."""
    ref = _find_ref(sessions, settings, episode_id, project_id)
    row = open_publisher(sessions, settings).unpublish(ref)
    with sessions.begin() as session:
        record_unpublished(session, row)
    forget_in_jellyfin(settings, row)
    return PublicationAnswer.of(row)


@router.post("/publication/rollback", responses=error_responses(400, 404, 409, 413, 415))
def roll_back_episode(
    episode_id: uuid.UUID,
    body: Rollback,
    sessions: DatabaseSessions,
    settings: CurrentSettings,
    *,
    project_id: OptionalProject = None,
) -> PublicationAnswer:
    """Publish an earlier version again, with its texts and pictures, in place of the present one."""
    ref = _find_ref(sessions, settings, episode_id, project_id)
    row = open_publisher(sessions, settings).roll_back(ref, body.publication_id)
    with sessions.begin() as session:
        note_published(session, row)
    return PublicationAnswer.of(look_in_jellyfin(sessions, settings, row, within_s=LOOK_WITHIN_S))


@router.post("/publications/{publication_id}/look", responses=error_responses(404, 409))
def look_for_publication(
    episode_id: uuid.UUID,
    publication_id: RowId,
    sessions: DatabaseSessions,
    settings: CurrentSettings,
    *,
    project_id: OptionalProject = None,
) -> PublicationAnswer:
    """Ask Jellyfin again whether it shows the film. Takes up to 10 s; Tower also asks by itself for a week."""
    ref = _find_ref(sessions, settings, episode_id, project_id)
    with sessions() as session:
        row = _find_publication(session, settings, ref, publication_id)
    return PublicationAnswer.of(look_in_jellyfin(sessions, settings, row, within_s=LOOK_WITHIN_S))


def _find_ref(
    sessions: SessionFactory, settings: Settings, episode_id: uuid.UUID, project_id: int | None
) -> EpisodeRef:
    with sessions() as session:
        return ledger.find_ref(session, settings.library, episode_id, project_id=project_id)


def _find_publication(session: Session, settings: Settings, ref: EpisodeRef, publication_id: int) -> Publication:
    row = session.scalar(ledger.select_history(settings.library, ref).where(Publication.id == publication_id))
    if row is None:
        raise NotFoundError(f"The episode {ref.episode_key} has no publication {publication_id}")
    return row
