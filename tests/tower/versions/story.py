"""A project with short methods for edits in tests."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.versions import Commit
from tower.versions import branches, editing, fsck, history
from tower.versions.editing import EntityEdit
from tower.versions.kinds import BIBLE_KEY, Fields, Kind, Row
from tower.versions.merge import branches as merging
from tower.versions.merge.branches import MergeConflictError, MergeResult


@dataclass(frozen=True)
class VersionedStory:
    session: Session
    project_id: int

    def put(self, kind: Kind, branch: str = "main", *, key: uuid.UUID | None = None, **fields: Any) -> uuid.UUID:
        """Create the entity, or change it if `key` is known."""
        key = BIBLE_KEY if kind == Kind.BIBLE else key or uuid.uuid4()
        self.commit(EntityEdit(kind, key, fields), branch=branch)
        return key

    def delete(self, kind: Kind, key: uuid.UUID, branch: str = "main") -> Commit:
        return self.commit(EntityEdit(kind, key, None), branch=branch)

    def commit(self, *edits: EntityEdit, branch: str = "main", expected_head: str | None = None) -> Commit:
        return editing.commit_edits(
            self.session,
            project_id=self.project_id,
            branch=branch,
            edits=edits,
            message=f"{len(edits)} edits",
            author="tests",
            expected_head=expected_head,
        )

    def create_branch(self, name: str, source: str = "main") -> None:
        branches.create(self.session, self.project_id, name, source)

    def merge(self, source: str, target: str = "main", **options: Any) -> MergeResult:
        merge_options = {"message": f"{source} into {target}", "author": "tests", **options}
        return merging.merge_branch(
            self.session, project_id=self.project_id, source=source, target=target, **merge_options
        )

    def require_conflicts(self, source: str, **options: Any) -> dict[str, tuple[Any, Any, Any]]:
        """The conflicts of a merge into main that must fail, by path, as base, ours and theirs. Nothing changes."""
        head = self.commit()
        with pytest.raises(MergeConflictError) as refused:
            self.merge(source, **options)
        assert self.commit() == head
        assert self.check_integrity() == []
        assert (refused.value.details or {})["conflicts"] == [
            conflict.as_json() for conflict in refused.value.conflicts
        ]
        return {conflict.path: (conflict.base, conflict.ours, conflict.theirs) for conflict in refused.value.conflicts}

    def entities_at(self, ref: str, kind: Kind) -> dict[uuid.UUID, Fields]:
        return history.entities_at(self.session, self.project_id, ref, kind)

    def find_row(self, kind: Kind, key: uuid.UUID, branch: str = "main") -> Row:
        return editing.get_row(self.session, self.project_id, branch, kind, key=key)

    def check_integrity(self) -> list[str]:
        """The faults found by fsck."""
        return [finding.message for finding in fsck.check_project(self.session, project_id=self.project_id)]


def create_story(session: Session) -> VersionedStory:
    project = Project(name="A project")
    session.add(project)
    session.flush()
    return VersionedStory(session, project.id)
