"""The one thread that renders prompts in order."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.comfyui.cache import CacheEntry, NodeCache
from tests.fakes.comfyui.errors import (
    InterruptedRunError,
    NodeError,
    RunEndedError,
    ServerStoppedError,
    WorkerDiedError,
)
from tests.fakes.comfyui.graph import is_link
from tests.fakes.comfyui.misbehaviour import (
    CachedFileGone,
    DeadWorker,
    LateHistory,
    NodeFails,
    Previews,
    RestartMidRun,
    SocketDropped,
)
from tests.fakes.comfyui.nodes import NodeCall, NodeResult, run_node
from tests.fakes.comfyui.order import ExecutionOrder
from tests.fakes.comfyui.pictures import FrameRecipe
from tests.fakes.comfyui.progress import RunMessages
from tests.fakes.comfyui.queue import PromptQueue, QueuedPrompt
from tests.fakes.comfyui.setup import FakeSetup
from tests.fakes.comfyui.sockets import SocketHub

WAIT_S = 0.1


class PromptWorker(threading.Thread):
    """Ends with the process (`dying`), or crashes at a node."""

    def __init__(self, setup: FakeSetup, queue: PromptQueue, hub: SocketHub, dying: threading.Event) -> None:
        super().__init__(name="fake ComfyUI worker", daemon=True)
        self._setup, self._queue, self._hub, self._dying = setup, queue, hub, dying
        self._cache = NodeCache(setup.folders)
        self.forget = threading.Event()  # set this to empty the cache once no prompt runs

    def run(self) -> None:
        while not self._dying.is_set():
            item = self._queue.get(WAIT_S)
            if self.forget.is_set():
                self.forget.clear()
                self._cache.clear()
            if item is None:
                continue
            try:
                entry = self._render(item)
            except (WorkerDiedError, ServerStoppedError):
                return
            self._queue.finish(item, entry)
            if self._hub.client_id is not None:
                self._hub.send("executing", {"node": None, "prompt_id": item.prompt_id}, self._hub.client_id)

    def _render(self, item: QueuedPrompt) -> dict[str, Any]:
        """Render a prompt and return the entry of the history."""
        setup, extra_data = self._setup, item.extra_data
        self._hub.client_id = extra_data.get("client_id")
        previews = extra_data.get("preview_method", "none") != "none" or setup.misbehaviours.take(Previews) is not None
        telling = RunMessages(self._hub, item, setup.is_at_least("0.3.44"), previews)
        rendering = _Rendering(setup, self._queue, self._cache, item, telling, self._dying)
        rendering.execute()
        self._hub.node = None
        if late := setup.misbehaviours.take(LateHistory):
            rendering.sleep(late.by_s)
        return telling.history_entry()


@dataclass
class _Rendering:
    setup: FakeSetup
    queue: PromptQueue
    cache: NodeCache
    item: QueuedPrompt
    telling: RunMessages
    dying: threading.Event
    executed: list[str] = field(default_factory=list)

    def execute(self) -> None:
        """Raises WorkerDiedError and ServerStoppedError."""
        graph = self.item.graph
        self.telling.record("execution_start", {})
        if self.setup.misbehaviours.take(CachedFileGone):
            self._render_and_lose()
        cached = [node for node in graph if self.cache.get(graph, node) is not None]
        self.telling.record("execution_cached", {"nodes": cached})
        node = ""
        try:
            for node in ExecutionOrder(graph, self.item.outputs, cached=set(cached), is_output=self._is_output):
                self._run(node)
            self.telling.record("execution_success", {})
        except InterruptedRunError:
            self.telling.record("execution_interrupted", self._where(node), broadcast=True)
        except NodeError as error:
            self.telling.record("execution_error", self._failure(node, error))

    def sleep(self, seconds: float) -> None:
        """Raises ServerStoppedError."""
        if self.dying.wait(seconds) if seconds > 0 else self.dying.is_set():
            raise ServerStoppedError

    def _run(self, node: str) -> None:
        if entry := self.cache.get(self.item.graph, node):
            self.telling.send_cached(node, entry.ui)
            return
        class_type, misbehaviours = self.item.graph[node]["class_type"], self.setup.misbehaviours
        self.telling.send_started(node)
        self._check_interrupt()
        if misbehaviours.take(DeadWorker, lambda dead: dead.at == class_type):
            raise WorkerDiedError
        if fails := misbehaviours.take(NodeFails, lambda fails: fails.at == class_type):
            raise NodeError(fails.exception_type, fails.message)
        result = self._make(node)
        self.executed.append(node)
        self.telling.send_finished(node, result.ui)

    def _make(self, node: str, *, quietly: bool = False) -> NodeResult:
        try:
            result = run_node(self._work(node, quietly=quietly))
        except RunEndedError:
            raise
        except Exception as error:  # any error of a node fails only its prompt
            raise NodeError(type(error).__name__, f"{error}\n") from error
        self.cache.put(self.item.graph, node, CacheEntry(result.outputs, result.ui))
        return result

    def _render_and_lose(self) -> None:
        """Act as if the same prompt had run before and its files had been deleted."""
        for node in ExecutionOrder(self.item.graph, self.item.outputs, cached=set(), is_output=self._is_output):
            result = self._make(node, quietly=True)
            files = [file for values in (result.ui or {}).values() for file in values if isinstance(file, dict)]
            for file in files:
                path = self.setup.folders.root / file["type"] / file["subfolder"] / file["filename"]
                path.unlink(missing_ok=True)

    def _work(self, node: str, *, quietly: bool) -> NodeCall:
        graph, info = self.item.graph, self.setup.object_info
        inputs = graph[node]["inputs"]
        links = {name: value for name, value in inputs.items() if is_link(value)}
        return NodeCall(
            class_type=graph[node]["class_type"],
            inputs={name: self._output(*value) if name in links else value for name, value in inputs.items()},
            input_types={name: info[graph[up]["class_type"]]["output"][slot] for name, (up, slot) in links.items()},
            output_types=info[graph[node]["class_type"]]["output"],
            folders=self.setup.folders,
            misbehaviours=self.setup.misbehaviours,
            pace=self.setup.pace,
            metadata=json.dumps(graph),
            sleep=(lambda _: None) if quietly else self.sleep,
            tick=(lambda *_: None) if quietly else (lambda *values: self._tick(node, *values)),
        )

    def _output(self, node: str, slot: int) -> Any:
        entry = self.cache.get(self.item.graph, node)
        assert entry is not None, f"node {node} has not run"
        return entry.outputs[slot]

    def _tick(self, node: str, value: int, maximum: int, preview: FrameRecipe | None) -> None:
        """Report progress. Only samplers have a `preview`."""
        self._check_interrupt()
        self.telling.send_progress(node, value, maximum, preview)
        if preview is None:
            return
        if self.setup.misbehaviours.take(SocketDropped, lambda misbehaviour: misbehaviour.at_step == value):
            self.telling.hub.drop()
        if restart := self.setup.misbehaviours.take(RestartMidRun, lambda misbehaviour: misbehaviour.at_step == value):
            self.setup.restart(restart.down_s)
            raise ServerStoppedError

    def _check_interrupt(self) -> None:
        if self.dying.is_set():
            raise ServerStoppedError
        if self.queue.interrupted.is_set():
            raise InterruptedRunError

    def _where(self, node: str) -> dict[str, Any]:
        return {"node_id": node, "node_type": self.item.graph[node]["class_type"], "executed": list(self.executed)}

    def _failure(self, node: str, error: NodeError) -> dict[str, Any]:
        inputs = self.item.graph[node]["inputs"]
        inputs_shown = {name: ["<object>" if is_link(value) else value] for name, value in inputs.items()}
        values = {
            "exception_message": error.message,
            "exception_type": error.exception_type,
            "traceback": ["(removed)"],
        }
        return {**self._where(node), **values, "current_inputs": inputs_shown, "current_outputs": list(self.item.graph)}

    def _is_output(self, node: str) -> bool:
        return bool(self.setup.object_info[self.item.graph[node]["class_type"]]["output_node"])
