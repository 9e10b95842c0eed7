"""Create, delete and list the branches of a project."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.versions import Branch, Commit
from tower.errors import ConflictError, NotFoundError
from tower.versions import heads, rows, trees
from tower.versions.kinds import KIND_SPECS
from tower.versions.objects import ObjectStore
from tower.versions.refs import MAIN, check_project_exists, find_branch_name, find_commit, get_branch, parse_new_name

__all__ = ["MAIN", "create", "delete", "find", "list_all"]

_LIST_QUERY = (
    select(Branch, Commit.hash)
    .join(Project, Project.id == Branch.project_id)
    .outerjoin(Commit, Commit.id == Branch.head_id)
    .where(Branch.project_id == bindparam("project"), Project.deleted_at.is_(None))
    .order_by((Branch.name == MAIN).desc(), Branch.name)
)


def find(session: Session, project_id: int, name: str) -> Branch:
    """Return the branch; `main` always exists.

    Raises NotFoundError for an unknown or deleted project and for an unknown branch.
    """
    return heads.find_branch(session, project_id, name, lock=False)


def create(session: Session, project_id: int, name: str, source: str = MAIN, *, description: str = "") -> Branch:
    """Create a branch at `source` (a branch, tag or commit), with rows of its own.

    If `source` is a branch, results of production (status, accepted takes) and the story timeline are copied too.
    Raises ConflictError if a branch or tag has this name, InvalidError for an invalid name, NotFoundError for an
    unknown project or source.
    """
    check_project_exists(session, project_id)
    name = parse_new_name(session, project_id, name, field="branch_name")
    with session.begin_nested():
        if source == MAIN or find_branch_name(session, project_id, source) is not None:
            origin = heads.load_head(session, project_id, source)
            created = _add_branch(session, project_id, name, head_id=origin.commit.id, description=description)
            rows.copy_branch_rows(session, origin.branch, created)
            return created
        commit = find_commit(session, project_id, source)
        created = _add_branch(session, project_id, name, head_id=commit.id, description=description)
        rows.apply_changes(session, created, _tree_as_additions(ObjectStore(session, project_id), commit.tree_hash))
        return created


def delete(session: Session, project_id: int, name: str) -> None:
    """Delete the branch and its rows. Its commits stay, and a new branch can start at them by hash.

    Raises ConflictError for `main`, NotFoundError for an unknown branch.
    """
    check_project_exists(session, project_id)
    branch = get_branch(session, project_id, name, lock=True)
    if name == MAIN or (branch is not None and branch.name == MAIN):
        raise ConflictError(f"The branch {MAIN!r} cannot be deleted: every project has it")
    if branch is None:
        raise NotFoundError(f"Project {project_id} has no branch {name!r}")
    session.delete(branch)
    session.flush()


def list_all(session: Session, project_id: int) -> list[tuple[Branch, str | None]]:
    """Return all branches of the project with the hashes of their heads: `main` first, then by name.

    Raises NotFoundError for an unknown project.
    """
    found = _query_branches(session, project_id)
    if not found or found[0][0].name != MAIN or found[0][1] is None:
        heads.find_branch(session, project_id, MAIN, lock=False)
        found = _query_branches(session, project_id)
    return found


def _query_branches(session: Session, project_id: int) -> list[tuple[Branch, str | None]]:
    return [(branch, head) for branch, head in session.execute(_LIST_QUERY, {"project": project_id})]


def _add_branch(session: Session, project_id: int, name: str, *, head_id: int, description: str) -> Branch:
    created = Branch(project_id=project_id, name=name, head_id=head_id, forked_from_id=head_id, description=description)
    session.add(created)
    session.flush()
    return created


def _tree_as_additions(objects: ObjectStore, tree: str) -> rows.Changes:
    hashes = {
        (kind, key): sha256 for kind in KIND_SPECS for key, sha256 in trees.list_entities(objects, tree, kind).items()
    }
    objects.load(hashes.values())
    return {at: (None, trees.get_entity(objects, sha256)) for at, sha256 in hashes.items()}
