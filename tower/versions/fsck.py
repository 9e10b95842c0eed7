"""Check that no version object or commit is lost or damaged, and that the rows match the heads.

Run it in a REPEATABLE READ transaction of its own. Otherwise concurrent edits look like damage.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.versions import Branch, Commit, VersionObject
from tower.errors import NotFoundError
from tower.versions import rows, trees
from tower.versions.commits import commit_hash
from tower.versions.kinds import KIND_SPECS, Fields, Kind, entity_label
from tower.versions.objects import DamagedHistoryError, ObjectStore
from tower.versions.values import are_equal

Item = TypeVar("Item")

_CHUNK = 2000  # objects read with one query
_WRONG_HASH = text(
    "select hash from anime_api.version_objects where project_id = :project_id"
    " and hash <> encode(sha256(convert_to(kind, 'UTF8') || '\\x00'::bytea || content), 'hex') order by hash"
)


@dataclass(frozen=True)
class HistoryProblem:
    """A problem in one project. `message` describes it in one sentence."""

    project_id: int
    message: str


def list_project_ids(session: Session, project_id: int | None = None) -> Sequence[int]:
    """Return the ids of all projects, deleted ones included, or only `project_id`. Raises NotFoundError if unknown."""
    query = select(Project.id).order_by(Project.id)
    if project_id is None:
        return session.scalars(query).all()
    found = session.scalars(query.where(Project.id == project_id)).all()
    if not found:
        raise NotFoundError(f"There is no project {project_id}")
    return found


def check_project(session: Session, *, project_id: int) -> Iterator[HistoryProblem]:
    """Yield every problem in one project. Changes nothing."""
    return (HistoryProblem(project_id, what) for what in _check_all(session, project_id))


def _check_all(session: Session, project_id: int) -> Iterator[str]:
    bad = list(session.scalars(_WRONG_HASH, {"project_id": project_id}))
    yield from (f"Object {sha256} is damaged: its content does not match its hash" for sha256 in bad)
    commits = session.scalars(select(Commit).where(Commit.project_id == project_id).order_by(Commit.id)).all()
    yield from _check_commits(commits)
    yield from _check_trees(session, project_id, {commit.tree_hash for commit in commits})
    by_id = {commit.id: commit for commit in commits}
    for branch in session.scalars(select(Branch).where(Branch.project_id == project_id).order_by(Branch.name)).all():
        head = by_id.get(branch.head_id or 0)
        if head is None:
            yield f"Branch {branch.name!r} has no commit: editing it or reading its history creates the first one"
        else:
            yield from _check_rows(session, branch, head)


def _check_commits(commits: Sequence[Commit]) -> Iterator[str]:
    by_id = {commit.id: commit for commit in commits}
    for commit in commits:
        parent_ids = [parent_id for parent_id in (commit.parent_id, commit.merged_id) if parent_id is not None]
        parents = [by_id[parent_id] for parent_id in parent_ids if parent_id in by_id]
        if len(parents) < len(parent_ids):
            yield f"Commit {commit.hash} has a parent that is missing"
            continue
        if commit_hash(commit, (parent.hash for parent in parents)) != commit.hash:
            yield f"Commit {commit.hash} is damaged: tree, parents, message, author and time do not match its hash"
        if commit.generation != max((parent.generation for parent in parents), default=-1) + 1:
            yield f"Commit {commit.hash} has generation {commit.generation}: expected one more than its parents"


@dataclass(frozen=True, order=True)
class _NodePosition:
    """The position of a node: its kind, the digits that lead to it, and the expected count of entities."""

    sha256: str
    kind: Kind
    digits: str
    count: int


def _check_trees(session: Session, project_id: int, roots: Collection[str]) -> Iterator[str]:
    positions: set[_NodePosition] = set()
    for chunk in _chunks(sorted(roots)):
        contents = _load_contents(session, project_id, chunk)
        for root in chunk:
            if not isinstance(contents.get(root), dict):
                yield f"Tree {root} is missing or cannot be read"
                continue
            positions |= {_NodePosition(node[1], Kind(kind), "", node[0]) for kind, node in contents[root].items()}
    entities: dict[str, Kind] = {}
    while positions:
        deeper: set[_NodePosition] = set()
        for part in _chunks(sorted(positions)):
            contents = _load_contents(session, project_id, [position.sha256 for position in part])
            for position in part:
                yield from _check_node(position, contents.get(position.sha256), deeper, entities)
        positions = deeper
    for hashes in _chunks(sorted(entities)):
        contents = _load_contents(session, project_id, hashes)
        for sha256 in hashes:
            content = contents.get(sha256)
            if not isinstance(content, dict) or content.get("kind") != entities[sha256]:
                yield f"Object {sha256}, one of the {entities[sha256].value}, is missing or cannot be read"


def _check_node(
    position: _NodePosition, node: Any, deeper: set[_NodePosition], entities: dict[str, Kind]
) -> Iterator[str]:
    """Check one node; add its children to `deeper` and its entities to `entities`."""
    if not isinstance(node, dict) or not node.keys() & {"leaf", "nodes"}:
        yield f"Tree node {position.sha256} of the {position.kind.value} is missing or cannot be read"
        return
    if "leaf" in node:
        count = len(node["leaf"])
        if not all(trees.key_digits(key).startswith(position.digits) for key in node["leaf"]):
            yield f"Tree node {position.sha256} holds {position.kind.value} that belong elsewhere"
        entities.update(dict.fromkeys(node["leaf"].values(), position.kind))
    else:
        count = sum(child[0] for child in node["nodes"].values())
        deeper |= {
            _NodePosition(child[1], position.kind, position.digits + digit, child[0])
            for digit, child in node["nodes"].items()
        }
    if count != position.count or ("leaf" in node) != (count <= trees.LEAF_CAPACITY):
        yield f"Tree node {position.sha256} holds {count} {position.kind.value} instead of {position.count}"


def _check_rows(session: Session, branch: Branch, head: Commit) -> Iterator[str]:
    objects = ObjectStore(session, branch.project_id, cache=None)
    for kind in KIND_SPECS:
        try:
            hashes = trees.list_entities(objects, head.tree_hash, kind)
            objects.load(hashes.values())
        except DamagedHistoryError:
            continue  # already reported by the walk of the trees
        current = {row.key: rows.row_content(kind, row) for row in rows.load_rows(session, branch.id, kind)}
        for key in sorted(hashes.keys() | current.keys()):
            committed = trees.get_entity(objects, hashes[key]) if key in hashes else None
            yield from _compare_row(f"{kind.value} on {branch.name!r}", kind, (str(key), current.get(key), committed))


def _compare_row(where: str, kind: Kind, pair: tuple[str, Fields | None, Fields | None]) -> Iterator[str]:
    key, row, committed = pair
    if row is None:
        yield f"{where}: {entity_label(kind, committed or {})!r} ({key}) is in the head but has no row"
    elif committed is None:
        yield f"{where}: {entity_label(kind, row)!r} ({key}) has a row but is not in the head"
    elif differing := [name for name in committed if not are_equal(row[name], committed[name])]:
        yield f"{where}: {entity_label(kind, committed)!r} ({key}) differs from the head in {', '.join(differing)}"


def _load_contents(session: Session, project_id: int, hashes: Sequence[str]) -> dict[str, Any]:
    """Return the parsed contents by hash, without those that are missing or not JSON."""
    found = session.execute(
        select(VersionObject.hash, VersionObject.content).where(
            VersionObject.project_id == project_id, VersionObject.hash.in_(hashes)
        )
    )
    parsed = {}
    for sha256, content in found:
        with suppress(ValueError):
            parsed[sha256] = json.loads(content)
    return parsed


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
