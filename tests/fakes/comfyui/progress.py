"""The messages of one prompt's run, to sockets and history."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fakes.comfyui.pictures import FrameRecipe, draw_frames, encode_picture
from tests.fakes.comfyui.queue import QueuedPrompt
from tests.fakes.comfyui.sockets import SocketHub

PREVIEW_SIDE = 64  # pixels of the longer side


@dataclass
class RunMessages:
    """`sends_progress_state` is True if the server is new enough for progress_state (0.3.44)."""

    hub: SocketHub
    item: QueuedPrompt
    sends_progress_state: bool
    previews: bool
    messages: list[list[Any]] = field(default_factory=list)
    ui: dict[str, Any] = field(default_factory=dict)
    _progress: dict[str, dict[str, Any]] = field(default_factory=dict)

    def record(self, event: str, data: dict[str, Any], *, broadcast: bool = False) -> None:
        """Send and record a message. Without a client_id only broadcast messages are sent, to all clients."""
        data_with_ids = {"prompt_id": self.item.prompt_id, **data, "timestamp": int(time.time() * 1000)}
        self.messages.append([event, data_with_ids])
        if self.hub.client_id is not None or broadcast:
            self.hub.send(event, data_with_ids, self.hub.client_id)

    def send_started(self, node: str) -> None:
        self._state(node, 0.0, 1.0, "running")
        self.hub.node = node
        self._to_client("executing", {"node": node, "display_node": node, "prompt_id": self.item.prompt_id})

    def send_progress(self, node: str, value: int, maximum: int, preview: FrameRecipe | None) -> None:
        self._state(node, value, maximum, "running")
        self._preview(node, preview, with_metadata=True)
        progress = {"value": value, "max": maximum, "prompt_id": self.item.prompt_id, "node": node}
        self.hub.send("progress", progress, self.hub.client_id)
        self._preview(node, preview, with_metadata=False)

    def send_finished(self, node: str, node_ui: dict[str, Any] | None) -> None:
        if node_ui is not None:
            self.send_executed(node, node_ui)
        full = self._progress[node]["max"]
        self._state(node, full, full, "finished")

    def send_cached(self, node: str, node_ui: dict[str, Any] | None) -> None:
        """Report a cached output node: only its end is sent."""
        self.send_executed(node, node_ui)
        self._state(node, 1, 1, "finished")

    def send_executed(self, node: str, node_ui: dict[str, Any] | None) -> None:
        if node_ui is not None:
            self.ui[node] = node_ui
        payload = {"node": node, "display_node": node, "output": node_ui, "prompt_id": self.item.prompt_id}
        self._to_client("executed", payload)

    def history_entry(self) -> dict[str, Any]:
        """The entry of the history without the prompt."""
        good = self.messages[-1][0] == "execution_success"
        status = {"status_str": "success" if good else "error", "completed": good, "messages": self.messages}
        names = {n: {"node_id": n, "display_node": n, "parent_node": None, "real_node_id": n} for n in self.ui}
        return {"outputs": self.ui, "status": status, "meta": names}

    def _state(self, node: str, value: float, maximum: float, state: str) -> None:
        known = {"node_id": node, "prompt_id": self.item.prompt_id, **self._names(node)}
        self._progress[node] = {"value": value, "max": maximum, "state": state, **known}
        if self.sends_progress_state:
            payload = {"prompt_id": self.item.prompt_id, "nodes": {n: dict(s) for n, s in self._progress.items()}}
            self.hub.send("progress_state", payload, self.hub.client_id)

    def _preview(self, node: str, frames: FrameRecipe | None, *, with_metadata: bool) -> None:
        """Send the first frame as a thumbnail. Old servers only have the form without metadata."""
        if frames is None or not self.previews or (with_metadata and not self.sends_progress_state):
            return
        scale = PREVIEW_SIDE / max(frames.width, frames.height)
        width, height = (max(1, round(side * scale)) for side in (frames.width, frames.height))
        picture = encode_picture(next(iter(draw_frames(replace(frames, width=width, height=height, count=1)))), ".jpg")
        names = {"node_id": node, "prompt_id": self.item.prompt_id, **self._names(node)}
        self.hub.send_preview(picture, names, with_metadata=with_metadata)

    def _names(self, node: str) -> dict[str, Any]:
        return {"display_node_id": node, "parent_node_id": None, "real_node_id": node}

    def _to_client(self, event: str, data: dict[str, Any]) -> None:
        if self.hub.client_id is not None:
            self.hub.send(event, data, self.hub.client_id)
