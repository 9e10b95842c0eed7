"""The execution order of the nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.comfyui.graph import is_link


class ExecutionOrder:
    """Collects the nodes from the outputs up through the links, without cached ones. Of the ready nodes, an output goes
    first, then a node that an output waits for, then one a step further, then the first one found."""

    def __init__(
        self,
        graph: dict[str, Any],
        outputs: list[str],
        *,
        cached: set[str],
        is_output: Callable[[str], bool],
    ) -> None:
        self._is_output = is_output
        self._needs: dict[str, set[str]] = {}
        for output in outputs:
            self._add(graph, output, cached)

    def __iter__(self) -> ExecutionOrder:
        return self

    def __next__(self) -> str:
        if not self._needs:
            raise StopIteration
        ready = [node for node, needs in self._needs.items() if not needs]
        picked = self._pick(ready)
        del self._needs[picked]
        for needs in self._needs.values():
            needs.discard(picked)
        return picked

    def _add(self, graph: dict[str, Any], output: str, cached: set[str]) -> None:
        waiting = [output]
        while waiting:
            node = waiting.pop()
            if node in self._needs:
                continue
            sources = [value[0] for value in graph[node]["inputs"].values() if is_link(value)]
            sources = [source for source in sources if source not in cached]
            self._needs[node] = set(sources)
            waiting += sources

    def _pick(self, ready: list[str]) -> str:
        def feeds(node: str, far: Callable[[str], bool]) -> bool:
            return any(node in needs and far(other) for other, needs in self._needs.items())

        def next_to_output(node: str) -> bool:
            return feeds(node, self._is_output)

        nearness = (self._is_output, next_to_output, lambda node: feeds(node, next_to_output))
        for near in nearness:
            for node in ready:
                if near(node):
                    return node
        return ready[0]
