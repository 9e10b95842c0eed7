"""Edits of versioned entities: each is one commit on a branch and answers the entity with its new ETag."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.http.authors import Author
from api.http.dependencies import CurrentSettings
from api.http.etags import require_match, set_etag
from api.http.field_types import EditFields
from api.versions.answers import StaleScenes, stale_after_commit, stale_after_edit
from api.versions.reading import Answer, ToAnswers
from tower.settings import Settings
from tower.story import entities
from tower.story.entities import CommitNote, Entity, LocatedRow
from tower.versions.branches import MAIN

EditedAnswer = TypeVar("EditedAnswer", bound=BaseModel)
FindToChange = Callable[[], LocatedRow[Entity]]  # called in the transaction of the edit; locks the branch


@dataclass(frozen=True)
class EditContext:
    """The author of an edit, the settings, and the response that gets the headers."""

    author: str
    settings: Settings
    response: Response

    def make_note(self, body: EditFields) -> CommitNote:
        return CommitNote(self.author, body.message)


async def _edit_context(author: Author, settings: CurrentSettings, response: Response) -> EditContext:
    return EditContext(author, settings, response)


Editing = Annotated[EditContext, Depends(_edit_context)]


class DeletedEntity(StaleScenes):
    """The deleted entity. Revert `commit` to restore it."""

    key: uuid.UUID
    commit: str = Field(description="Hash of the commit.")
    branch_name: str


def create_entity(
    session: Session,
    kind: type[Entity],
    edit: EditContext,
    *,
    project_id: int,
    branch: str | None,
    fields: Callable[[], Mapping[str, Any]],
    note: CommitNote,
    to_answers: ToAnswers[Entity, Answer],
    answer_as: type[EditedAnswer],
    location: str,
) -> EditedAnswer:
    """Create an entity. `fields` is called while its branch is locked; `location` is the path of its list.

    `answer_as` has the fields of the answer, and optionally `stale_scenes`. Raises what entities.create raises.
    """
    with session.begin():
        on = entities.lock_branch(session, project_id, branch or MAIN)
        made = entities.insert_entity(session, kind, fields(), head=on, note=note)
    stale = stale_after_edit(session, made, edit.settings)
    return answer_edit(
        session, made, edit, to_answers=to_answers, answer_as=answer_as, stale_scenes=stale, location=location
    )


def change_entity(
    session: Session,
    edit: EditContext,
    *,
    find: FindToChange[Entity],
    if_match: str | None,
    fields: Callable[[LocatedRow[Entity]], Mapping[str, Any]],
    note: CommitNote,
    to_answers: ToAnswers[Entity, Answer],
    answer_as: type[EditedAnswer],
) -> EditedAnswer:
    """Set the fields that `fields` gives, if the entity has not changed since the caller read it.

    Raises PreconditionFailedError if it has, and what entities.change raises.
    """
    with session.begin():
        found = find()
        require_match(if_match, lambda: to_answers(session, [found])[0])
        before = found.fields
        changed = entities.update_entity(session, found, fields(found), note=note)
    stale = stale_after_edit(session, changed, edit.settings, before)
    return answer_edit(session, changed, edit, to_answers=to_answers, answer_as=answer_as, stale_scenes=stale)


def delete_entity(session: Session, edit: EditContext, *, find: FindToChange[Entity]) -> DeletedEntity:
    """Delete an entity from its branch. Its history stays."""
    with session.begin():
        found = find()
        key = found.row.key  # the row does not exist after the deletion
        made = entities.remove_entity(session, found, note=CommitNote(edit.author))
        stale = stale_after_commit(session, made, found.branch, edit.settings)
        return DeletedEntity(key=key, commit=made.hash, branch_name=found.branch, stale_scenes=stale)


def answer_edit(
    session: Session,
    found: LocatedRow[Entity],
    edit: EditContext,
    *,
    to_answers: ToAnswers[Entity, Answer],
    answer_as: type[EditedAnswer],
    stale_scenes: Sequence[int] = (),
    location: str | None = None,
) -> EditedAnswer:
    """The entity after an edit, with the ETag that a read of it has."""
    answer = to_answers(session, [found])[0]
    set_etag(edit.response, answer)
    if location is not None:
        edit.response.headers["Location"] = f"{location}/{answer.model_dump()['id']}"
    return answer_as.model_validate({**answer.model_dump(), "stale_scenes": list(stale_scenes)})
