"""Search the names, descriptions and dialogue of a project."""

from __future__ import annotations

import uuid
from typing import Annotated, Self

from fastapi import Query
from pydantic import BaseModel, Field

from api.errors import error_responses
from api.http.dependencies import DatabaseSession
from api.http.field_types import BranchQuery, ProjectQuery, StorableText
from api.http.strict_routes import strict_router
from tower.errors import InvalidError
from tower.story.search import SEARCHED_COLUMNS, SearchHit, search
from tower.versions.branches import MAIN
from tower.versions.kinds import Kind

router = strict_router(prefix="/api/anime", tags=["search"])


class HitAnswer(BaseModel):
    kind: Kind
    id: int | str = Field(description="The row id; for an episode its `key`.")
    key: uuid.UUID
    label: str = Field(description="Its name or number.")
    field: str = Field(description="The first field that matched.", examples=["dialogue"])
    snippet: str

    @classmethod
    def of(cls, hit: SearchHit) -> Self:
        shown_id = str(hit.key) if hit.kind == Kind.EPISODES else hit.id
        return cls(kind=hit.kind, id=shown_id, key=hit.key, label=hit.label, field=hit.field, snippet=hit.snippet)


@router.get("/search", responses=error_responses(404))
def search_project(
    project_id: ProjectQuery,
    q: Annotated[
        StorableText,
        Query(min_length=1, max_length=200, description="Words or parts of words. All of them must match."),
    ],
    session: DatabaseSession,
    *,
    branch: BranchQuery = None,
    kind: Annotated[list[Kind] | None, Query(description="Only these kinds.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[HitAnswer]:
    """Search a project's names, descriptions and dialogue. Matches of names come first."""
    if not q.strip():
        raise InvalidError.field("q", q, "a word to search for")
    kinds = tuple(kind) if kind else tuple(SEARCHED_COLUMNS)
    return [
        HitAnswer.of(hit) for hit in search(session, project_id, q, branch=branch or MAIN, kinds=kinds, limit=limit)
    ]
