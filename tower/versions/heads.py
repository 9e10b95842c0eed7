"""The head of a branch: taken with a lock, and moved to a new commit together with the rows."""

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
from tower.versions.commits import Said
from tower.versions.kinds import SHAPES, Fields, Kind
from tower.versions.objects import Objects
from tower.versions.refs import MAIN, begun_branch, branch_called, project_exists
from tower.versions.rows import Changes
from tower.versions.trees import Address
from tower.versions.values import same

BEGINNER = "tower"  # the author of a project's first commit
_BIBLE_PARTS = {Kind.BIBLE: BiblePart.BIBLE, Kind.BIBLE_CHARACTERS: BiblePart.CHARACTER}


@dataclass(frozen=True)
class Head:
    """A branch and its newest commit, with a window on the project's objects."""

    branch: Branch
    commit: Commit
    objects: Objects


def taken(session: Session, project_id: int, name: str, *, lock: bool = True) -> Head:
    """The head of the branch, locked until the transaction ends. `main` is begun if it is not there.

    Raises NotFoundError for an unknown or deleted project and for an unknown branch.
    """
    branch = line(session, project_id, name, lock=lock)
    return at(session, branch, session.get_one(Commit, branch.head_id))


def at(session: Session, branch: Branch, commit: Commit) -> Head:
    """The head of a branch that was read with its newest commit."""
    return Head(branch, commit, Objects(session, branch.project_id))


def line(session: Session, project_id: int, name: str, *, lock: bool) -> Branch:
    """The branch alone, as `taken` does."""
    session.flush()
    branch = begun_branch(session, project_id, name, lock=lock)
    if branch is None:
        project_exists(session, project_id)
        branch = begun(session, project_id, name)
    return branch


def begun(session: Session, project_id: int, name: str) -> Branch:
    """The branch with a first commit that takes up the rows it has. Only `main` is made where there is none.

    Also in a session without transactions, where nothing is held and someone else may be first.
    """
    if name == MAIN:
        session.execute(insert(Branch).values(project_id=project_id, name=MAIN).on_conflict_do_nothing())
    branch = branch_called(session, project_id, name, lock=True)
    if branch is None:
        raise NotFoundError(f"Project {project_id} has no branch {name!r}")
    if branch.head_id is None:
        objects = Objects(session, project_id)
        there: trees.Hashes = {
            (kind, row.key): trees.put_entity(objects, kind, rows.content(kind, row))
            for kind in SHAPES
            for row in rows.on_branch(session, branch.id, kind)
        }
        tree = trees.write(objects, trees.empty(objects), there)
        with suppress(ConflictError):
            commits.record(session, branch, objects, Said(tree, "Begin", BEGINNER))
    return branch


def contents(head: Head, tree: str, addresses: Iterable[Address]) -> dict[Address, Fields | None]:
    """The fields of these entities in a tree; None where they are not in it."""
    hashes = trees.find(head.objects, tree, addresses)
    head.objects.load(sha256 for sha256 in hashes.values() if sha256)
    return {at: _entity(head.objects, sha256) for at, sha256 in hashes.items()}


def changes_between(objects: Objects, before: str, after: str) -> Changes:
    """What differs between two trees, with the fields on both sides."""
    hashes = trees.differences(objects, before, after)
    objects.load(sha256 for pair in hashes.values() for sha256 in pair if sha256)
    return {at: (_entity(objects, old), _entity(objects, new)) for at, (old, new) in hashes.items()}


def advance(
    session: Session, head: Head, changes: Changes, *, message: str, author: str, merged: Commit | None = None
) -> Commit:
    """Commit the changes on the branch, rows included. Without changes and without `merged`: the head as it is."""
    real = {at: pair for at, pair in changes.items() if not same(*pair)}
    if not real and merged is None:
        return head.commit
    hashes = {
        at: None if after is None else trees.put_entity(head.objects, at[0], after) for at, (_, after) in real.items()
    }
    tree = trees.write(head.objects, head.commit.tree_hash, hashes)
    made = commits.record(session, head.branch, head.objects, Said(tree, message, author, head.commit, merged))
    _follow(session, head.branch, real, made)
    return made


def move(session: Session, head: Head, changes: Changes, *, to: Commit) -> None:
    """Put the branch to a commit that is there, and its rows to that state, which the changes lead to."""
    head.branch.head_id = to.id
    head.branch.updated_at = datetime.now(UTC)
    _follow(session, head.branch, changes, to)


def _entity(objects: Objects, sha256: str | None) -> Fields | None:
    return trees.entity(objects, sha256) if sha256 else None


def _follow(session: Session, branch: Branch, changes: Changes, commit: Commit) -> None:
    """The rows, and what else goes with a change of the branch's head."""
    rows.follow(session, branch, changes)
    _note_bible(session, branch, changes, commit)
    if any(kind == Kind.SCENES and before is None for (kind, _), (before, _) in changes.items()):
        draft = update(Project).where(Project.id == branch.project_id, Project.status == ProjectStatus.DRAFT)
        session.execute(draft.values(status=ProjectStatus.ACTIVE))
    session.flush()


def _note_bible(session: Session, branch: Branch, changes: Changes, commit: Commit) -> None:
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
