"""The graph of commits: who descends from whom, and where two lines parted."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.versions import Commit

_CHUNK = 256
_VIRTUAL = 2**62  # larger than any id
_OURS, _THEIRS, _STALE = 1, 2, 4


@dataclass(frozen=True)
class Node:
    parents: tuple[int, ...]
    generation: int
    tree: str


class Graph:
    """Commits by id, fetched with their ancestors a few hundred at a time."""

    def __init__(self, session: Session, project_id: int) -> None:
        self._session = session
        self._project_id = project_id
        self._nodes: dict[int, Node] = {}

    def node(self, commit_id: int) -> Node:
        if commit_id not in self._nodes:
            self._fetch(commit_id)
        return self._nodes[commit_id]

    def add(self, parents: tuple[int, ...], tree: str) -> int:
        """A commit that is nowhere but in this graph: the merge of several merge bases."""
        made = _VIRTUAL + len(self._nodes)
        self._nodes[made] = Node(parents, max(self.node(parent).generation for parent in parents) + 1, tree)
        return made

    def behind(self, commit_id: int) -> Iterator[int]:
        """The commit and all that led to it, newest first."""
        queue, seen = [-commit_id], {commit_id}
        while queue:
            commit = -heapq.heappop(queue)
            yield commit
            for parent in set(self.node(commit).parents) - seen:
                seen.add(parent)
                heapq.heappush(queue, -parent)

    def best_common_ancestors(self, ours: int, theirs: int) -> list[int]:
        """The merge bases: common ancestors that no other common ancestor descends from, newest first.

        Several if the lines were merged criss-cross. As git's paint_down_to_common: walk back from both in the order
        of generations, colouring what each side reaches; what is behind a common ancestor is stale.
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

    def descends(self, commit_id: int, ancestor: int) -> bool:
        """Whether `ancestor` is `commit_id` or behind it."""
        return self.best_common_ancestors(commit_id, ancestor) == [ancestor]

    def _fetch(self, commit_id: int) -> None:
        """A parent has a smaller id than its child, so what is behind a commit lies just below it."""
        rows = (
            select(Commit.id, Commit.parent_id, Commit.merged_id, Commit.generation, Commit.tree_hash)
            .where(Commit.project_id == self._project_id, Commit.id <= commit_id)
            .order_by(Commit.id.desc())
            .limit(_CHUNK)
        )
        for found, parent, merged, generation, tree in self._session.execute(rows):
            parents = tuple(one for one in (parent, merged) if one is not None)
            self._nodes[found] = Node(parents, generation, tree)
