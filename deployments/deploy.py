"""Tells a Prefect server what Tower is: work pools, deployments, the automation that finds dead runs.

    python -m deployments.deploy [prefect.yaml]

A process of its own, so that the supervisor never pays for importing Prefect. Does the same thing every time.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
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
from prefect.exceptions import ObjectNotFound
from prefect.types.entrypoint import EntrypointType
from prefect.workers.process import ProcessWorker

from deployments.entrypoints import PREFECT_YAML, entries
from tower.engines.choice import ANY_WORKER, queue_of
from tower.engines.installed import installed
from tower.errors import StackError

RUN_COMMAND = "tower-warm-run"
CPU_RUNS = 16  # recipes mostly wait for their renders; more at once would only hold memory
ZOMBIES = "Tower: a run without heartbeat has crashed"
SILENCE = timedelta(seconds=90)  # three heartbeats


async def deploy(file: Path) -> None:
    """Make or update everything. StackError if `file` names something that is not there."""
    deployments = deployments_of(file)
    async with get_client() as client:
        await _make_pool(client, "cpu", runs=CPU_RUNS, description="Recipes: everything but rendering.")
        await _make_pool(client, "gpu", runs=None, description="Renders; each worker takes one for each of its slots.")
        for engine in installed().entries:
            if (queue := queue_of(engine)) != ANY_WORKER:
                await _make_queue(client, queue, pool="gpu", description=f"Segments for the engine {engine}.")
        await _make_zombie_automation(client)
    for deployment in deployments:
        await deployment.aapply()


def deployments_of(file: Path) -> list[RunnerDeployment]:
    """What `file` says, ready to be applied. StackError if it names something that is not there."""
    return [_deployment(entry) for entry in entries(file)]


def main() -> None:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else PREFECT_YAML
    try:
        asyncio.run(deploy(file))
    except StackError as error:
        sys.exit(str(error))


async def _make_pool(client: PrefectClient, name: str, *, runs: int | None, description: str) -> None:
    """Make it, or bring it up to date and leave it paused if somebody paused it."""
    template = ProcessWorker.get_default_base_job_template()
    template["variables"]["properties"]["command"]["default"] = RUN_COMMAND
    shape = {"description": description, "base_job_template": template, "concurrency_limit": runs}
    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        await client.create_work_pool(WorkPoolCreate(name=name, type=ProcessWorker.type, **shape))
    else:
        await client.update_work_pool(name, WorkPoolUpdate(**shape))


async def _make_queue(client: PrefectClient, name: str, *, pool: str, description: str) -> None:
    try:
        await client.read_work_queue_by_name(name, work_pool_name=pool)
    except ObjectNotFound:
        await client.create_work_queue(name, description=description, work_pool_name=pool)


async def _make_zombie_automation(client: PrefectClient) -> None:
    if await client.read_automations_by_name(ZOMBIES):
        return
    endings = {f"prefect.flow-run.{name}" for name in ("Completed", "Failed", "Cancelled", "Crashed")}
    heartbeat = "prefect.flow-run.heartbeat"
    trigger = EventTrigger(
        after={heartbeat},
        expect={heartbeat, *endings},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=SILENCE,
    )
    crash = ChangeFlowRunState(state=StateType.CRASHED, message=f"No heartbeat for {SILENCE.seconds} s.")
    await client.create_automation(AutomationCore(name=ZOMBIES, trigger=trigger, actions=[crash]))


def _deployment(entry: dict[str, Any]) -> RunnerDeployment:
    """One entry as a deployment that runs from the installed package, wherever the worker stands."""
    entry = dict(entry)
    pool = entry.pop("work_pool")
    flow = _flow(entry.pop("entrypoint"))
    schedules = [_schedule(one) for one in entry.pop("schedules", [])]
    return RunnerDeployment.from_flow(
        flow,
        **entry,
        schedules=schedules or None,
        work_pool_name=pool["name"],
        work_queue_name=pool.get("work_queue_name"),
        job_variables=pool.get("job_variables"),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def _schedule(said: dict[str, Any]) -> DeploymentScheduleCreate:
    """Told by its slug from others when it is applied again; whether it is active is left as somebody has set it."""
    cron = CronSchedule(cron=said["cron"], timezone=said.get("timezone", "UTC"))
    return DeploymentScheduleCreate(schedule=cron, slug=said["slug"])


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
