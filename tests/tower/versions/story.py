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
from tower.versions.editing import Edit
from tower.versions.kinds import BIBLE_KEY, Fields, Kind, Row
from tower.versions.merge import branches as merging
from tower.versions.merge.branches import MergeConflictError, MergeResult


@dataclass(frozen=True)
class Story:
    session: Session
    project_id: int

    def put(self, kind: Kind, branch: str = "main", *, key: uuid.UUID | None = None, **fields: Any) -> uuid.UUID:
        """Create the entity, or change it if `key` is known."""
        key = BIBLE_KEY if kind == Kind.BIBLE else key or uuid.uuid4()
        self.commit(Edit(kind, key, fields), branch=branch)
        return key

    def drop(self, kind: Kind, key: uuid.UUID, branch: str = "main") -> Commit:
        return self.commit(Edit(kind, key, None), branch=branch)

    def commit(self, *edits: Edit, branch: str = "main", expected_head: str | None = None) -> Commit:
        return editing.commit(
            self.session,
            project_id=self.project_id,
            branch=branch,
            edits=edits,
            message=f"{len(edits)} edits",
            author="tests",
            expected_head=expected_head,
        )

    def branch(self, name: str, source: str = "main") -> None:
        branches.create(self.session, self.project_id, name, source)

    def merge(self, source: str, target: str = "main", **how: Any) -> MergeResult:
        given = {"message": f"{source} into {target}", "author": "tests", **how}
        return merging.merge(self.session, project_id=self.project_id, source=source, target=target, **given)

    def conflicts(self, source: str, **how: Any) -> dict[str, tuple[Any, Any, Any]]:
        """The conflicts of a merge into main that must fail, by path: base, ours, theirs. Nothing changes."""
        head = self.commit()
        with pytest.raises(MergeConflictError) as refused:
            self.merge(source, **how)
        assert self.commit() == head
        assert self.findings() == []
        assert (refused.value.details or {})["conflicts"] == [one.as_json() for one in refused.value.conflicts]
        return {one.path: (one.base, one.ours, one.theirs) for one in refused.value.conflicts}

    def at(self, ref: str, kind: Kind) -> dict[uuid.UUID, Fields]:
        return history.entities(self.session, self.project_id, ref, kind)

    def row(self, kind: Kind, key: uuid.UUID, branch: str = "main") -> Row:
        return editing.entity(self.session, self.project_id, branch, kind, key=key)

    def findings(self) -> list[str]:
        """The faults that fsck finds."""
        return [finding.what for finding in fsck.examine(self.session, project_id=self.project_id)]


def a_story(session: Session) -> Story:
    project = Project(name="A project")
    session.add(project)
    session.flush()
    return Story(session, project.id)
