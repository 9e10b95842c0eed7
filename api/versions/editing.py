"""Edits of versioned entities: each is one commit on a branch and answers the entity with its new ETag."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Response
from pydantic import Field
from sqlalchemy.orm import Session

from api.http.authors import Author
from api.http.dependencies import CurrentSettings, DatabaseSession
from api.http.etags import require_match, set_etag
from api.http.field_types import EditFields
from api.versions.answers import StaleScenes, stale_after_commit, stale_after_edit
from api.versions.resources import Answer, EditedAnswer, EntityResource
from tower.settings import Settings
from tower.story import entities
from tower.story.entities import CommitNote, Entity, LocatedRow
from tower.versions.branches import MAIN

FindToChange = Callable[[], LocatedRow[Entity]]  # called in the transaction of the edit; locks the branch


@dataclass(frozen=True)
class EditContext:
    """The session and author of an edit, the settings, and the response that gets the headers."""

    session: Session
    author: str
    settings: Settings
    response: Response

    def make_note(self, body: EditFields) -> CommitNote:
        return CommitNote(self.author, body.commit_message)

    def find(
        self, kind: type[Entity], row_id: int, branch: str | None, *, project_id: int | None = None
    ) -> LocatedRow[Entity]:
        """Find an entity and lock its branch. Raises NotFoundError."""
        return entities.find_entity(self.session, kind, row_id, branch=branch, lock=True, project_id=project_id)

    def finder(
        self, kind: type[Entity], row_id: int, branch: str | None, *, project_id: int | None = None
    ) -> FindToChange[Entity]:
        """`find` with these arguments, for a transaction that has not begun yet."""
        return partial(self.find, kind, row_id, branch, project_id=project_id)


async def _edit_context(
    session: DatabaseSession, author: Author, settings: CurrentSettings, response: Response
) -> EditContext:
    return EditContext(session, author, settings, response)


Editing = Annotated[EditContext, Depends(_edit_context)]


class DeletedEntity(StaleScenes):
    """The deleted entity. Revert `commit` to restore it."""

    key: uuid.UUID
    commit: str = Field(description="Hash of the commit.")
    branch_name: str


def create_entity(
    resource: EntityResource[Entity, Answer, EditedAnswer],
    edit: EditContext,
    body: EditFields,
    *,
    project_id: int,
    fields: Callable[[], Mapping[str, Any]],
) -> EditedAnswer:
    """Create an entity. `fields` is called while its branch is locked. Raises what entities.insert_entity raises."""
    with edit.session.begin():
        on = entities.lock_branch(edit.session, project_id, body.branch_name or MAIN)
        made = entities.insert_entity(edit.session, resource.kind, fields(), head=on, note=edit.make_note(body))
    return answer_edit(
        resource, edit, made, stale_scenes=stale_after_edit(edit.session, made, edit.settings), is_new=True
    )


def change_entity(
    resource: EntityResource[Entity, Answer, EditedAnswer],
    edit: EditContext,
    body: EditFields,
    *,
    find: FindToChange[Entity],
    if_match: str | None,
    fields: Callable[[LocatedRow[Entity]], Mapping[str, Any]],
) -> EditedAnswer:
    """Set the fields that `fields` gives, if the entity has not changed since the caller read it.

    Raises PreconditionFailedError if it has, and what entities.update_entity raises.
    """
    with edit.session.begin():
        found = find()
        require_match(if_match, lambda: resource.to_answers(edit.session, [found])[0])
        before = found.fields
        changed = entities.update_entity(edit.session, found, fields(found), note=edit.make_note(body))
    stale = stale_after_edit(edit.session, changed, edit.settings, before)
    return answer_edit(resource, edit, changed, stale_scenes=stale)


def delete_entity(edit: EditContext, find: FindToChange[Entity]) -> DeletedEntity:
    """Delete an entity from its branch. Its history stays."""
    with edit.session.begin():
        found = find()
        key = found.row.key  # the row does not exist after the deletion
        made = entities.remove_entity(edit.session, found, note=CommitNote(edit.author))
        stale = stale_after_commit(edit.session, made, found.branch, edit.settings)
        return DeletedEntity(key=key, commit=made.hash, branch_name=found.branch, stale_scenes=stale)


def answer_edit(
    resource: EntityResource[Entity, Answer, EditedAnswer],
    edit: EditContext,
    found: LocatedRow[Entity],
    *,
    stale_scenes: Sequence[int] = (),
    is_new: bool = False,
) -> EditedAnswer:
    """The entity after an edit, with the ETag that a read of it has. A new one has a Location."""
    answer = resource.to_answers(edit.session, [found])[0]
    set_etag(edit.response, answer)
    if is_new:
        edit.response.headers["Location"] = (
            f"{resource.path.format(project_id=found.project_id)}/{answer.model_dump()['id']}"
        )
    return resource.answer_as.model_validate({**answer.model_dump(), "stale_scenes": list(stale_scenes)})
