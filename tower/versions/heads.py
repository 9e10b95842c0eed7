"""The head of a branch: read with a lock, and moved to a new commit together with the rows."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.bibles import BibleHistory, BiblePart
from db.models.projects import Project, ProjectStatus
from db.models.versions import Branch, Commit
from tower.errors import ConflictError, NotFoundError
from tower.versions import commits, rows, trees
from tower.versions.commits import CommitDraft
from tower.versions.kinds import KIND_SPECS, Fields, Kind
from tower.versions.objects import ObjectStore
from tower.versions.refs import MAIN, check_project_exists, get_branch, get_started_branch
from tower.versions.rows import Changes
from tower.versions.trees import Address
from tower.versions.values import are_equal

FIRST_COMMIT_AUTHOR = "tower"  # the author of a branch's first commit
_BIBLE_PARTS = {Kind.BIBLE: BiblePart.BIBLE, Kind.BIBLE_CHARACTERS: BiblePart.CHARACTER}


@dataclass(frozen=True)
class Head:
    """A branch and its newest commit, with access to the project's objects."""

    branch: Branch
    commit: Commit
    objects: ObjectStore


def load_head(session: Session, project_id: int, name: str, *, lock: bool = True) -> Head:
    """Return the head of the branch, with `lock` locked until the transaction ends. Creates `main` if it is missing.

    Raises NotFoundError for an unknown or deleted project and for an unknown branch.
    """
    branch = find_branch(session, project_id, name, lock=lock)
    return head_at(session, branch, session.get_one(Commit, branch.head_id))


def head_at(session: Session, branch: Branch, commit: Commit) -> Head:
    """Return the head of a branch whose newest commit has been read."""
    return Head(branch, commit, ObjectStore(session, branch.project_id))


def find_branch(session: Session, project_id: int, name: str, *, lock: bool) -> Branch:
    """Return the branch as `load_head` does, without its commit."""
    session.flush()
    branch = get_started_branch(session, project_id, name, lock=lock)
    if branch is None:
        check_project_exists(session, project_id)
        branch = ensure_branch(session, project_id, name)
    return branch


def ensure_branch(session: Session, project_id: int, name: str) -> Branch:
    """Return the branch, with a first commit of its rows if it has none. Only `main` is created if it is missing.

    This also works in an autocommit session, which holds no lock, so another writer may commit first.
    """
    if name == MAIN:
        session.execute(insert(Branch).values(project_id=project_id, name=MAIN).on_conflict_do_nothing())
    branch = get_branch(session, project_id, name, lock=True)
    if branch is None:
        raise NotFoundError(f"Project {project_id} has no branch {name!r}")
    if branch.head_id is None:
        objects = ObjectStore(session, project_id)
        hashes: trees.EntityHashes = {
            (kind, row.key): trees.put_entity(objects, kind, rows.row_content(kind, row))
            for kind in KIND_SPECS
            for row in rows.load_rows(session, branch.id, kind)
        }
        tree = trees.write_tree(objects, trees.put_empty_tree(objects), hashes)
        with suppress(ConflictError):
            commits.record(session, branch, objects, CommitDraft(tree, "Begin", FIRST_COMMIT_AUTHOR))
    return branch


def entities_in_tree(head: Head, tree: str, addresses: Iterable[Address]) -> dict[Address, Fields | None]:
    """Return the fields of these entities in a tree; None for those that it does not contain."""
    hashes = trees.find_entities(head.objects, tree, addresses)
    head.objects.load(sha256 for sha256 in hashes.values() if sha256)
    return {at: _get_fields(head.objects, sha256) for at, sha256 in hashes.items()}


def tree_changes(objects: ObjectStore, before: str, after: str) -> Changes:
    """Return the entities that differ between two trees, with their fields in both."""
    hashes = trees.diff_trees(objects, before, after)
    objects.load(sha256 for pair in hashes.values() for sha256 in pair if sha256)
    return {at: (_get_fields(objects, old), _get_fields(objects, new)) for at, (old, new) in hashes.items()}


def commit_changes(
    session: Session, head: Head, changes: Changes, *, message: str, author: str, merged: Commit | None = None
) -> Commit:
    """Commit the changes on the branch and apply them to its rows.

    Returns the current head if there is no change and no `merged` commit.
    """
    effective = {at: pair for at, pair in changes.items() if not are_equal(*pair)}
    if not effective and merged is None:
        return head.commit
    hashes = {
        at: None if after is None else trees.put_entity(head.objects, at[0], after)
        for at, (_, after) in effective.items()
    }
    tree = trees.write_tree(head.objects, head.commit.tree_hash, hashes)
    commit = commits.record(session, head.branch, head.objects, CommitDraft(tree, message, author, head.commit, merged))
    _apply_to_rows(session, head.branch, effective, commit)
    return commit


def fast_forward(session: Session, head: Head, changes: Changes, *, to: Commit) -> None:
    """Move the branch to an existing commit and apply the changes that lead to its state."""
    head.branch.head_id = to.id
    head.branch.updated_at = datetime.now(UTC)
    _apply_to_rows(session, head.branch, changes, to)


def _get_fields(objects: ObjectStore, sha256: str | None) -> Fields | None:
    return trees.get_entity(objects, sha256) if sha256 else None


def _apply_to_rows(session: Session, branch: Branch, changes: Changes, commit: Commit) -> None:
    """Apply the changes to the rows, record those of the bible and activate a draft project with its first scene."""
    rows.apply_changes(session, branch, changes)
    _record_bible_history(session, branch, changes, commit)
    if any(kind == Kind.SCENES and before is None for (kind, _), (before, _) in changes.items()):
        draft = update(Project).where(Project.id == branch.project_id, Project.status == ProjectStatus.DRAFT)
        session.execute(draft.values(status=ProjectStatus.ACTIVE))
    session.flush()


def _record_bible_history(session: Session, branch: Branch, changes: Changes, commit: Commit) -> None:
    session.add_all(
        BibleHistory(
            project_id=branch.project_id,
            branch_name=branch.name,
            part=_BIBLE_PARTS[kind],
            part_key=key,
            before=before,
            after=after,
            commit_id=commit.id,
            author=commit.author,
        )
        for (kind, key), (before, after) in changes.items()
        if kind in _BIBLE_PARTS
    )
