"""Health checks of the stack and its parts, for a container or an init system."""

from __future__ import annotations

import httpx

from deployments import prefect_secret, stack
from deployments.worker_plans import POOLS, plan_standalone_worker
from tower.clients.prefect import PrefectClient
from tower.errors import StackError
from tower.settings import Settings

SERVERS = ("prefect", "production", "episodes", "music")
PARTS = (*SERVERS, *POOLS)
ANSWER_TIMEOUT_S = 5.0
MAX_HEARTBEAT_AGE_S = 90.0  # three heartbeats of a worker


def require_part(settings: Settings, part: str, *, label: str | None = None) -> None:
    """Raise StackError unless this part runs here and answers. `label` is the --name of a worker."""
    if part in POOLS:
        _require_worker(settings, part, label)
    else:
        _require_server(settings, part)


def require_stack(settings: Settings) -> None:
    """Raise StackError unless `tower up` is ready on this data folder and all its servers answer."""
    if stack.find_running(settings) is None:
        raise StackError(f"No stack is ready on {settings.data}: start it with `tower up`.")
    for server in SERVERS:
        _require_server(settings, server)


def _require_server(settings: Settings, server: str) -> None:
    bases = {
        "prefect": settings.prefect_url,
        "production": settings.production_url,
        "episodes": settings.episodes_url,
        "music": settings.music_url,
    }
    url = f"{bases[server]}/health"
    try:
        httpx.get(url, timeout=ANSWER_TIMEOUT_S, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise StackError(f"{server} is not healthy at {url}: {error}") from error


def _require_worker(settings: Settings, pool: str, label: str | None) -> None:
    """A worker is healthy while it sends heartbeats to Prefect."""
    name = plan_standalone_worker(settings, pool, label).name
    client = PrefectClient(settings.prefect_url, auth_string=prefect_secret.find(settings), timeout_s=ANSWER_TIMEOUT_S)
    try:
        silences_s = [worker.silent_s for worker in client.list_workers(pool) if worker.name == name]
    finally:
        client.close()
    if not any(silent_s is not None and silent_s < MAX_HEARTBEAT_AGE_S for silent_s in silences_s):
        raise StackError(f"The worker {name} has sent Prefect no heartbeat for {MAX_HEARTBEAT_AGE_S:.0f} s.")
