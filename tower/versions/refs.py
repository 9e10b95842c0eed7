"""Refs: the names of branches and tags, and hashes of commits."""

from __future__ import annotations

import re
import unicodedata

from sqlalchemy import bindparam, func, select, true
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.versions import Branch, Commit, Tag
from tower.errors import ConflictError, InvalidError, NotFoundError

MAIN = "main"
_HASH_START = re.compile(r"[0-9a-f]{4,64}")
_FULL_HASH = re.compile(r"[0-9a-f]{64}")  # not allowed as the name of a branch or tag
_MAX_NAME_LENGTH = 200

_STARTED = (  # built once, as nearly every request runs it
    select(Branch)
    .join(Project, Project.id == Branch.project_id)
    .where(Branch.project_id == bindparam("project"), Branch.name == bindparam("name"))
    .where(Branch.head_id.is_not(None), Project.deleted_at.is_(None))
    .execution_options(populate_existing=True)
)
_QUEUE_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name"), bindparam("project")))).cte(
    "turn"
)
_STARTED_LOCKED = _STARTED.join(_QUEUE_LOCK, true()).with_for_update(of=Branch, key_share=True)
_PROJECT_COMMITS = (
    select(Commit)
    .join(Project, Project.id == Commit.project_id)
    .where(Commit.project_id == bindparam("project"), Project.deleted_at.is_(None))
)
_BRANCH_HEAD = _PROJECT_COMMITS.join(Branch, Branch.head_id == Commit.id).where(
    Branch.project_id == bindparam("project"), Branch.name == bindparam("ref")
)
_BY_FULL_HASH = _PROJECT_COMMITS.where(Commit.hash == bindparam("ref"))


def check_project_exists(session: Session, project_id: int) -> None:
    """Raises NotFoundError for an unknown or deleted project."""
    query = select(Project.id).where(Project.id == project_id, Project.deleted_at.is_(None))
    if session.scalar(query) is None:
        raise NotFoundError(f"There is no project {project_id}")


def get_branch(session: Session, project_id: int, name: str, *, lock: bool = False) -> Branch | None:
    """Return the branch as it is in the database now, with `lock` locked until the transaction ends."""
    query = select(Branch).where(Branch.project_id == project_id, Branch.name == name)
    if lock:
        query = query.with_for_update(key_share=True)
    return session.scalar(query.execution_options(populate_existing=True))


def get_started_branch(session: Session, project_id: int, name: str, *, lock: bool = False) -> Branch | None:
    """Return the branch if its project is not deleted and the branch has a commit, with one query.

    An advisory lock queues writers in the order of their arrival, as PostgreSQL gives a row lock to any waiter. The row
    is locked too, so the branch is read as of the writer's turn and not as of the start of the statement.
    """
    query = _STARTED_LOCKED if lock else _STARTED
    return session.scalar(query, {"project": project_id, "name": name})


def find_head_or_full_hash(session: Session, project_id: int, ref: str) -> Commit | None:
    """Return the head of a branch or the commit of a full hash, with one query; None for other refs or projects."""
    return session.scalar(
        _BY_FULL_HASH if _FULL_HASH.fullmatch(ref) else _BRANCH_HEAD, {"project": project_id, "ref": ref}
    )


def find_commit(session: Session, project_id: int, ref: str) -> Commit:
    """Return the commit that `ref` names: a branch, a tag, a hash or the start of a hash, tried in this order.

    Raises NotFoundError, and InvalidError if several commits start with the digits.
    """
    branch = select(Commit).join(Branch, Branch.head_id == Commit.id)
    tag = select(Commit).join(Tag, Tag.commit_id == Commit.id)
    found = (
        session.scalar(branch.where(Branch.project_id == project_id, Branch.name == ref))
        or session.scalar(tag.where(Tag.project_id == project_id, Tag.name == ref))
        or _find_by_hash(session, project_id, ref)
    )
    if found is None:
        raise NotFoundError(f"Project {project_id} has no branch, tag or commit {ref!r}")
    return found


def check_new_name(session: Session, project_id: int, name: str, *, field: str) -> None:
    """Raises InvalidError for an invalid name, ConflictError if a branch or tag has this name."""
    printable = name == name.strip() and not any(unicodedata.category(letter)[0] == "C" for letter in name)
    if not (printable and 1 <= len(name) <= _MAX_NAME_LENGTH) or _FULL_HASH.fullmatch(name):
        raise InvalidError.field(
            field,
            name,
            f"1 to {_MAX_NAME_LENGTH} characters without control characters or surrounding spaces, and not a full hash",
        )
    branch = select(Branch.id).where(Branch.project_id == project_id, Branch.name == name)
    tag = select(Tag.id).where(Tag.project_id == project_id, Tag.name == name)
    for taken, by in ((session.scalar(branch), "branch"), (session.scalar(tag), "tag")):
        if taken is not None:
            raise ConflictError(f"Project {project_id} already has a {by} {name!r}: choose another name")


def _find_by_hash(session: Session, project_id: int, ref: str) -> Commit | None:
    if not _HASH_START.fullmatch(ref.lower()):
        return None
    matching = select(Commit).where(Commit.project_id == project_id, Commit.hash.startswith(ref.lower())).limit(2)
    commits = session.scalars(matching).all()
    if len(commits) > 1:
        raise InvalidError.field("ref", ref, "more digits: several commits start with these")
    return commits[0] if commits else None
