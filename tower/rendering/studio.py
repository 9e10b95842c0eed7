"""What a studio can render now: Prefect's queues, its workers, and the ComfyUI of each.

All pages, commands and refusals ask here.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models.workers import Worker, WorkerState
from tower.addresses import Address
from tower.engines.base import Shot
from tower.engines.choice import FALLBACK_ENGINE
from tower.engines.comfyui.graph_choice import choose_graph
from tower.engines.comfyui.run_plans import RunPlan, find_obstacle
from tower.engines.comfyui.servers import ComfyUIServers, ServerView
from tower.errors import InvalidError, TowerError, UnavailableError
from tower.presets.defaults import load_defaults
from tower.rendering.engine_choice import choose_for_pool, graph_engine_names
from tower.rendering.failure_limits import PRESENT_WITHIN
from tower.rendering.readiness import Readiness, WorkerReadiness, join_reasons
from tower.rendering.run_queues import RunQueues
from tower.settings import AUTO_ENGINE, Settings
from tower.web_names import is_loopback
from tower.workflows.builtins import DEFAULT_WORKFLOWS, builtin_workflows
from tower.workflows.checking import node_classes

ANIMATICS = "pictures are animatics, which the engine animatic draws"
UPLOADED = "reference.png"  # stands for the name that a server gives to an uploaded picture
DEFAULT_SHOT = Shot(prompt="a shot", negative_prompt="", seed=1, width=512, height=512, fps=24, frames=48)


@dataclass(frozen=True)
class Studio:
    """The machines that render for this process's database."""

    settings: Settings
    servers: ComfyUIServers
    queues: RunQueues | None = None  # None: Prefect is not asked

    def close(self) -> None:
        self.servers.close()
        if self.queues is not None:
            self.queues.close()

    def assess(
        self, session: Session, *, engine: str = AUTO_ENGINE, begins: bool = True, waits: bool = True
    ) -> Readiness:
        """Assess Prefect's queues and the workers that have the engine, by answers that are at most some seconds old.

        `begins`: whether the recipe of the job has yet to begin. A caller that does not wait for servers gets what they
        answered last.
        """
        try:
            chosen = choose_for_pool(session, engine, self.settings).name
        except (UnavailableError, InvalidError) as error:
            return Readiness(None, reason=error.message, obstacle=error.message)
        stop = self.queues.find_stop(chosen, begins=begins, waits=waits) if self.queues else None
        if stop is not None:
            return Readiness(chosen, reason=stop, obstacle=stop, note=_note(self.settings, chosen))
        there = [known for known in _list_workers(session) if known.is_there]
        able = [known for known in there if chosen in (known.worker.engine, *known.worker.engines)]
        self._ask_all(able)
        found = tuple(self._assess_worker(session, known, chosen, waits=waits) for known in able)
        note = _note(self.settings, chosen)
        if any(worker.reason is None for worker in found):
            return Readiness(chosen, found, note=note)
        obstacles = [worker.obstacle for worker in found if worker.obstacle]
        obstacle = join_reasons(obstacles) if len(obstacles) == len(found) else None
        return Readiness(chosen, found, join_reasons([worker.reason or "" for worker in found]), obstacle, note)

    def find_recipe_stop(self) -> str | None:
        """Why no recipe begins now, by what Prefect answered last."""
        return None if self.queues is None else self.queues.find_recipe_stop()

    def assess_workers(self, session: Session) -> dict[str, WorkerReadiness]:
        """Assess each worker that ever reported, by name, on the engine that it uses unless a shot names another."""
        workers = _list_workers(session)
        self._ask_all([known for known in workers if known.is_there])
        return {known.worker.name: self._assess_worker(session, known, known.worker.engine) for known in workers}

    def find_lack(self, address: Address, model: str) -> str | None:
        """Why this ComfyUI would not run the default workflows with this model."""
        view = self._view_defaults(address)
        return None if view is None else view.problem or _find_lack(view, model)

    def find_obstacle(self, session: Session, shot: Shot) -> TowerError | None:
        """Why none of the ComfyUI servers that answer can render the shot. None if one can, or none can be asked."""
        try:
            chosen = choose_graph(shot)
        except TowerError as error:
            return error
        obstacles: list[TowerError] = []
        for address in self._addresses([known.worker for known in _list_workers(session) if known.is_there]):
            if address is None:
                return None  # only the worker itself can ask its server
            view = self.servers.view(address, node_classes(chosen.workflow.graph))
            if view is None or view.info is None:
                continue
            reference = UPLOADED if chosen.picture else None
            obstacle = _obstacle_of(RunPlan(chosen.workflow, shot, view.info, reference), view.url)
            if obstacle is None:
                return None
            obstacles.append(obstacle)
        return obstacles[0] if obstacles else None

    def _addresses(self, workers: Sequence[Worker]) -> list[Address | None]:
        """The servers of the workers and the configured one, each once; None for one that cannot be asked from here."""
        found = {worker.comfyui_url: self._address_of(worker) for worker in workers if worker.comfyui_url}
        if self.settings.comfyui is not None:
            found.setdefault(str(self.settings.comfyui), self.settings.comfyui)
        return list(found.values())

    def _address_of(self, worker: Worker) -> Address | None:
        own = self.settings.comfyui
        if own is not None and str(own) == worker.comfyui_url:
            return own
        url = worker.comfyui_url or ""
        is_remote = is_loopback(urlsplit(url).hostname or "") and worker.host != platform.node()
        return Address(url) if url and not is_remote else None

    def _assess_worker(
        self, session: Session, known: _KnownWorker, engine: str, *, waits: bool = True
    ) -> WorkerReadiness:
        worker, name = known.worker, known.worker.name
        if worker.state == WorkerState.STOPPED:
            return WorkerReadiness(name, f"{name} is stopped")
        if not known.is_there:
            return WorkerReadiness(name, f"{name} has not reported for {known.silent_for.total_seconds():.0f} s")
        if worker.state == WorkerState.UNWELL:
            return WorkerReadiness(name, f"{name} rests: {worker.last_failure}")
        address = self._address_of(worker) if engine in graph_engine_names() else None
        view = None if address is None else self._view_defaults(address, waits=waits)
        if view is None:
            return WorkerReadiness(name)
        if view.info is None:
            is_unknown = view.is_locked and address != self.settings.comfyui  # the worker may know the password
            return WorkerReadiness(name, None if is_unknown else f"{name}: {view.problem}")
        lack = _find_lack(view, load_defaults(session).model)
        return WorkerReadiness(name, lacks=f"{name}: {lack}" if lack else None)

    def _ask_all(self, workers: Sequence[_KnownWorker]) -> None:
        """Ask the servers at once, so that several silent ones take no longer than one."""
        for known in workers:
            if (address := self._address_of(known.worker)) is not None:
                self._view_defaults(address, waits=False)

    def _view_defaults(self, address: Address, *, waits: bool = True) -> ServerView | None:
        graphs = [builtin_workflows()[name].workflow.graph for name in DEFAULT_WORKFLOWS]
        classes = {name for graph in graphs for name in node_classes(graph)}
        return self.servers.view(address, classes, waits=waits)


