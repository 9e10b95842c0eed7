"""Branches: named lines of a project's story."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.versions import Branch, Commit
from tower.errors import ConflictError, NotFoundError
from tower.versions import heads, rows, trees
from tower.versions.kinds import SHAPES
from tower.versions.objects import Objects
from tower.versions.refs import MAIN, branch_called, check_new_name, find_commit, project_exists

__all__ = ["MAIN", "create", "delete", "find", "list_all"]

_LISTED = (
    select(Branch, Commit.hash)
    .join(Project, Project.id == Branch.project_id)
    .outerjoin(Commit, Commit.id == Branch.head_id)
    .where(Branch.project_id == bindparam("project"), Project.deleted_at.is_(None))
    .order_by((Branch.name == MAIN).desc(), Branch.name)
)


def find(session: Session, project_id: int, name: str) -> Branch:
    """Raises NotFoundError for an unknown or deleted project and for an unknown branch; `main` is always there."""
    return heads.line(session, project_id, name, lock=False)


def create(session: Session, project_id: int, name: str, source: str = MAIN, *, description: str = "") -> Branch:
    """A branch at `source` (branch, tag, commit), with rows of its own.

    From a branch the rows bring along what production made of them (status, accepted takes), and the branch's
    story timeline. Raises ConflictError if a branch or tag of this name is there, InvalidError for a name that
    cannot be, NotFoundError for an unknown project or source.
    """
    project_exists(session, project_id)
    check_new_name(session, project_id, name, what="branch_name")
    lines = session.scalars(select(Branch.name).where(Branch.project_id == project_id)).all()
    with session.begin_nested():
        if source in lines or source == MAIN:
            origin = heads.taken(session, project_id, source)
            made = _added(session, project_id, name, head_id=origin.commit.id, description=description)
            rows.copy(session, origin.branch, made)
            return made
        commit = find_commit(session, project_id, source)
        made = _added(session, project_id, name, head_id=commit.id, description=description)
        rows.follow(session, made, _everything(Objects(session, project_id), commit.tree_hash))
        return made


def delete(session: Session, project_id: int, name: str) -> None:
    """Delete the branch and its rows; its commits stay and can be branched off again by hash.

    Raises ConflictError for `main`, NotFoundError for an unknown branch.
    """
    project_exists(session, project_id)
    branch = branch_called(session, project_id, name, lock=True)
    if name == MAIN:
        raise ConflictError(f"{MAIN!r} cannot be deleted: every project has it")
    if branch is None:
        raise NotFoundError(f"Project {project_id} has no branch {name!r}")
    session.delete(branch)
    session.flush()


def list_all(session: Session, project_id: int) -> list[tuple[Branch, str | None]]:
    """All branches of the project with the hash of their newest commit, `main` first, then by name.

    Raises NotFoundError for an unknown project.
    """
    found = _listed(session, project_id)
    if not found or found[0][0].name != MAIN or found[0][1] is None:
        heads.line(session, project_id, MAIN, lock=False)
        found = _listed(session, project_id)
    return found


def _listed(session: Session, project_id: int) -> list[tuple[Branch, str | None]]:
    return [(branch, head) for branch, head in session.execute(_LISTED, {"project": project_id})]


def _added(session: Session, project_id: int, name: str, *, head_id: int, description: str) -> Branch:
    made = Branch(project_id=project_id, name=name, head_id=head_id, forked_from_id=head_id, description=description)
    session.add(made)
    session.flush()
    return made


def _everything(objects: Objects, tree: str) -> rows.Changes:
    hashes = {(kind, key): sha256 for kind in SHAPES for key, sha256 in trees.read(objects, tree, kind).items()}
    objects.load(hashes.values())
    return {at: (None, trees.entity(objects, sha256)) for at, sha256 in hashes.items()}
