"""Reads of versioned entities: their current state on a branch, or their state at a commit or tag (`at`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Response
from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute, Session

from api.http.dependencies import ReadingSession
from api.http.etags import set_etag
from api.http.field_types import AtQuery, BranchQuery
from api.http.paging import Paging
from api.versions.answers import refuse_branch_with_at
from api.versions.entity_history import EntityVersion
from api.versions.resources import Answer, EditedAnswer, EntityResource, VersionedResource
from tower.names import name_key
from tower.pages import fetch_page, slice_page
from tower.story import entities
from tower.story.entities import KIND_OF_ROW, Entity, LocatedRow, PastEntity
from tower.versions import history
from tower.versions.branches import MAIN
from tower.versions.kinds import KIND_SPECS, Kind


@dataclass(frozen=True)
class ReadContext:
    """The state that a read is of, and the response that gets the ETag."""

    session: Session
    response: Response
    branch: str | None
    at: str | None


async def _read_context(
    session: ReadingSession, response: Response, branch: BranchQuery = None, at: AtQuery = None
) -> ReadContext:
    return ReadContext(session, response, branch, at)


Reading = Annotated[ReadContext, Depends(_read_context)]


def read_entity(
    resource: VersionedResource[Entity, Answer, EditedAnswer],
    read: ReadContext,
    row_id: int,
    *,
    project_id: int | None = None,
) -> Answer:
    """Read one entity and set its ETag. `project_id` is the project that it must belong to.

    Raises NotFoundError, and InvalidError if both a branch and a past state are requested.
    """
    refuse_branch_with_at(read.branch, read.at)
    session, kind = read.session, resource.kind
    found: Sequence[LocatedRow[Entity]] | Sequence[PastEntity]
    if read.at is None:
        found = [entities.find_entity(session, kind, row_id, branch=read.branch, project_id=project_id)]
    else:
        found = [entities.find_past(session, kind, row_id, ref=read.at, project_id=project_id)]
    return with_etag(read.response, resource.to_answers(session, found)[0])


def list_entities(
    resource: EntityResource[Entity, Answer, EditedAnswer],
    session: Session,
    pages: Paging,
    *,
    project_id: int,
    branch: str | None,
    where: Iterable[ColumnElement[bool]] = (),
    order: InstrumentedAttribute[int] | None = None,
) -> list[Answer]:
    """A page of the entities of a branch that match all conditions.

    `order` is a column that is unique among them; by default they are in the order of creation.
    """
    rows = entities.select_on_branch(session, resource.kind, project_id=project_id, branch=branch or MAIN).where(*where)
    page = fetch_page(session, rows, resource.kind.id if order is None else order, page=pages.page_request)
    pages.set_next_link(page)
    return resource.to_answers(session, entities.locate_rows(session, page.rows))


def list_present_or_past(
    resource: VersionedResource[Entity, Answer, EditedAnswer],
    session: Session,
    pages: Paging,
    *,
    project_id: int,
    branch: str | None,
    at: str | None,
    where: Iterable[ColumnElement[bool]] = (),
    order: InstrumentedAttribute[int] | None = None,
    name: str = "",
) -> list[Answer]:
    """What list_entities answers for a branch, or list_past for a commit or tag (`at`).

    `where` applies only to a branch, `name` only to a past state. Raises InvalidError if both are requested.
    """
    refuse_branch_with_at(branch, at)
    if at is None:
        return list_entities(resource, session, pages, project_id=project_id, branch=branch, where=where, order=order)
    return list_past(resource, session, pages, project_id=project_id, at=at, name=name)


def list_past(
    resource: VersionedResource[Entity, Answer, EditedAnswer],
    session: Session,
    pages: Paging,
    *,
    project_id: int,
    at: str,
    name: str = "",
) -> list[Answer]:
    """A page of the entities at a commit or tag, by name or number. `name` filters by a part of it, in any case."""
    kind = KIND_OF_ROW[resource.kind]
    by_key = history.entities_at(session, project_id, at, kind)
    past = [PastEntity(project_id, key, fields, at) for key, fields in by_key.items()]
    matching = [entity for entity in past if name_key(name) in name_key(str(_name_of(kind, entity)))]
    page = slice_page(sorted(matching, key=lambda entity: _name_of(kind, entity)), pages.page_request)
    pages.set_next_link(page)
    return resource.to_answers(session, page.rows)


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
