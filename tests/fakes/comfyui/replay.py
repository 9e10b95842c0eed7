"""Loads recordings and compares answers of the fake with them."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.fakes.comfyui.setup import RECORDINGS

TIMEOUT_S = 30.0
FRAMES_WRITTEN = {"VHS_VideoCombine"}  # nodes whose ticks depend on the clock
TranscriptSummary = list[tuple[Any, ...]]


def load_exchange(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((RECORDINGS / "http" / f"{name}.json").read_text())
    return read


def load_workflow(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((RECORDINGS / "workflows" / f"{name}.json").read_text())
    return read


def list_recordings(*patterns: str) -> list[str]:
    return sorted({path.stem for pattern in patterns for path in (RECORDINGS / "http").glob(f"{pattern}.json")})


def load_history(name: str) -> dict[str, Any]:
    """The one entry of a recorded GET /history/{id}."""
    entry: dict[str, Any] = next(iter(load_exchange(name)["json"].values()))
    return entry


def load_transcript(name: str) -> list[dict[str, Any]]:
    """Messages in order; a binary frame as {"type": "binary", "event": …}."""
    lines = [json.loads(line) for line in (RECORDINGS / "ws" / f"{name}.jsonl").read_text().splitlines()]
    frames = [line.get("msg") or {"type": "binary", **line["binary"]} for line in lines if {"msg", "binary"} & {*line}]
    return [frame for frame in frames if frame["type"] != "feature_flags"]


class ReplayClient:
    """A simple client without error handling."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=TIMEOUT_S, verify=False)

    def open_socket(self, client_id: str | None = None) -> Connection:
        query = f"?clientId={client_id}" if client_id else ""
        return connect(f"{self.url.replace('http', 'ws')}/ws{query}", max_size=None, open_timeout=TIMEOUT_S)

    def submit(self, graph: dict[str, Any], client_id: str | None = None, **more: Any) -> str:
        client = {"client_id": client_id} if client_id else {}
        answer = self.http.post("/prompt", json={"prompt": graph, **client, **more})
        answer.raise_for_status()
        prompt_id: str = answer.json()["prompt_id"]
        return prompt_id

    def wait_for_history(self, prompt_id: str) -> dict[str, Any]:
        """Wait for the entry of the history and return it."""
        until = time.monotonic() + TIMEOUT_S
        while time.monotonic() < until:
            if history := self.http.get(f"/history/{prompt_id}").json():
                entry: dict[str, Any] = history[prompt_id]
                return entry
            time.sleep(0.005)
        raise TimeoutError(f"{prompt_id} did not end")

    def wait_for_start(self, prompt_id: str) -> None:
        until = time.monotonic() + TIMEOUT_S
        while prompt_id not in [row[1] for row in self.http.get("/queue").json()["queue_running"]]:
            if time.monotonic() > until:
                raise TimeoutError(f"{prompt_id} did not start")
            time.sleep(0.005)

    def run_and_listen(self, graph: dict[str, Any], *, metadata: bool = False, **more: Any) -> list[dict[str, Any]]:
        """Run a prompt and return all messages from the opening of the socket to executing null."""
        client_id = uuid.uuid4().hex
        with self.open_socket(client_id) as socket:
            if metadata:
                socket.send(json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}))
            self.submit(graph, client_id, **more)
            return read_until_idle(socket)

    def view(self, file: dict[str, Any]) -> httpx.Response:
        return self.http.get("/view", params={name: file[name] for name in ("filename", "subfolder", "type")})


def build_light_graph(seconds: float, salt: int = 0, *, interruptible: bool = True) -> dict[str, Any]:
    """EmptyImage → RigSleep → SaveImage."""
    graph: dict[str, Any] = load_history("history_interrupted")["prompt"][2]
    graph["2"]["inputs"] |= {"seconds": seconds, "salt": salt, "interruptible": interruptible}
    return graph


def wait_for_event(socket: Connection, event: str, node: str) -> None:
    """Read messages until this event arrives."""
    while True:
        item = parse_message(socket.recv(timeout=TIMEOUT_S))
        if item["type"] == event and item["data"].get("node") == node:
            return


