"""The Prefect server and the workers that poll it."""

from __future__ import annotations

from collections.abc import Sequence

from deployments.checks import Check
from deployments.checks.database import RestingWorker
from tower.clients.prefect import PrefectClient
from tower.errors import UnavailableError

MAX_HEARTBEAT_AGE_S = 90.0  # three heartbeats


def check_server(api_url: str, auth_string: str | None = None) -> Check:
    client = PrefectClient(api_url, auth_string=auth_string)
    try:
        return Check("prefect", "ok", f"{client.get_version()} answers at {client.url}")
    except UnavailableError as error:
        remedy = "Read logs/prefect.log, or check PREFECT_API_URL."
        return Check("prefect", "fail", error.message, remedy)
    finally:
        client.close()


def check_workers(
    api_url: str, pool: str, resting: Sequence[RestingWorker] = (), *, auth_string: str | None = None
) -> Check:
    """Whether a worker of the pool polls. One that rests polls Prefect no more, and is not dead."""
    name = f"{pool} workers"
    client = PrefectClient(api_url, auth_string=auth_string)
    try:
        silences_s = [worker.silent_s for worker in client.list_workers(pool) if worker.silent_s is not None]
    except UnavailableError as error:
        return Check(name, "unknown", f"Prefect does not answer: {error.message}")
    finally:
        client.close()
    alive = [silent_s for silent_s in silences_s if silent_s < MAX_HEARTBEAT_AGE_S]
    if resting:
        reasons = "; ".join(f"{worker.name} rests: {worker.reason}" for worker in resting)
        return Check(name, "warn", reasons, "Remove the reason: a resting worker tries again by itself.")
    if not alive:
        return Check(name, "fail", "none is alive", f"Start one with `tower up` or `tower worker {pool}`.")
    return Check(name, "ok", f"{len(alive)} alive, last heartbeat {min(alive):.0f} s ago")
