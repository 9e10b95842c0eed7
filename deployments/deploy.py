"""Registers Tower on a Prefect server: work pools, deployments, and the automation that ends dead runs.

    python -m deployments.deploy [prefect.yaml]

Runs as its own process, so that the supervisor does not import Prefect. It is idempotent.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect import Flow, get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.events import AutomationCore, EventTrigger, Posture
from prefect.events.actions import ChangeFlowRunState
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.types.entrypoint import EntrypointType
from prefect.workers.process import ProcessWorker

from deployments.entrypoints import PREFECT_YAML, read_deployments
from tower.engines.choice import DEFAULT_QUEUE, list_usable_engines, work_queue_for
from tower.errors import StackError
from tower.settings import Settings

RUN_COMMAND = "tower-warm-run"
MAX_CPU_RUNS = 16  # recipes mostly wait for their renders; more of them only use memory
ZOMBIE_AUTOMATION = "Tower: a run without heartbeat has crashed"
# Prefect dates a heartbeat by the clock of the machine that sends it, so one that is behind must not look dead. A
# machine that is gone is found sooner, by the heartbeats of its worker (tower/jobs/silent_workers.py), or for a render
# by the reports of its worker (tower/rendering/render_runs.py).
MAX_HEARTBEAT_AGE_S = 900


async def deploy(file: Path, settings: Settings) -> None:
    """Create or update everything. Raises StackError if `file` names a flow that cannot be imported."""
    deployments = load_deployments(file)
    async with get_client() as client:
        await _ensure_pool(client, "cpu", runs=MAX_CPU_RUNS, description="Recipes: everything but rendering.")
        await _ensure_pool(
            client, "gpu", runs=None, description="Renders; each worker takes one for each of its slots."
        )
        for queue in list_engine_queues(settings):
            await _ensure_queue(client, queue, pool="gpu", description=f"Segments for the engine {queue}.")
        await _ensure_zombie_automation(client)
    for deployment in deployments:
        await deployment.aapply()


def list_engine_queues(settings: Settings) -> list[str]:
    """The queues of engines that this stack can use. Prefect shows one that no worker polls as not ready.

    A worker of another machine makes the queues of its own engines (deployments/remote_worker.py).
    """
    return sorted({work_queue_for(engine) for engine in list_usable_engines(settings)} - {DEFAULT_QUEUE})


def load_deployments(file: Path) -> list[RunnerDeployment]:
    """The deployments of `file`, ready to be applied. Raises StackError if a flow cannot be imported."""
    return [_deployment(entry) for entry in read_deployments(file)]


def main() -> None:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else PREFECT_YAML
    try:
        asyncio.run(deploy(file, Settings()))
    except StackError as error:
        sys.exit(str(error))


async def _ensure_pool(client: PrefectClient, name: str, *, runs: int | None, description: str) -> None:
    """Create or update the pool. A pool that a user has paused stays paused."""
    template = ProcessWorker.get_default_base_job_template()
    template["variables"]["properties"]["command"]["default"] = RUN_COMMAND
    shape = {"description": description, "base_job_template": template, "concurrency_limit": runs}
    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        await client.create_work_pool(WorkPoolCreate(name=name, type=ProcessWorker.type, **shape))
    else:
        await client.update_work_pool(name, WorkPoolUpdate(**shape))


async def _ensure_queue(client: PrefectClient, name: str, *, pool: str, description: str) -> None:
    try:
        await client.read_work_queue_by_name(name, work_pool_name=pool)
    except ObjectNotFound:
        with suppress(ObjectAlreadyExists):  # a worker that starts at the same time has just created it
            await client.create_work_queue(name, description=description, work_pool_name=pool)


async def _ensure_zombie_automation(client: PrefectClient) -> None:
    automation = build_zombie_automation()
    found = await client.read_automations_by_name(ZOMBIE_AUTOMATION)
    if not found:
        await client.create_automation(automation)
    elif found[0].description != automation.description:  # an earlier version made it
        await client.update_automation(found[0].id, automation)


def build_zombie_automation() -> AutomationCore:
    """The automation that ends a run which sent a heartbeat and no more: its machine is gone."""
    endings = {f"prefect.flow-run.{name}" for name in ("Completed", "Failed", "Cancelled", "Crashed")}
    heartbeat = "prefect.flow-run.heartbeat"
    trigger = EventTrigger(
        after={heartbeat},
        expect={heartbeat, *endings},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=MAX_HEARTBEAT_AGE_S),
    )
    crash = ChangeFlowRunState(state=StateType.CRASHED, message=f"No heartbeat for {MAX_HEARTBEAT_AGE_S} s.")
    description = f"Made by Tower; {MAX_HEARTBEAT_AGE_S} s without a heartbeat."
    return AutomationCore(name=ZOMBIE_AUTOMATION, description=description, trigger=trigger, actions=[crash])


def _deployment(entry: dict[str, Any]) -> RunnerDeployment:
    """A deployment that imports its flow from the installed package, independent of the worker's directory."""
    entry = dict(entry)
    pool = entry.pop("work_pool")
    flow = _flow(entry.pop("entrypoint"))
    schedules = [_schedule(schedule) for schedule in entry.pop("schedules", [])]
    return RunnerDeployment.from_flow(
        flow,
        **entry,
        schedules=schedules or None,
        work_pool_name=pool["name"],
        work_queue_name=pool.get("work_queue_name"),
        job_variables=pool.get("job_variables"),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def _schedule(entry: dict[str, Any]) -> DeploymentScheduleCreate:
    """The slug identifies the schedule when it is applied again; a user's choice of active or not is kept."""
    cron = CronSchedule(cron=entry["cron"], timezone=entry.get("timezone", "UTC"))
    return DeploymentScheduleCreate(schedule=cron, slug=entry["slug"])


def _flow(entrypoint: str) -> Flow[..., Any]:
    module, _, name = entrypoint.rpartition(".")
    try:
        flow = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise StackError(f"prefect.yaml names {entrypoint}, which cannot be imported: {error}") from error
    if not isinstance(flow, Flow):
        raise StackError(f"prefect.yaml names {entrypoint}, which is not a flow.")
    return flow


if __name__ == "__main__":
    main()
