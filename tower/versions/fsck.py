"""Proof that nothing of the versions is lost or damaged, and that the rows are what the heads say.

Run it in a transaction of its own that sees one state (REPEATABLE READ), or edits under way look like damage.
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
from tower.versions.kinds import SHAPES, Fields, Kind, label
from tower.versions.objects import DamagedHistoryError, Objects
from tower.versions.values import same

Item = TypeVar("Item")

_CHUNK = 2000
_WRONG_HASH = text(
    "select hash from anime_api.version_objects where project_id = :project_id"
    " and hash <> encode(sha256(convert_to(kind, 'UTF8') || '\\x00'::bytea || content), 'hex') order by hash"
)


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be. `what` is one sentence."""

    project_id: int
    what: str


def projects(session: Session, project_id: int | None = None) -> Sequence[int]:
    """The ids of all projects, those in the bin included, or of the one asked for. Raises NotFoundError."""
    wanted = select(Project.id).order_by(Project.id)
    if project_id is None:
        return session.scalars(wanted).all()
    found = session.scalars(wanted.where(Project.id == project_id)).all()
    if not found:
        raise NotFoundError(f"There is no project {project_id}")
    return found


def examine(session: Session, *, project_id: int) -> Iterator[Finding]:
    """Every finding in one project. Nothing is changed."""
    return (Finding(project_id, what) for what in _findings(session, project_id))


def _findings(session: Session, project_id: int) -> Iterator[str]:
    bad = list(session.scalars(_WRONG_HASH, {"project_id": project_id}))
    yield from (f"Object {sha256} is damaged: its content is not what its name says" for sha256 in bad)
    commits = session.scalars(select(Commit).where(Commit.project_id == project_id).order_by(Commit.id)).all()
    yield from _commit_findings(commits)
    yield from _tree_findings(session, project_id, {commit.tree_hash for commit in commits})
    by_id = {commit.id: commit for commit in commits}
    for branch in session.scalars(select(Branch).where(Branch.project_id == project_id).order_by(Branch.name)).all():
        head = by_id.get(branch.head_id or 0)
        if head is None:
            yield f"Branch {branch.name!r} has no commit: any edit of it, or a look at its history, begins it"
        else:
            yield from _row_findings(session, branch, head)


def _commit_findings(commits: Sequence[Commit]) -> Iterator[str]:
    by_id = {commit.id: commit for commit in commits}
    for commit in commits:
        wanted = [one for one in (commit.parent_id, commit.merged_id) if one is not None]
        parents = [by_id[one] for one in wanted if one in by_id]
        if len(parents) < len(wanted):
            yield f"Commit {commit.hash} follows one that is missing"
            continue
        if commit_hash(commit, (parent.hash for parent in parents)) != commit.hash:
            yield f"Commit {commit.hash} is damaged: tree, parents, message, author and time are not what its name says"
        if commit.generation != max((parent.generation for parent in parents), default=-1) + 1:
            yield f"Commit {commit.hash} has generation {commit.generation}, which is not one more than its parents'"


@dataclass(frozen=True, order=True)
class _Place:
    """Where a node hangs: under which digits of which kind, with how many entities."""

    sha256: str
    kind: Kind
    digits: str
    count: int


def _tree_findings(session: Session, project_id: int, roots: Collection[str]) -> Iterator[str]:
    places: set[_Place] = set()
    for chunk in _chunks(sorted(roots)):
        contents = _contents(session, project_id, chunk)
        for root in chunk:
            if not isinstance(contents.get(root), dict):
                yield f"Tree {root} is missing or cannot be read"
                continue
            places |= {_Place(node[1], Kind(kind), "", node[0]) for kind, node in contents[root].items()}
    entities: dict[str, Kind] = {}
    while places:
        deeper: set[_Place] = set()
        for part in _chunks(sorted(places)):
            contents = _contents(session, project_id, [place.sha256 for place in part])
            for place in part:
                yield from _node_findings(place, contents.get(place.sha256), deeper, entities)
        places = deeper
    for hashes in _chunks(sorted(entities)):
        contents = _contents(session, project_id, hashes)
        for sha256 in hashes:
            content = contents.get(sha256)
            if not isinstance(content, dict) or content.get("kind") != entities[sha256]:
                yield f"Object {sha256}, one of the {entities[sha256].value}, is missing or cannot be read"


def _node_findings(place: _Place, node: Any, deeper: set[_Place], entities: dict[str, Kind]) -> Iterator[str]:
    """Check one node; put what hangs below it into `deeper` and `entities`."""
    if not isinstance(node, dict) or not node.keys() & {"leaf", "nodes"}:
        yield f"Tree node {place.sha256} of the {place.kind.value} is missing or cannot be read"
        return
    if "leaf" in node:
        count = len(node["leaf"])
        if not all(trees.place_of(key).startswith(place.digits) for key in node["leaf"]):
            yield f"Tree node {place.sha256} holds {place.kind.value} that belong elsewhere"
        entities.update(dict.fromkeys(node["leaf"].values(), place.kind))
    else:
        count = sum(child[0] for child in node["nodes"].values())
        deeper |= {
            _Place(child[1], place.kind, place.digits + digit, child[0]) for digit, child in node["nodes"].items()
        }
    if count != place.count or ("leaf" in node) != (count <= trees.LEAF):
        yield f"Tree node {place.sha256} holds {count} {place.kind.value}, {place.count} are expected"


def _row_findings(session: Session, branch: Branch, head: Commit) -> Iterator[str]:
    objects = Objects(session, branch.project_id, remembered=None)
    for kind in SHAPES:
        try:
            hashes = trees.read(objects, head.tree_hash, kind)
            objects.load(hashes.values())
        except DamagedHistoryError:
            continue  # the walk of the trees has said so
        there = {row.key: rows.content(kind, row) for row in rows.on_branch(session, branch.id, kind)}
        for key in sorted(hashes.keys() | there.keys()):
            told = trees.entity(objects, hashes[key]) if key in hashes else None
            yield from _differences(f"{kind.value} on {branch.name!r}", kind, (str(key), there.get(key), told))


def _differences(where: str, kind: Kind, pair: tuple[str, Fields | None, Fields | None]) -> Iterator[str]:
    key, row, told = pair
    if row is None:
        yield f"{where}: {label(kind, told or {})!r} ({key}) is in the head and has no row"
    elif told is None:
        yield f"{where}: {label(kind, row)!r} ({key}) has a row and is not in the head"
    elif differing := [name for name in told if not same(row[name], told[name])]:
        yield f"{where}: {label(kind, told)!r} ({key}) differs from the head in {', '.join(differing)}"


def _contents(session: Session, project_id: int, hashes: Sequence[str]) -> dict[str, Any]:
    """The parsed contents by hash, without those that are missing or no JSON."""
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
