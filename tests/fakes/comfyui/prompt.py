"""POST /prompt."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tests.fakes.comfyui.answers import CrashError, JsonResponse, is_canonical_id, read_json
from tests.fakes.comfyui.graph import Verdict, build_problem, validate_graph
from tests.fakes.comfyui.misbehaviour import NodeErrors, TimeoutAfterAccepting
from tests.fakes.comfyui.queue import PromptQueue, QueuedPrompt
from tests.fakes.comfyui.setup import FakeSetup, SubmittedPrompt

ID_RULE = (
    "prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let the server generate one"
)
POLL_S = 0.05


class PromptEndpoint:
    def __init__(self, setup: FakeSetup, queue: PromptQueue, dying: threading.Event) -> None:
        self._setup, self._queue, self._dying = setup, queue, dying
        self._number = 0

    async def prompt(self, request: Request) -> Response:
        body = await read_json(request)
        if not isinstance(body, dict | list):
            raise CrashError
        number = self._numbered(body if isinstance(body, dict) else {})
        if not isinstance(body, dict) or "prompt" not in body:
            return _refused(build_problem("no_prompt", "No prompt provided", "No prompt provided"))
        prompt_id = body.get("prompt_id") or str(uuid.uuid4())
        if self._setup.is_at_least("0.24.0") and not is_canonical_id(prompt_id):
            return _refused(build_problem("invalid_prompt_id", "prompt_id must be a valid UUID", ID_RULE))
        verdict = self._judged(body)
        if verdict.error:
            return _refused(verdict.error, verdict.node_errors)
        verdict = self._drop_an_output(verdict, body["prompt"])
        self._accept(body, number, prompt_id, verdict.outputs)
        if misbehaviour := self._setup.misbehaviours.take(TimeoutAfterAccepting):
            await self._delay(misbehaviour.answer_after_s)
        return JsonResponse({"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors})

    def _numbered(self, body: dict[str, Any]) -> float:
        """Refused prompts use up numbers too."""
        if "number" in body:
            return float(body["number"])
        number, self._number = self._number, self._number + 1
        return -number if body.get("front") else number

    def _judged(self, body: dict[str, Any]) -> Verdict:
        setup, targets = self._setup, body.get("partial_execution_targets")
        try:
            verdict = validate_graph(
                body["prompt"],
                setup.current_object_info(),
                uploaded=lambda name: setup.folders.find_upload(name) is not None,
                targets=targets,
            )
        except (TypeError, AttributeError) as error:
            raise CrashError from error
        if verdict.error and verdict.error["type"] == "missing_node_type" and not setup.is_at_least("0.11.1"):
            verdict.error["type"] = "invalid_prompt"
        return verdict

    def _accept(self, body: dict[str, Any], number: float, prompt_id: str, outputs: list[str]) -> None:
        extra_data = dict(body.get("extra_data", {}))
        if "client_id" in body:
            extra_data["client_id"] = body["client_id"]
        if self._setup.is_at_least("0.3.68"):
            extra_data["create_time"] = int(time.time() * 1000)
        graph, client_id = body["prompt"], extra_data.get("client_id")
        self._setup.prompts.append(SubmittedPrompt(prompt_id, number, graph, client_id, extra_data))
        self._queue.put(QueuedPrompt(number, prompt_id, graph, extra_data, outputs))

    def _drop_an_output(self, verdict: Verdict, graph: dict[str, Any]) -> Verdict:
        if not self._setup.misbehaviours.take(NodeErrors):
            return verdict
        dropped, *remaining = verdict.outputs
        missing = build_problem("required_input_missing", "Required input is missing", "images", input_name="images")
        dropped_error = {
            "errors": [missing],
            "dependent_outputs": [dropped],
            "class_type": graph[dropped]["class_type"],
        }
        return Verdict(remaining, None, {**verdict.node_errors, dropped: dropped_error})

    async def _delay(self, seconds: float | None) -> None:
        """Wait that long or, with None, until the process ends."""
        until = None if seconds is None else time.monotonic() + seconds
        while not self._dying.is_set() and (until is None or time.monotonic() < until):
            await asyncio.sleep(POLL_S)


def _refused(error: dict[str, Any], node_errors: dict[str, Any] | None = None) -> Response:
    return JsonResponse({"error": error, "node_errors": node_errors or {}}, 400)
