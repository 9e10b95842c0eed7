"""Refs: the names of branches and tags, and hashes of commits."""

from __future__ import annotations

import re

from sqlalchemy import bindparam, func, select, true
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.versions import Branch, Commit, Tag
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.names import NameIndex, name_key
from tower.versions.fields import parse_name

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
    known = find_branch_name(session, project_id, name)
    query = select(Branch).where(Branch.project_id == project_id, Branch.name == known)
    if lock:
        query = query.with_for_update(key_share=True)
    return None if known is None else session.scalar(query.execution_options(populate_existing=True))


def find_branch_name(session: Session, project_id: int, name: str) -> str | None:
    """Return the name of the branch as it is kept; None if no branch has the name."""
    names = session.scalars(select(Branch.name).where(Branch.project_id == project_id).order_by(Branch.id))
    return NameIndex((known, known) for known in names).find(name)


def get_started_branch(session: Session, project_id: int, name: str, *, lock: bool = False) -> Branch | None:
    """Return the branch if its project is not deleted and the branch has a commit.

    One query is enough for the name as it is kept.

    An advisory lock queues writers in the order of their arrival, as PostgreSQL gives a row lock to any waiter. The row
    is locked too, so the branch is read as of the writer's turn and not as of the start of the statement.
    """
    query = _STARTED_LOCKED if lock else _STARTED
    branch = session.scalar(query, {"project": project_id, "name": name})
    if branch is None and (known := find_branch_name(session, project_id, name)) not in (None, name):
        return session.scalar(query, {"project": project_id, "name": known})
    return branch


def find_head_or_full_hash(session: Session, project_id: int, ref: str) -> Commit | None:
    """Return the head of a branch or the commit of a full hash, with one query; None for other refs or projects."""
    return session.scalar(
        _BY_FULL_HASH if _FULL_HASH.fullmatch(ref) else _BRANCH_HEAD, {"project": project_id, "ref": ref}
    )


def find_commit(session: Session, project_id: int, ref: str) -> Commit:
    """Return the commit that `ref` names: a branch, a tag, a hash or the start of a hash, tried in this order.

    Raises NotFoundError, and InvalidError if several commits start with the digits.
    """
    branch = get_branch(session, project_id, ref)
    tag = find_tag(session, project_id, ref) if branch is None else None
    commit_id = branch.head_id if branch else tag.commit_id if tag else None
    found = _find_by_hash(session, project_id, ref) if commit_id is None else session.get_one(Commit, commit_id)
    if found is None:
        raise NotFoundError(f"Project {project_id} has no branch, tag or commit {ref!r}")
    return found


def find_tag(session: Session, project_id: int, name: str) -> Tag | None:
    """Return the tag with this name, or None."""
    tags = session.scalars(select(Tag).where(Tag.project_id == project_id).order_by(Tag.id))
    return NameIndex((tag.name, tag) for tag in tags).find(name)


def parse_new_name(session: Session, project_id: int, name: str, *, field: str) -> str:
    """Return the name that a new branch or tag is given.

    Raises InvalidError for an invalid name, ConflictError if a branch or tag has this name.
    """
    cleaned = parse_name(name, field)
    if len(cleaned) > _MAX_NAME_LENGTH or _FULL_HASH.fullmatch(name_key(cleaned)):
        raise InvalidError.field(field, name, f"1 to {_MAX_NAME_LENGTH} characters that are not a full hash")
    taken = find_branch_name(session, project_id, cleaned)
    by = "branch"
    if taken is None and (tag := find_tag(session, project_id, cleaned)) is not None:
        taken, by = tag.name, "tag"
    if taken is not None:
        raise ConflictError(f"Project {project_id} already has a {by} {taken!r}: choose another name")
    return cleaned


def _find_by_hash(session: Session, project_id: int, ref: str) -> Commit | None:
    if not _HASH_START.fullmatch(ref.lower()):
        return None
    matching = select(Commit).where(Commit.project_id == project_id, Commit.hash.startswith(ref.lower())).limit(2)
    commits = session.scalars(matching).all()
    if len(commits) > 1:
        raise InvalidError.field("ref", ref, "more digits: several commits start with these")
    return commits[0] if commits else None
