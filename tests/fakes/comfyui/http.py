"""The HTTP endpoints of one server process, all of them under /api too."""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from tests.fakes.comfyui import jobs
from tests.fakes.comfyui.answers import (
    CrashError,
    JsonResponse,
    answer_crash,
    answer_not_found,
    is_canonical_id,
    read_object,
)
from tests.fakes.comfyui.misbehaviour import InterruptTooLate
from tests.fakes.comfyui.prompt import PromptEndpoint
from tests.fakes.comfyui.queue import PromptQueue
from tests.fakes.comfyui.setup import FakeSetup, load_recorded
from tests.fakes.comfyui.sockets import FEATURES, SocketHub
from tests.fakes.comfyui.transfers import TransferEndpoints
from tests.fakes.comfyui.worker import PromptWorker

MODEL_BYTES = 2_132_625_894
Endpoint = Callable[[Request], Awaitable[Response]]


def create_application(
    setup: FakeSetup, queue: PromptQueue, hub: SocketHub, worker: PromptWorker, dying: threading.Event
) -> Starlette:
    endpoints, prompting, transfers = (
        _StateEndpoints(setup, queue, worker),
        PromptEndpoint(setup, queue, dying),
        TransferEndpoints(setup),
    )
    gets: dict[str, Endpoint] = {
        "/": endpoints.root,
        "/system_stats": endpoints.system_stats,
        "/features": endpoints.features,
        "/object_info": endpoints.object_info,
        "/object_info/{name}": endpoints.object_info,
        "/models": endpoints.models,
        "/models/{folder}": endpoints.models,
        "/experiment/models/{folder}": endpoints.model_files,
        "/embeddings": endpoints.embeddings,
        "/prompt": endpoints.remaining,
        "/queue": endpoints.queue,
        "/history": endpoints.history,
        "/history/{prompt_id}": endpoints.history_of,
        "/view": transfers.view,
    }
    posts: dict[str, Endpoint] = {
        "/prompt": prompting.prompt,
        "/queue": endpoints.change_queue,
        "/history": endpoints.change_history,
        "/interrupt": endpoints.interrupt,
        "/free": endpoints.free,
        "/upload/image": transfers.upload,
    }
    routes: list[BaseRoute] = [Route(path, endpoint) for path, endpoint in gets.items()]
    routes += [Route(path, endpoint, methods=["POST"]) for path, endpoint in posts.items()]
    routes.append(WebSocketRoute("/ws", hub.serve))
    handlers: Any = {CrashError: answer_crash, HTTPException: answer_not_found}
    return Starlette(
        routes=[*_jobs(setup, endpoints), Mount("/api", routes=routes), *routes], exception_handlers=handlers
    )


def _jobs(setup: FakeSetup, endpoints: _StateEndpoints) -> list[BaseRoute]:
    """The routes that have no form without /api. Older servers lack them."""
    routes: list[BaseRoute] = []
    if setup.is_at_least("0.25.0"):
        routes.append(Route("/api/jobs/cancel", endpoints.cancel_jobs, methods=["POST"]))
        routes.append(Route("/api/jobs/{prompt_id}/cancel", endpoints.cancel_job, methods=["POST"]))
    if setup.is_at_least("0.5.1"):
        routes += [Route("/api/jobs", endpoints.jobs), Route("/api/jobs/{prompt_id}", endpoints.job)]
    return routes


