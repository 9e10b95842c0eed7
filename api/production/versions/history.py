"""The history of a project: its commits, comparisons of two states, and the history of one entity."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Path, Query
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.authors import Author
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession
from api.http.field_types import ProjectQuery
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.versions.bodies import (
    CommitAnswer,
    CommitDetails,
    CommitMade,
    Comparison,
    EntityChange,
    Ref,
    RestoreRequest,
)
from api.versions.answers import stale_after_commit
from api.versions.entity_history import EntityVersion
from tower.pages import Page
from tower.versions import editing, history
from tower.versions.branches import MAIN
from tower.versions.kinds import BIBLE_KEY, Kind
from tower.versions.merge import revert

router = strict_router(prefix="/api/anime", tags=["versions"])

RefQuery = Annotated[Ref, Query(description="A branch, a tag, or the hash of a commit (its beginning is enough).")]
EntityKey = Annotated[
    str,
    Path(
        max_length=200,
        description="Its `key`, its name on the branch, or the id of its row there; `bible` for the bible.",
    ),
]


@router.get("/commits", responses=error_responses(404))
def list_commits(
    project_id: ProjectQuery, session: ReadingSession, pages: Pages, branch: RefQuery = MAIN
) -> list[CommitAnswer]:
    """The commits of a branch, tag or commit, newest first, including those of merged branches."""
    found = history.list_commits(
        session, project_id, branch, limit=pages.page_request.limit, before=pages.page_request.cursor
    )
    page = Page(found.commits, found.next_cursor)
    return pages.answer(page, lambda commit: CommitAnswer.of(commit, found.parents[commit.id]))


@router.get("/commits/{commit_hash}", responses=error_responses(404))
def get_commit(commit_hash: Ref, project_id: ProjectQuery, session: ReadingSession) -> CommitDetails:
    """A commit with its changes. Also accepts a tag or the beginning of a hash."""
    commit = history.resolve_ref(session, project_id, commit_hash)
    changes = [EntityChange.of(change) for change in history.diff_with_parent(session, commit)]
    return CommitDetails.of(commit, history.parent_hashes(session, commit), changes=changes)


@router.get("/compare", responses=error_responses(404))
def compare_states(
    project_id: ProjectQuery,
    session: DatabaseSession,
    from_: Annotated[Ref, Query(alias="from", description="A branch, a tag, or the hash of a commit.")],
    to: RefQuery = MAIN,
) -> Comparison:
    """The differences of `to` from `from`, field by field. Both are branches, tags or commits."""
    before, after = (history.resolve_ref(session, project_id, ref) for ref in (from_, to))
    changed = [EntityChange.of(change) for change in history.diff_commits(session, before, after)]
    return Comparison(from_commit=before.hash, to_commit=after.hash, changes=changed)


@router.get("/history/{kind}/{key}", responses=error_responses(404))
def entity_history(
    kind: Kind,
    key: EntityKey,
    project_id: ProjectQuery,
    session: DatabaseSession,
    pages: Pages,
    *,
    branch: RefQuery = MAIN,
) -> list[EntityVersion]:
    """Every state of an entity, newest first, with the commits that made them. A deleted one is found by its key."""
    entity_key = _entity_key(session, project_id, branch, kind, key=key)
    page = history.entity_history(session, project_id, branch, kind, key=entity_key, page_request=pages.page_request)
    return pages.answer(page, EntityVersion.of)


@router.post("/history/{kind}/{key}/restore", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def restore_entity(
    kind: Kind,
    key: EntityKey,
    body: RestoreRequest,
    session: DatabaseSession,
    *,
    settings: CurrentSettings,
    author: Author,
) -> CommitMade:
    """Restore the state that an entity had at a commit, in a new commit."""
    with session.begin():
        made = revert.restore_entity(
            session,
            project_id=body.project_id,
            branch=body.branch,
            kind=kind,
            key=_entity_key(session, body.project_id, body.branch, kind, key=key),
            ref=body.commit,
            author=author,
        )
        stale = stale_after_commit(session, made, body.branch, settings)
        return CommitMade.of(made, history.parent_hashes(session, made), stale_scenes=stale)


def _entity_key(session: Session, project_id: int, branch: str, kind: Kind, *, key: str) -> uuid.UUID:
    if kind == Kind.BIBLE:
        return BIBLE_KEY
    if key.isdecimal():
        return editing.get_row(session, project_id, branch, kind, key=key).key
    try:
        return uuid.UUID(key)
    except ValueError:
        return history.find_key_by_name(session, project_id, branch, kind, name=key)
