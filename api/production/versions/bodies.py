"""Requests and answers for branches, commits, merges and tags."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.http.field_types import BranchName, Message, OpenObject, RowId, StorableText, Text
from api.http.strict_routes import Body
from api.versions.answers import StaleScenes
from db.models.versions import Branch, Commit, Tag
from tower.versions.branches import MAIN
from tower.versions.history import ChangeType
from tower.versions.history import EntityChange as KeptChange
from tower.versions.kinds import Kind
from tower.versions.merge.branches import MergeConflict as KeptConflict
from tower.versions.merge.branches import MergeResult, Strategy

BRANCH_EXAMPLE: JsonValue = {"project_id": 1, "branch_name": "experimental_ending", "source_branch": "main"}
COMMIT_EXAMPLE: JsonValue = {
    "project_id": 1,
    "branch": "main",
    "message": "Added character backstory",
    "changes": {"characters": {"Kai Nakamura": {"backstory": "Raised by the shrine"}}, "scenes": {"3": None}},
}
MERGE_EXAMPLE: JsonValue = {
    "project_id": 1,
    "source_branch": "experimental_ending",
    "target_branch": "main",
    "message": "Merge experimental ending",
}
Ref = Annotated[StorableText, StringConstraints(min_length=1, max_length=200)]
StrategyField = Annotated[Strategy | None, Field(strict=False)]
Resolutions = Annotated[
    OpenObject,
    Field(description='For each path of a conflict: a value, "ours" (the target) or "theirs" (the source).'),
]


class NewBranch(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [BRANCH_EXAMPLE]})

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
    """Several changes in one commit: `{kind: {name, number or key: {field: value, …} or null}}`; null deletes."""

    model_config = ConfigDict(json_schema_extra={"examples": [COMMIT_EXAMPLE]})

    project_id: RowId
    branch: BranchName = Field(
        MAIN, validation_alias=AliasChoices("branch", "branch_name"), description="Also `branch_name`."
    )
    message: Message
    changes: OpenObject = Field(
        description="Kinds: bible, bible_characters, characters, scenes (by number), episodes, styles, story_arcs."
    )
    expected_head: Ref | None = Field(
        None, description="Full hash of the expected head of the branch; 412 if it differs."
    )


class MergeRequest(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [MERGE_EXAMPLE]})

    project_id: RowId
    source_branch: Ref = Field(
        validation_alias=AliasChoices("source_branch", "from_branch"),
        description="A branch, tag or commit. Also `from_branch`.",
    )
    target_branch: BranchName = Field(
        MAIN, validation_alias=AliasChoices("target_branch", "to_branch"), description="Also `to_branch`."
    )
    message: Message | None = None
    strategy: StrategyField = Field(
        None, description="The side that wins where both changed the same field; without it, 409 lists the conflicts."
    )
    resolutions: Resolutions = Field(default_factory=dict)
    dry_run: bool = Field(False, description="Only report what would happen.")


class RevertRequest(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"project_id": 1, "commit": "3f9a1c20"}]})

    project_id: RowId
    commit: Ref = Field(validation_alias=AliasChoices("commit", "commit_hash"), description="Hash or tag.")
    branch: BranchName = Field(
        MAIN, validation_alias=AliasChoices("branch", "branch_name"), description="Also `branch_name`."
    )
    message: Message | None = None
    strategy: StrategyField = None
    resolutions: Resolutions = Field(default_factory=dict)


class RestoreRequest(Body):
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
    head: str | None = Field(description="Hash of the newest commit.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Branch, head: str | None) -> Self:
        same = ("project_id", "description", "created_at", "updated_at")
        fields: dict[str, Any] = {name: getattr(row, name) for name in same}
        return cls(**fields, branch_name=row.name, head=head)


class CommitAnswer(BaseModel):
    commit_hash: str
    project_id: int
    branch_name: str = Field(description="The branch that the commit was made on.")
    message: str
    author: str
    parents: list[str] = Field(description="Hashes of the parents. The second one was merged.")
    created_at: datetime

    @classmethod
    def of(cls, row: Commit, parents: Sequence[str], **more: Any) -> Self:
        """The answer for a row. `more` has the fields of a subclass."""
        same = ("project_id", "branch_name", "message", "author", "created_at")
        fields: dict[str, Any] = {name: getattr(row, name) for name in same}
        return cls(**fields, commit_hash=row.hash, parents=list(parents), **more)


class CommitMade(CommitAnswer, StaleScenes):
    """A new commit, and the scenes that it made stale."""


class FieldChange(BaseModel):
    """`path` is `field`, or `field/inner` inside objects. A null value did not exist."""

    path: str
    before: Any
    after: Any


class EntityChange(BaseModel):
    kind: Kind
    key: uuid.UUID
    label: str = Field(description="Its name or number.", examples=["Kai Nakamura"])
    change: ChangeType
    fields: list[FieldChange]

    @classmethod
    def of(cls, kept: KeptChange) -> Self:
        return cls.model_validate(kept, from_attributes=True)


class CommitDetails(CommitAnswer):
    changes: list[EntityChange] = Field(description="Changes against its first parent.")


class Comparison(BaseModel):
    from_commit: str
    to_commit: str
    changes: list[EntityChange]


class MergeConflict(BaseModel):
    """Both sides changed the same field. `ours` is the target, `theirs` the source; null does not exist there."""

    path: str = Field(examples=["characters/Kai Nakamura/description"])
    key: uuid.UUID | None = Field(
        description="Key of the entity; null if the conflict is about the order of a whole kind."
    )
    base: Any
    ours: Any
    theirs: Any

    @classmethod
    def of(cls, kept: KeptConflict) -> Self:
        return cls.model_validate(kept.as_json())


class MergeAnswer(BaseModel):
    commit: CommitAnswer = Field(description="The head of the target after the merge; in a dry run, its current head.")
    fast_forward: bool
    up_to_date: bool = Field(description="There was nothing to merge.")
    dry_run: bool
    changes: list[EntityChange] = Field(description="Changes to the target.")
    conflicts: list[MergeConflict] = Field(description="Conflicts of a dry run. Otherwise conflicts are a 409.")
    decision_id: int | None = Field(description="The recorded creative decision, if any.")
    stale_scenes: list[int] | None = Field(
        description="Ids of the affected scenes whose accepted take is stale after the merge; "
        "null in a dry run with conflicts."
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
            changes=[EntityChange.of(change) for change in result.changed],
            conflicts=[MergeConflict.of(conflict) for conflict in result.conflicts],
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
        fields: dict[str, Any] = {name: getattr(row, name) for name in same}
        return cls(**fields, tag_name=row.name, commit_hash=commit_hash)


class DeletedRef(BaseModel):
    project_id: int
    name: str