class _StateEndpoints:
    def __init__(self, setup: FakeSetup, queue: PromptQueue, worker: PromptWorker) -> None:
        self._setup, self._queue, self._worker = setup, queue, worker

    async def root(self, _: Request) -> Response:
        return HTMLResponse("<!DOCTYPE html><title>ComfyUI</title>")

    async def system_stats(self, _: Request) -> Response:
        stats = load_recorded("system_stats")
        stats["system"]["comfyui_version"] = self._setup.version
        if gpu := self._setup.gpu:
            free = {"vram_free": gpu.vram_bytes, "torch_vram_total": 0, "torch_vram_free": 0}
            device = {"name": gpu.name, "type": "cuda", "index": 0, "vram_total": gpu.vram_bytes, **free}
            stats["devices"] = [device]
        return JsonResponse(stats)

    async def features(self, _: Request) -> Response:
        return JsonResponse({**FEATURES, "max_upload_size": self._setup.max_upload_bytes})

    async def object_info(self, request: Request) -> Response:
        info, name = self._setup.current_object_info(), request.path_params.get("name")
        return JsonResponse(info if name is None else {name: info[name]} if name in info else {})

    async def models(self, request: Request) -> Response:
        models, folder = self._setup.models, request.path_params.get("folder")
        if folder is None:
            return JsonResponse(list(models))
        return JsonResponse(models[folder]) if folder in models else Response(status_code=404)

    async def model_files(self, request: Request) -> Response:
        """The files with their sizes, which here are the same for all."""
        models, folder = self._setup.models, request.path_params["folder"]
        if folder not in models or not self._setup.is_at_least("0.5.1"):
            return Response(status_code=404)
        file = {"pathIndex": 0, "modified": 1.0, "created": 1.0, "size": MODEL_BYTES}
        return JsonResponse([{"name": name, **file} for name in models[folder]])

    async def embeddings(self, _: Request) -> Response:
        return JsonResponse([])

    async def remaining(self, _: Request) -> Response:
        return JsonResponse({"exec_info": {"queue_remaining": self._queue.remaining()}})

    async def queue(self, _: Request) -> Response:
        running, pending = self._queue.running(), self._queue.pending()
        return JsonResponse({"queue_running": [i.row() for i in running], "queue_pending": [i.row() for i in pending]})

    async def history(self, request: Request) -> Response:
        most, offset = request.query_params.get("max_items"), request.query_params.get("offset", "-1")
        return JsonResponse(self._queue.entries(int(most) if most else None, int(offset)))

    async def history_of(self, request: Request) -> Response:
        return JsonResponse(self._queue.entry(request.path_params["prompt_id"]))

    async def change_queue(self, request: Request) -> Response:
        body = await read_object(request)
        if body.get("clear"):
            self._queue.clear()
        for prompt_id in body.get("delete", []):
            self._queue.delete(prompt_id)
        return Response()

    async def change_history(self, request: Request) -> Response:
        body = await read_object(request)
        if body.get("clear"):
            self._queue.forget()
        for prompt_id in body.get("delete", []):
            self._queue.forget(prompt_id)
        return Response()

    async def interrupt(self, request: Request) -> Response:
        """Before 0.3.56 the server ignores a prompt_id."""
        try:
            body = json.loads(await request.body())
        except ValueError:
            body = {}
        self._stop(body.get("prompt_id") or None if self._setup.is_at_least("0.3.56") else None)
        return Response()

    async def free(self, request: Request) -> Response:
        body = await read_object(request)
        self._setup.frees.append(body)
        if body.get("unload_models"):
            self._setup.misbehaviours.on_models_unloaded()
        if body.get("free_memory"):
            self._worker.forget.set()
        return Response()

    async def jobs(self, request: Request) -> Response:
        parameters = request.query_params
        states = [s.strip().lower() for s in parameters.get("status", "").split(",") if s.strip()]
        if wrong := [state for state in states if state not in jobs.STATES]:
            reason = f"Invalid status value(s): {', '.join(wrong)}. Valid values: {', '.join(jobs.STATES)}"
            return JsonResponse({"error": reason}, 400)
        matching = jobs.list_jobs(self._queue, states or list(jobs.STATES))
        offset, limit = (
            max(0, int(parameters.get("offset", "0"))),
            int(parameters["limit"]) if "limit" in parameters else None,
        )
        page = matching[offset:] if limit is None else matching[offset : offset + limit]
        more = offset + len(page) < len(matching)
        pages = {"offset": offset, "limit": limit, "total": len(matching), "has_more": more}
        return JsonResponse({"jobs": page, "pagination": pages})

    async def job(self, request: Request) -> Response:
        job = jobs.find_job(self._queue, request.path_params["prompt_id"])
        return JsonResponse({"error": "Job not found"}, 404) if job is None else JsonResponse(job)

    async def cancel_job(self, request: Request) -> Response:
        return JsonResponse({"cancelled": self._cancel(request.path_params["prompt_id"])})

    async def cancel_jobs(self, request: Request) -> Response:
        ids = (await read_object(request)).get("job_ids")
        if not isinstance(ids, list):
            return JsonResponse({"error": "job_ids must be a list"}, 400)
        if wrong := [i if isinstance(i, str) else repr(i) for i in ids if not is_canonical_id(i)]:
            return JsonResponse({"error": "job_ids contains invalid id(s)", "invalid_ids": wrong}, 400)
        cancelled = [self._cancel(prompt_id) for prompt_id in ids]
        return JsonResponse({"cancelled": any(cancelled)})

    def _cancel(self, prompt_id: str) -> bool:
        return self._stop(prompt_id) or self._queue.delete(prompt_id)

    def _stop(self, prompt_id: str | None) -> bool:
        runs = any(prompt_id in (None, item.prompt_id) for item in self._queue.running())
        if runs and self._setup.misbehaviours.take(InterruptTooLate):
            return True
        return self._queue.interrupt(prompt_id)
