"""The events of a story in the order in which they happen, and facts that are true from an event on.

Both belong to a branch but are not versioned: a new branch gets a copy, and no commit changes them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from db.models.characters import Character
from db.models.projects import Project
from db.models.scenes import Scene
from db.models.story import StorylineContext, StoryTimeline
from db.models.versions import Branch
from tower.errors import InvalidError, NotFoundError
from tower.pages import Page, PageRequest, fetch_page
from tower.story import entities
from tower.versions import branches
from tower.versions.kinds import Kind
from tower.versions.names import index_names

Row = TypeVar("Row", StoryTimeline, StorylineContext)


def find_row(session: Session, kind: type[Row], row_id: int, *, lock: bool = False) -> Row:
    """Return an event or fact, with its branch locked if `lock`.

    Raises NotFoundError, also for one of a deleted project.
    """
    rows = select(kind).join(Project, Project.id == kind.project_id)
    row = session.scalar(rows.where(kind.id == row_id, Project.deleted_at.is_(None)))
    if row is None:
        raise NotFoundError(f"There is no {'event' if kind is StoryTimeline else 'fact'} {row_id}")
    if lock:
        entities.lock_branch(session, row.project_id, get_branch_name(session, row.branch_id))
        session.refresh(row)
    return row


def get_branch_name(session: Session, branch_id: int) -> str:
    return session.get_one(Branch, branch_id).name


def list_events(session: Session, project_id: int, branch: str, page_request: PageRequest) -> Page[StoryTimeline]:
    """List the events in story order. Raises NotFoundError for an unknown project or branch."""
    branch_row = branches.find(session, project_id, branch)
    rows = select(StoryTimeline).where(StoryTimeline.branch_id == branch_row.id)
    return fetch_page(session, rows, StoryTimeline.position, page=page_request)


def add_event(
    session: Session, columns: Mapping[str, Any], *, project_id: int, branch: str, position: int | None
) -> StoryTimeline:
    """Add an event at `position`, where later events move up by one, or after the last event."""
    branch_row = entities.lock_branch(session, project_id, branch).branch
    events = _load_events(session, branch_row.id)
    event = StoryTimeline(project_id=project_id, branch_id=branch_row.id, position=len(events) + 1, **columns)
    session.add(event)
    session.flush()
    _renumber([*events[: _list_index(position, events)], event, *events[_list_index(position, events) :]])
    session.flush()
    session.refresh(event)
    return event


def change_event(
    session: Session, event: StoryTimeline, columns: Mapping[str, Any], *, position: int | None
) -> StoryTimeline:
    for name, value in columns.items():
        setattr(event, name, value)
    if position is not None:
        others = [other for other in _load_events(session, event.branch_id) if other is not event]
        _renumber([*others[: _list_index(position, others)], event, *others[_list_index(position, others) :]])
    event.version += 1
    session.flush()
    session.refresh(event)
    return event


def delete_event(session: Session, event: StoryTimeline) -> None:
    """Delete an event and the facts that begin with it. Facts that end with it lose their end."""
    rest = [other for other in _load_events(session, event.branch_id) if other is not event]
    session.delete(event)
    session.flush()
    _renumber(rest)
    session.flush()


def add_fact(session: Session, event: StoryTimeline, columns: Mapping[str, Any]) -> StorylineContext:
    """Add a fact that is true from the event on."""
    fact = StorylineContext(project_id=event.project_id, branch_id=event.branch_id, event_key=event.key, **columns)
    session.add(fact)
    session.flush()
    session.refresh(fact)
    return fact


def change_fact(session: Session, fact: StorylineContext, columns: Mapping[str, Any]) -> StorylineContext:
    for name, value in columns.items():
        setattr(fact, name, value)
    fact.version += 1
    session.flush()
    session.refresh(fact)
    return fact


def list_facts(
    session: Session, project_id: int, branch: str, *, at_event: int | None, page_request: PageRequest
) -> Page[StorylineContext]:
    """List all facts of a branch, or those that are true at an event. Raises NotFoundError."""
    branch_row = branches.find(session, project_id, branch)
    rows = select(StorylineContext).where(StorylineContext.branch_id == branch_row.id)
    if at_event is not None:
        event = find_event(session, at_event, branch_id=branch_row.id)
        begin, end = aliased(StoryTimeline), aliased(StoryTimeline)
        rows = (
            rows.join(begin, (begin.branch_id == branch_row.id) & (begin.key == StorylineContext.event_key))
            .outerjoin(end, (end.branch_id == branch_row.id) & (end.key == StorylineContext.until_event_key))
            .where(begin.position <= event.position, or_(end.id.is_(None), end.position > event.position))
        )
    return fetch_page(session, rows, StorylineContext.id, page=page_request)


def find_event(session: Session, event_id: int | uuid.UUID, *, branch_id: int) -> StoryTimeline:
    """Return an event of this branch by its id or key. Raises NotFoundError."""
    if isinstance(event_id, uuid.UUID):
        found = session.scalar(select(StoryTimeline).filter_by(key=event_id, branch_id=branch_id))
        if found is None:
            raise NotFoundError(f"Event {event_id} is not on the branch {get_branch_name(session, branch_id)!r}")
        return found
    event = find_row(session, StoryTimeline, event_id)
    if event.branch_id != branch_id:
        raise NotFoundError(f"Event {event_id} is not on the branch {get_branch_name(session, branch_id)!r}")
    return event


def character_keys(session: Session, names: Sequence[str], *, branch_id: int) -> list[uuid.UUID]:
    """Return the keys of these characters of the branch. Raises InvalidError for an unknown name."""
    known = index_names(session, branch_id, Kind.CHARACTERS)
    keys = []
    for name in names:
        key = known.find(name)
        if key is None:
            raise InvalidError.field("characters", name, "the name of a character on the branch")
        keys.append(key)
    return keys


def character_names(session: Session, branch_id: int) -> Mapping[uuid.UUID, str]:
    return dict(session.execute(select(Character.key, Character.name).where(Character.branch_id == branch_id)).all())


def find_scene_key(session: Session, scene_id: int | uuid.UUID | None, *, branch_id: int) -> uuid.UUID | None:
    """Return the key of a scene, given by id or key. Raises InvalidError for a scene that is not on the branch."""
    if scene_id is None:
        return None
    is_meant = Scene.key == scene_id if isinstance(scene_id, uuid.UUID) else Scene.id == scene_id
    key = session.scalar(select(Scene.key).where(is_meant, Scene.branch_id == branch_id))
    if key is None:
        raise InvalidError.field("scene_id", scene_id, "the id or key of a scene on the branch")
    return key


def _load_events(session: Session, branch_id: int) -> Sequence[StoryTimeline]:
    return session.scalars(
        select(StoryTimeline).where(StoryTimeline.branch_id == branch_id).order_by(StoryTimeline.position)
    ).all()


def _list_index(position: int | None, events: Sequence[StoryTimeline]) -> int:
    return len(events) if position is None else min(position - 1, len(events))


def _renumber(events: Sequence[StoryTimeline]) -> None:
    """Number the events from 1. The unique constraint is deferred, so positions may clash until commit."""
    for position, event in enumerate(events, start=1):
        event.position = position