@dataclass(frozen=True)
class _KnownWorker:
    """The row of a worker, and the time since its last report by the database's clock."""

    worker: Worker
    silent_for: timedelta

    @property
    def is_there(self) -> bool:
        return self.worker.state != WorkerState.STOPPED and self.silent_for < PRESENT_WITHIN


def _find_lack(view: ServerView, model: str) -> str | None:
    shots = {name: builtin_workflows()[name].workflow for name in DEFAULT_WORKFLOWS}
    for workflow in shots.values():
        shot = replace(DEFAULT_SHOT, graph=workflow, model=model)
        obstacle = _obstacle_of(RunPlan(workflow, shot, view.info or {}, UPLOADED), view.url)
        if obstacle is not None:
            return obstacle.message
    return None


def _obstacle_of(plan: RunPlan, server: str) -> TowerError | None:
    try:
        return find_obstacle(plan, server)
    except InvalidError as error:
        return error


def _note(settings: Settings, engine: str) -> str | None:
    if engine != FALLBACK_ENGINE:
        return None
    if settings.engine != AUTO_ENGINE:
        return f"{ANIMATICS}: TOWER_ENGINE={settings.engine}"
    return f"{ANIMATICS}: no ComfyUI is configured (TOWER_COMFYUI_URL)"


def _list_workers(session: Session) -> list[_KnownWorker]:
    rows = session.execute(select(Worker, func.now()).order_by(Worker.name))
    return [_KnownWorker(worker, now - worker.seen_at) for worker, now in rows]
