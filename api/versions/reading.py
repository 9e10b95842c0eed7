"""Reads of versioned entities: their current state on a branch, or their state at a commit or tag (`at`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import Response
from pydantic import BaseModel
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.http.etags import set_etag
from api.http.paging import Paging
from api.versions.answers import refuse_branch_with_at
from api.versions.entity_history import EntityVersion
from tower.pages import fetch_page, slice_page
from tower.story import entities
from tower.story.entities import KIND_OF_ROW, Entity, LocatedRow, PastEntity
from tower.versions import history
from tower.versions.kinds import KIND_SPECS, Kind

Answer = TypeVar("Answer", bound=BaseModel)
ToAnswers = Callable[[Session, Sequence[LocatedRow[Entity]]], list[Answer]]  # entities of one branch
PastToAnswers = Callable[[Session, Sequence[PastEntity]], list[Answer]]  # entities of one past state
AnyToAnswers = Callable[[Session, Sequence[LocatedRow[Entity]] | Sequence[PastEntity]], list[Answer]]


def read_entity(
    session: Session,
    kind: type[Entity],
    row_id: int,
    *,
    branch: str | None,
    at: str | None,
    response: Response,
    to_answers: AnyToAnswers[Entity, Answer],
    project_id: int | None = None,
) -> Answer:
    """Read one entity and set its ETag. `project_id` is the project that it must belong to.

    Raises NotFoundError, and InvalidError if both a branch and a past state are requested.
    """
    refuse_branch_with_at(branch, at)
    read: Sequence[LocatedRow[Entity]] | Sequence[PastEntity]
    if at is None:
        read = [entities.find_entity(session, kind, row_id, branch=branch, project_id=project_id)]
    else:
        read = [entities.find_past(session, kind, row_id, ref=at, project_id=project_id)]
    return with_etag(response, to_answers(session, read)[0])


def list_entities(
    session: Session,
    rows: Select[Entity],
    order: InstrumentedAttribute[int],
    *,
    project_id: int,
    branch: str,
    pages: Paging,
    to_answers: ToAnswers[Entity, Answer],
) -> list[Answer]:
    """A page of the rows of a branch, ordered by a column that is unique among them."""
    page = fetch_page(session, rows, order, page=pages.page_request)
    pages.set_next_link(page)
    return to_answers(session, [LocatedRow(row, project_id, branch) for row in page.rows])


def list_past(
    session: Session,
    kind: Kind,
    *,
    project_id: int,
    at: str,
    pages: Paging,
    to_answers: PastToAnswers[Answer],
    name: str = "",
) -> list[Answer]:
    """A page of the entities at a commit or tag, by name or number. `name` filters by a part of it, in any case."""
    by_key = history.entities_at(session, project_id, at, kind)
    past = [PastEntity(project_id, key, fields, at) for key, fields in by_key.items()]
    matching = [entity for entity in past if name.lower() in str(_name_of(kind, entity)).lower()]
    page = slice_page(sorted(matching, key=lambda entity: _name_of(kind, entity)), pages.page_request)
    pages.set_next_link(page)
    return to_answers(session, page.rows)


def list_versions(
    session: Session, kind: type[Entity], row_id: int, *, branch: str | None, pages: Paging
) -> list[EntityVersion]:
    """Every state of one entity, newest first."""
    found = entities.find_entity(session, kind, row_id, branch=branch)
    past = history.entity_history(
        session, found.project_id, found.branch, KIND_OF_ROW[kind], key=found.row.key, page_request=pages.page_request
    )
    return pages.answer(past, EntityVersion.of)


def with_etag(response: Response, answer: Answer) -> Answer:
    set_etag(response, answer)
    return answer


def _name_of(kind: Kind, entity: PastEntity) -> Any:
    return entity.fields[KIND_SPECS[kind].name_field]
