"""The graph of commits: ancestors, descendants and merge bases."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.versions import Commit

_CHUNK = 256  # commits fetched with one query
_VIRTUAL = 2**62  # larger than any id
_OURS, _THEIRS, _STALE = 1, 2, 4


@dataclass(frozen=True)
class CommitNode:
    parents: tuple[int, ...]
    generation: int
    tree: str


class CommitGraph:
    """Commits by id, fetched together with their ancestors in chunks."""

    def __init__(self, session: Session, project_id: int) -> None:
        self._session = session
        self._project_id = project_id
        self._nodes: dict[int, CommitNode] = {}

    def node(self, commit_id: int) -> CommitNode:
        if commit_id not in self._nodes:
            self._fetch(commit_id)
        return self._nodes[commit_id]

    def add_virtual(self, parents: tuple[int, ...], tree: str) -> int:
        """Add a virtual commit, the merge of several merge bases, and return its id. It is never stored."""
        commit_id = _VIRTUAL + len(self._nodes)
        self._nodes[commit_id] = CommitNode(parents, max(self.node(parent).generation for parent in parents) + 1, tree)
        return commit_id

    def iter_history(self, commit_id: int) -> Iterator[int]:
        """Yield the commit and all its ancestors, newest first."""
        queue, seen = [-commit_id], {commit_id}
        while queue:
            commit = -heapq.heappop(queue)
            yield commit
            for parent in set(self.node(commit).parents) - seen:
                seen.add(parent)
                heapq.heappush(queue, -parent)

    def best_common_ancestors(self, ours: int, theirs: int) -> list[int]:
        """Return the merge bases: common ancestors from which no other common ancestor descends, newest first.

        Branches that were merged criss-cross have several. As git's paint_down_to_common, this walks back from both
        commits by generation and marks the commits that each side reaches; ancestors of a common ancestor are stale.
        """
        colours = {ours: _OURS}
        colours[theirs] = colours.get(theirs, 0) | _THEIRS
        queue = [(-self.node(commit).generation, -commit) for commit in {ours, theirs}]
        heapq.heapify(queue)
        bases: list[int] = []
        while any(not colours[-commit] & _STALE for _, commit in queue):
            commit = -heapq.heappop(queue)[1]
            colour = colours[commit]
            if colour == _OURS | _THEIRS:
                bases.append(commit)
                colour |= _STALE
            for parent in self.node(commit).parents:
                if parent not in colours:
                    heapq.heappush(queue, (-self.node(parent).generation, -parent))
                colours[parent] = colours.get(parent, 0) | colour
        return bases

    def is_descendant(self, commit_id: int, ancestor: int) -> bool:
        """Whether `ancestor` is `commit_id` itself or one of its ancestors."""
        return self.best_common_ancestors(commit_id, ancestor) == [ancestor]

    def _fetch(self, commit_id: int) -> None:
        """Fetch a chunk of commits. A parent has a smaller id than its child, so ancestors have the ids just below."""
        rows = (
            select(Commit.id, Commit.parent_id, Commit.merged_id, Commit.generation, Commit.tree_hash)
            .where(Commit.project_id == self._project_id, Commit.id <= commit_id)
            .order_by(Commit.id.desc())
            .limit(_CHUNK)
        )
        for commit, parent, merged, generation, tree in self._session.execute(rows):
            parents = tuple(parent_id for parent_id in (parent, merged) if parent_id is not None)
            self._nodes[commit] = CommitNode(parents, generation, tree)