def read_until_idle(socket: Connection) -> list[dict[str, Any]]:
    messages = []
    while True:
        item = parse_message(socket.recv(timeout=TIMEOUT_S))
        if item["type"] != "feature_flags":
            messages.append(item)
        if item["type"] == "executing" and item["data"]["node"] is None:
            return messages


def read_until_quiet(socket: Connection, quiet_s: float = 0.2) -> list[dict[str, Any]]:
    """Read messages until none has arrived for `quiet_s`."""
    messages = []
    while True:
        try:
            messages.append(parse_message(socket.recv(timeout=quiet_s)))
        except TimeoutError:
            return messages


def parse_message(message: str | bytes) -> dict[str, Any]:
    if isinstance(message, bytes):
        return {"type": "binary", "event": int.from_bytes(message[:4], "big")}
    item: dict[str, Any] = json.loads(message)
    return item


def summarise(messages: Iterable[dict[str, Any]], graph: dict[str, Any], skip: set[str]) -> TranscriptSummary:
    """A transcript without ids, times, file names, nodes of `skip`, and clock-dependent ticks."""
    summary: TranscriptSummary = []
    states_before: tuple[Any, ...] = ()
    for message in messages:
        kind, data = message["type"], message.get("data", {})
        if data.get("node") in skip or "sid" in data:
            continue
        if kind == "progress_state":
            states = {n: (s["value"], s["max"], s["state"]) for n, s in data["nodes"].items() if n not in skip}
            item: tuple[Any, ...] = tuple(sorted(states.items()))
            if item == states_before:
                continue
            states_before = item
        elif kind == "progress":
            item = (data["node"], data["value"], data["max"])
        else:
            item = _essence(kind, data, skip) if kind != "binary" else (message["event"],)
        summary.append((kind, *item))
    return _unclocked(
        summary, {node for node, node_fields in graph.items() if node_fields["class_type"] in FRAMES_WRITTEN}
    )


def _essence(kind: str, data: dict[str, Any], skip: set[str]) -> tuple[Any, ...]:
    if kind == "execution_cached":
        return tuple(node for node in data["nodes"] if node not in skip)
    if kind == "executed":
        return data["node"], tuple((name, len(files)) for name, files in data["output"].items())
    if kind == "status":
        return (data["status"]["exec_info"]["queue_remaining"],)
    names = ("node", "display_node", "node_id", "node_type", "exception_type", "prompt_id")
    return tuple(data[name] if name != "prompt_id" else "prompt_id" for name in names if name in data)


def _unclocked(summary: TranscriptSummary, clocked: set[str]) -> TranscriptSummary:
    """Keep only the first and last tick of these nodes, and one of several equal states."""
    reduced: TranscriptSummary = []
    for item in summary:
        if item[0] == "progress" and item[1] in clocked and item[2] not in (1, item[3]):
            continue
        running = [state for state in item[1:] if item[0] == "progress_state" and state[0] in clocked]
        if any(state[1][2] == "running" and 1 < state[1][0] < state[1][1] for state in running):
            continue
        reduced.append(item)
    return reduced


def normalise(value: Any, root: Path | None = None) -> Any:
    """Remove everything that differs between runs: ids, times, file numbers, folders of the machine, order of sets."""
    if isinstance(value, dict):
        return {name: _PLAIN[name] if name in _PLAIN else normalise(inner, root) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [normalise(inner, root) for inner in value]
    if isinstance(value, str):
        text = value.replace(str(root), "/srv/comfyui") if root else value
        text = re.sub(r"_\d{5}", "_#", text)
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", text)
    return value


_PLAIN: dict[str, Any] = {
    "timestamp": 0,
    "create_time": 0,
    "execution_start_time": 0,
    "execution_end_time": 0,
    "priority": 0,
    "number": 0,
    "client_id": "<id>",
    "nodes": [],  # of execution_cached: depends on runs before the recording
    "executed": [],
    "current_inputs": {},
    "current_outputs": [],
}
