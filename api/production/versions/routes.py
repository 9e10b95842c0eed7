"""Branches, commits, merges, reverts and tags of a project's story."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.authors import Author
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession
from api.http.field_types import ProjectQuery
from api.http.strict_routes import strict_router
from api.production.versions.bodies import (
    BranchAnswer,
    CommitMade,
    DeletedRef,
    MergeAnswer,
    MergeRequest,
    NewBranch,
    NewCommit,
    NewTag,
    Ref,
    RevertRequest,
    TagAnswer,
)
from api.versions.answers import stale_after_commit, stale_on_branch
from db.models.review import DecisionKind
from db.models.versions import Commit
from tower.errors import ConflictError
from tower.review import decisions
from tower.review.decisions import DecisionInput
from tower.settings import Settings
from tower.staleness import affected
from tower.story import media_references
from tower.versions import branches, changes, editing, history, tags
from tower.versions.merge import branches as merging
from tower.versions.merge import revert
from tower.versions.merge.branches import MergeResult

router = strict_router(prefix="/api/anime", tags=["versions"])


@router.post("/branch", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_branch(body: NewBranch, session: DatabaseSession) -> BranchAnswer:
    """Create a branch from a branch, a tag or a commit."""
    with session.begin(), _free_name(body.branch_name):
        made = branches.create(
            session, body.project_id, body.branch_name, body.source_branch, description=body.description
        )
        session.refresh(made)
        return BranchAnswer.of(made, _hashes(session, [made.head_id])[made.head_id])


@router.get("/branches", responses=error_responses(404))
def list_branches(project_id: ProjectQuery, session: ReadingSession) -> list[BranchAnswer]:
    """All branches of a project, `main` first, then by name."""
    return [BranchAnswer.of(row, head) for row, head in branches.list_all(session, project_id)]


@router.delete("/branch", responses=error_responses(404, 409))
def delete_branch(project_id: ProjectQuery, branch_name: Ref, session: DatabaseSession) -> DeletedRef:
    """Delete a branch, except `main`. Its commits stay: create a branch from the last one to restore it."""
    with session.begin():
        branches.delete(session, project_id, branch_name)
    return DeletedRef(project_id=project_id, name=branch_name)


@router.post("/commit", status_code=201, responses=error_responses(400, 404, 409, 412, 413, 415))
def commit_changes(body: NewCommit, session: DatabaseSession, settings: CurrentSettings, author: Author) -> CommitMade:
    """Commit several changes at once. If nothing changes, there is no commit and the answer is the head."""
    with session.begin():
        edits = changes.parse_changes(session, project_id=body.project_id, branch=body.branch, changes=body.changes)
        made = editing.commit_edits(
            session,
            project_id=body.project_id,
            branch=body.branch,
            edits=media_references.resolve_files_in_edits(edits, settings),
            message=body.message,
            author=author,
            expected_head=body.expected_head,
        )
        stale = stale_after_commit(session, made, body.branch, settings)
        return CommitMade.of(made, history.parent_hashes(session, made), stale_scenes=stale)


@router.post("/merge", responses=error_responses(400, 404, 409, 413, 415))
def merge_branches(
    body: MergeRequest, session: DatabaseSession, settings: CurrentSettings, author: Author
) -> MergeAnswer:
    """Merge one branch into another, field by field.

    If both changed the same field, nothing is merged: 409 with `details.conflicts` (path, base, ours, theirs). Repeat
    the request with `resolutions` for these paths, or with a `strategy`.
    """
    with session.begin():
        result = _merge(session, body, settings, author=author, dry_run=body.dry_run)
        decision = DecisionInput(
            DecisionKind.MERGE,
            f"Merged {body.source_branch} into {body.target_branch}",
            author,
            reason=body.message,
            details={"strategy": body.strategy, "resolutions": body.resolutions, "fast_forward": result.fast_forward},
            commit_id=result.commit.id,
        )
        is_recorded = not (body.dry_run or result.up_to_date)
        stale = (
            _preview_stale_scenes(session, result, body, settings, author=author)
            if body.dry_run
            else _stale_scenes(session, result, body.target_branch, settings)
        )
        return _merge_answer(session, result, decision if is_recorded else None, stale, dry_run=body.dry_run)


@router.post("/revert", responses=error_responses(400, 404, 409, 413, 415))
def revert_commit(
    body: RevertRequest, session: DatabaseSession, settings: CurrentSettings, author: Author
) -> MergeAnswer:
    """Undo a commit with a new commit. Fields that have changed again since are conflicts, as in a merge."""
    with session.begin():
        result = revert.revert_commit(
            session,
            project_id=body.project_id,
            branch=body.branch,
            ref=body.commit,
            author=author,
            message=body.message,
            strategy=body.strategy,
            resolutions=media_references.resolve_files_in_resolutions(body.resolutions, settings),
        )
        decision = DecisionInput(
            DecisionKind.REVERT,
            f"Reverted {body.commit} on {body.branch}",
            author,
            reason=body.message,
            details={"strategy": body.strategy, "resolutions": body.resolutions},
            commit_id=result.commit.id,
        )
        stale = _stale_scenes(session, result, body.branch, settings)
        return _merge_answer(session, result, None if result.up_to_date else decision, stale)


@router.post("/tag", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_tag(body: NewTag, session: DatabaseSession, author: Author) -> TagAnswer:
    """Tag a commit, or the head of a branch."""
    with session.begin(), _free_name(body.tag_name):
        branches.find(session, body.project_id, branches.MAIN)
        made = tags.create(session, body.project_id, body.tag_name, body.commit, author=author, message=body.message)
        session.refresh(made)
        return TagAnswer.of(made, _hashes(session, [made.commit_id])[made.commit_id])


@router.get("/tags", responses=error_responses(404))
def list_tags(project_id: ProjectQuery, session: ReadingSession) -> list[TagAnswer]:
    """All tags of a project, by name."""
    rows = tags.list_all(session, project_id)
    hashes = _hashes(session, (row.commit_id for row in rows))
    return [TagAnswer.of(row, hashes[row.commit_id]) for row in rows]


@router.delete("/tag", responses=error_responses(404))
def delete_tag(project_id: ProjectQuery, tag_name: Ref, session: DatabaseSession) -> DeletedRef:
    """Delete a tag; its commit stays."""
    with session.begin():
        tags.delete(session, project_id, tag_name)
    return DeletedRef(project_id=project_id, name=tag_name)


def _merge(session: Session, body: MergeRequest, settings: Settings, *, author: str, dry_run: bool) -> MergeResult:
    return merging.merge_branch(
        session,
        project_id=body.project_id,
        source=body.source_branch,
        target=body.target_branch,
        message=body.message or f"Merge {body.source_branch} into {body.target_branch}",
        author=author,
        strategy=body.strategy,
        resolutions=media_references.resolve_files_in_resolutions(body.resolutions, settings),
        dry_run=dry_run,
    )


def _preview_stale_scenes(
    session: Session, preview: MergeResult, body: MergeRequest, settings: Settings, *, author: str
) -> list[int] | None:
    """The scenes that the merge would make stale: it is made and rolled back. None if conflicts would stop it."""
    if preview.conflicts:
        return None
    with session.begin_nested() as savepoint:
        merged = _merge(session, body, settings, author=author, dry_run=False)
        stale = _stale_scenes(session, merged, body.target_branch, settings)
        savepoint.rollback()
    return stale


def _merge_answer(
    session: Session,
    result: MergeResult,
    decision: DecisionInput | None,
    stale_scenes: list[int] | None,
    *,
    dry_run: bool = False,
) -> MergeAnswer:
    parents = history.parent_hashes(session, result.commit)
    recorded = None if decision is None else decisions.record_decision(session, result.commit.project_id, decision)
    decision_id = None if recorded is None else recorded.id
    return MergeAnswer.of(result, parents, dry_run=dry_run, decision_id=decision_id, stale_scenes=stale_scenes)


def _stale_scenes(session: Session, result: MergeResult, branch: str, settings: Settings) -> list[int]:
    return stale_on_branch(session, result.commit.project_id, branch, affected.by_changes(result.changed), settings)


def _hashes(session: Session, commit_ids: Iterable[int | None]) -> dict[int | None, str]:
    known_ids = [commit_id for commit_id in commit_ids if commit_id is not None]
    return dict(session.execute(select(Commit.id, Commit.hash).where(Commit.id.in_(known_ids))).all())


@contextmanager
def _free_name(name: str) -> Iterator[None]:
    """Translates the unique index's refusal when two requests take the same name at the same moment."""
    try:
        yield
    except IntegrityError as taken:
        raise ConflictError(f"The name {name!r} was taken a moment ago: choose another one") from taken
