"""What branches, commits, merges and tags are asked with and answered with."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.http.strict_routes import Body
from api.production.field_types import Asked, BranchName, Message, OpenObject, RowId, Text
from api.production.versions.answers import Touching
from db.models.versions import Branch, Commit, Tag
from tower.versions.branches import MAIN
from tower.versions.history import Change
from tower.versions.history import EntityChange as KeptChange
from tower.versions.kinds import Kind
from tower.versions.merge.branches import Conflict as KeptConflict
from tower.versions.merge.branches import MergeResult, Strategy

NEW: JsonValue = {"project_id": 1, "branch_name": "experimental_ending", "source_branch": "main"}
COMMIT: JsonValue = {
    "project_id": 1,
    "branch": "main",
    "message": "Added character backstory",
    "changes": {"characters": {"Kai Nakamura": {"backstory": "Raised by the shrine"}}, "scenes": {"3": None}},
}
MERGE: JsonValue = {
    "project_id": 1,
    "source_branch": "experimental_ending",
    "target_branch": "main",
    "message": "Merge experimental ending",
}
Ref = Annotated[Asked, StringConstraints(min_length=1, max_length=200)]
OneStrategy = Annotated[Strategy | None, Field(strict=False)]
Resolutions = Annotated[
    OpenObject,
    Field(description='By the path of a conflict: a value, or "ours" (the target) or "theirs" (the source).'),
]


class NewBranch(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [NEW]})

    project_id: RowId
    branch_name: BranchName = Field(
        validation_alias=AliasChoices("branch_name", "new_branch"), description="Also `new_branch`."
    )
    source_branch: Ref = Field(
        MAIN,
        validation_alias=AliasChoices("source_branch", "from_branch"),
        description="A branch, tag or commit. Also `from_branch`.",
    )
    description: Text = ""


class NewCommit(Body):
    """Several changes at once, all or none: `{kind: {name, number or key: {field: value, …} or null}}`."""

    model_config = ConfigDict(json_schema_extra={"examples": [COMMIT]})

    project_id: RowId
    branch: BranchName = Field(
        MAIN, validation_alias=AliasChoices("branch", "branch_name"), description="Also `branch_name`."
    )
    message: Message
    changes: OpenObject = Field(
        description="Kinds: bible, bible_characters, characters, scenes (by number), episodes, styles, story_arcs."
    )
    expected_head: Ref | None = Field(None, description="The whole hash that the branch must be at, or 412.")


class Merge(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [MERGE]})

    project_id: RowId
    source_branch: Ref = Field(
        validation_alias=AliasChoices("source_branch", "from_branch"),
        description="A branch, tag or commit. Also `from_branch`.",
    )
    target_branch: BranchName = Field(
        MAIN, validation_alias=AliasChoices("target_branch", "to_branch"), description="Also `to_branch`."
    )
    message: Message | None = None
    strategy: OneStrategy = Field(
        None, description="Who wins where both changed the same; without it a 409 says where."
    )
    resolutions: Resolutions = Field(default_factory=dict)
    dry_run: bool = Field(False, description="Only say what it would do.")


class Revert(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"project_id": 1, "commit": "3f9a1c20"}]})

    project_id: RowId
    commit: Ref = Field(validation_alias=AliasChoices("commit", "commit_hash"), description="Hash or tag.")
    branch: BranchName = Field(
        MAIN, validation_alias=AliasChoices("branch", "branch_name"), description="Also `branch_name`."
    )
    message: Message | None = None
    strategy: OneStrategy = None
    resolutions: Resolutions = Field(default_factory=dict)


class Restore(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"project_id": 1, "commit": "3f9a1c20"}]})

    project_id: RowId
    commit: Ref = Field(validation_alias=AliasChoices("commit", "commit_hash"), description="Hash, tag or branch.")
    branch: BranchName = Field(
        MAIN, validation_alias=AliasChoices("branch", "branch_name"), description="Also `branch_name`."
    )


class NewTag(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"project_id": 1, "tag_name": "pilot"}]})

    project_id: RowId
    tag_name: BranchName = Field(validation_alias=AliasChoices("tag_name", "name"), description="Also `name`.")
    commit: Ref = Field(MAIN, validation_alias=AliasChoices("commit", "commit_hash"), description="Commit or branch.")
    message: Text = ""


class BranchAnswer(BaseModel):
    project_id: int
    branch_name: str
    description: str
    head: str | None = Field(description="Hash of its newest commit.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Branch, head: str | None) -> Self:
        same = ("project_id", "description", "created_at", "updated_at")
        shown: dict[str, Any] = {name: getattr(row, name) for name in same}
        return cls(**shown, branch_name=row.name, head=head)


class CommitAnswer(BaseModel):
    commit_hash: str
    project_id: int
    branch_name: str = Field(description="The branch that it was made on.")
    message: str
    author: str
    parents: list[str] = Field(description="Hashes; the second is the one that was merged.")
    created_at: datetime

    @classmethod
    def of(cls, row: Commit, parents: Sequence[str], **more: Any) -> Self:
        """`more`: the fields of a subclass."""
        same = ("project_id", "branch_name", "message", "author", "created_at")
        shown: dict[str, Any] = {name: getattr(row, name) for name in same}
        return cls(**shown, commit_hash=row.hash, parents=list(parents), **more)


class CommitMade(CommitAnswer, Touching):
    """A new commit, and what it did to accepted takes."""


class FieldChange(BaseModel):
    """`path` is `field` or, inside objects, `field/inner`; null: it was not there."""

    path: str
    before: Any
    after: Any


class EntityChange(BaseModel):
    kind: Kind
    key: uuid.UUID
    label: str = Field(description="Its name or number.", examples=["Kai Nakamura"])
    change: Change
    fields: list[FieldChange]

    @classmethod
    def of(cls, kept: KeptChange) -> Self:
        return cls.model_validate(kept, from_attributes=True)


class CommitDetails(CommitAnswer):
    changes: list[EntityChange] = Field(description="Against its first parent.")


class Comparison(BaseModel):
    from_commit: str
    to_commit: str
    changes: list[EntityChange]


class Conflict(BaseModel):
    """Both sides changed the same: ours is the target, theirs the source; null: it is not there."""

    path: str = Field(examples=["characters/Kai Nakamura/description"])
    key: uuid.UUID | None = Field(description="Of the thing; null: the conflict is about the order of a whole kind.")
    base: Any
    ours: Any
    theirs: Any

    @classmethod
    def of(cls, kept: KeptConflict) -> Self:
        return cls.model_validate(kept.as_json())


class MergeAnswer(BaseModel):
    commit: CommitAnswer = Field(description="The head of the target afterwards; in a dry run, as it is.")
    fast_forward: bool
    up_to_date: bool = Field(description="There was nothing to bring in.")
    dry_run: bool
    changes: list[EntityChange] = Field(description="What the target gains.")
    conflicts: list[Conflict] = Field(description="Of a dry run; else they are answered 409.")
    decision_id: int | None = Field(description="Where it is noted among the creative decisions; null: not at all.")
    stale_scenes: list[int] | None = Field(
        description="The ids of the scenes that it touches and whose accepted take is out of date now; null: a dry run."
    )

    @classmethod
    def of(
        cls,
        result: MergeResult,
        parents: Sequence[str],
        *,
        dry_run: bool = False,
        decision_id: int | None = None,
        stale_scenes: list[int] | None = None,
    ) -> Self:
        return cls(
            commit=CommitAnswer.of(result.commit, parents),
            fast_forward=result.fast_forward,
            up_to_date=result.up_to_date,
            dry_run=dry_run,
            changes=[EntityChange.of(one) for one in result.changed],
            conflicts=[Conflict.of(one) for one in result.conflicts],
            decision_id=decision_id,
            stale_scenes=stale_scenes,
        )


class TagAnswer(BaseModel):
    project_id: int
    tag_name: str
    commit_hash: str
    message: str
    author: str
    created_at: datetime

    @classmethod
    def of(cls, row: Tag, commit_hash: str) -> Self:
        same = ("project_id", "message", "author", "created_at")
        shown: dict[str, Any] = {name: getattr(row, name) for name in same}
        return cls(**shown, tag_name=row.name, commit_hash=commit_hash)


class Removed(BaseModel):
    project_id: int
    name: str
