"""Names for states: branches, tags, and the hashes of commits."""

from __future__ import annotations

import re
import unicodedata

from sqlalchemy import bindparam, func, select, true
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.versions import Branch, Commit, Tag
from tower.errors import ConflictError, InvalidError, NotFoundError

MAIN = "main"
_HASH = re.compile(r"[0-9a-f]{4,64}")
_WHOLE_HASH = re.compile(r"[0-9a-f]{64}")  # no branch and no tag may be called so
_LONGEST_NAME = 200

_BEGUN = (  # said once, not at every request: with this almost each of them begins
    select(Branch)
    .join(Project, Project.id == Branch.project_id)
    .where(Branch.project_id == bindparam("project"), Branch.name == bindparam("name"))
    .where(Branch.head_id.is_not(None), Project.deleted_at.is_(None))
    .execution_options(populate_existing=True)
)
_TURN = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name"), bindparam("project")))).cte("turn")
_BEGUN_LOCKED = _BEGUN.join(_TURN, true()).with_for_update(of=Branch, key_share=True)
_OF_PROJECT = (
    select(Commit)
    .join(Project, Project.id == Commit.project_id)
    .where(Commit.project_id == bindparam("project"), Project.deleted_at.is_(None))
)
_HEAD = _OF_PROJECT.join(Branch, Branch.head_id == Commit.id).where(
    Branch.project_id == bindparam("project"), Branch.name == bindparam("ref")
)
_WHOLE = _OF_PROJECT.where(Commit.hash == bindparam("ref"))


def project_exists(session: Session, project_id: int) -> None:
    """Raises NotFoundError for an unknown project and for one in the bin."""
    known = select(Project.id).where(Project.id == project_id, Project.deleted_at.is_(None))
    if session.scalar(known) is None:
        raise NotFoundError(f"There is no project {project_id}")


def branch_called(session: Session, project_id: int, name: str, *, lock: bool = False) -> Branch | None:
    """The branch as it is in the database now; locked against other writers until the transaction ends, if asked."""
    wanted = select(Branch).where(Branch.project_id == project_id, Branch.name == name)
    if lock:
        wanted = wanted.with_for_update(key_share=True)
    return session.scalar(wanted.execution_options(populate_existing=True))


def begun_branch(session: Session, project_id: int, name: str, *, lock: bool = False) -> Branch | None:
    """The branch if its project is there, not in the bin, and has begun it: all that in one look.

    Those who want it locked are let in in the order in which they came: the row's own lock goes to any who waits. It
    is taken too, and so the branch is read as it is when the turn comes, not as it was when the statement began.
    """
    wanted = _BEGUN_LOCKED if lock else _BEGUN
    return session.scalar(wanted, {"project": project_id, "name": name})


def plain_commit(session: Session, project_id: int, ref: str) -> Commit | None:
    """The head of a branch that is begun, or the commit of a whole hash, of a project that is there: in one look."""
    return session.scalar(_WHOLE if _WHOLE_HASH.fullmatch(ref) else _HEAD, {"project": project_id, "ref": ref})


def find_commit(session: Session, project_id: int, ref: str) -> Commit:
    """The commit that a branch, tag, hash or beginning of a hash names, looked for in this order.

    Raises NotFoundError; InvalidError if the beginning of a hash fits several commits.
    """
    branch = select(Commit).join(Branch, Branch.head_id == Commit.id)
    tag = select(Commit).join(Tag, Tag.commit_id == Commit.id)
    found = (
        session.scalar(branch.where(Branch.project_id == project_id, Branch.name == ref))
        or session.scalar(tag.where(Tag.project_id == project_id, Tag.name == ref))
        or _by_hash(session, project_id, ref)
    )
    if found is None:
        raise NotFoundError(f"Project {project_id} has no branch, tag or commit {ref!r}")
    return found


def check_new_name(session: Session, project_id: int, name: str, *, what: str) -> None:
    """Raises InvalidError for a name that cannot be, ConflictError for one that a branch or tag has."""
    plain = name == name.strip() and not any(unicodedata.category(letter)[0] == "C" for letter in name)
    if not (plain and 1 <= len(name) <= _LONGEST_NAME) or _WHOLE_HASH.fullmatch(name):
        raise InvalidError.field(
            what, name, f"1 to {_LONGEST_NAME} characters without control characters or spaces around them, not a hash"
        )
    branch = select(Branch.id).where(Branch.project_id == project_id, Branch.name == name)
    tag = select(Tag.id).where(Tag.project_id == project_id, Tag.name == name)
    for taken, by in ((session.scalar(branch), "branch"), (session.scalar(tag), "tag")):
        if taken is not None:
            raise ConflictError(f"Project {project_id} has a {by} {name!r} already: choose another name")


def _by_hash(session: Session, project_id: int, ref: str) -> Commit | None:
    if not _HASH.fullmatch(ref.lower()):
        return None
    fitting = select(Commit).where(Commit.project_id == project_id, Commit.hash.startswith(ref.lower())).limit(2)
    commits = session.scalars(fitting).all()
    if len(commits) > 1:
        raise InvalidError.field("ref", ref, "more digits: several commits begin like this")
    return commits[0] if commits else None
