"""Prefect's REST API, in its own words. Over httpx, so that no process pays for importing Prefect to ask a question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from tower.errors import UnavailableError
from tower.errors.codes import ErrorCode

TERMINAL = frozenset({"COMPLETED", "CANCELLED", "FAILED", "CRASHED"})
NOT_STARTED = frozenset({"SCHEDULED", "PENDING", "PAUSED"})
PAGE = 200  # the server's own limit of a filter's answer


@dataclass(frozen=True)
class FlowRunRequest:
    """A run of a deployment, as asked for. An `idempotency_key` seen before gives the run of that time."""

    deployment: str
    name: str
    parameters: Mapping[str, Any]
    tags: tuple[str, ...]
    idempotency_key: str


@dataclass(frozen=True)
class FlowRunState:
    """Where a run is: `type` is one of Prefect's state types, `message` what it says of it."""

    type: str
    name: str
    message: str | None

    @property
    def ended(self) -> bool:
        return self.type in TERMINAL


@dataclass(frozen=True)
class FlowRunSeen:
    """`scheduled_for`: when it is due, which is its place in its pool's queue; None once a worker has taken it."""

    state: FlowRunState
    scheduled_for: datetime | None

    @property
    def waits(self) -> bool:
        return self.state.type == "SCHEDULED" and self.scheduled_for is not None


@dataclass(frozen=True)
class WorkPool:
    """`slots`: runs at once over all its workers; None: no limit."""

    name: str
    is_paused: bool
    slots: int | None


@dataclass(frozen=True)
class WorkerSeen:
    name: str
    status: str
    last_heartbeat: datetime | None


class PrefectClient:
    """One Prefect server. Every call raises UnavailableError if it does not answer in time or refuses."""

    def __init__(self, url: str, *, timeout_s: float = 5.0) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, timeout=timeout_s, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def version(self) -> str:
        """The server's version; it answers, so it is well."""
        return str(self._ask("GET", "/admin/version"))

    def create_flow_run(self, request: FlowRunRequest) -> UUID:
        """Ask for a run of a deployment; the id of the run."""
        deployment = self._ask("GET", f"/deployments/name/{request.deployment}")
        run = self._ask(
            "POST",
            f"/deployments/{deployment['id']}/create_flow_run",
            {
                "name": request.name,
                "parameters": dict(request.parameters),
                "tags": list(request.tags),
                "idempotency_key": request.idempotency_key,
                "state": {"type": "SCHEDULED"},
            },
        )
        return UUID(run["id"])

    def states(self, flow_run_ids: Iterable[UUID]) -> dict[UUID, FlowRunState]:
        """The state of each run that the server knows; an unknown one is left out."""
        return {run_id: run.state for run_id, run in self.runs(flow_run_ids).items()}

    def runs(self, flow_run_ids: Iterable[UUID]) -> dict[UUID, FlowRunSeen]:
        """Where each run is, and when it is due. One that the server does not know is left out."""
        wanted = [str(flow_run_id) for flow_run_id in flow_run_ids]
        found: dict[UUID, FlowRunSeen] = {}
        for start in range(0, len(wanted), PAGE):
            asked = {"flow_runs": {"id": {"any_": wanted[start : start + PAGE]}}, "limit": PAGE}
            found |= {
                UUID(run["id"]): FlowRunSeen(_state(run["state"]), _time(run.get("next_scheduled_start_time")))
                for run in self._ask("POST", "/flow_runs/filter", asked)
                if run["state"] is not None
            }
        return found

    def reschedule(self, flow_run_id: UUID, due: datetime) -> bool:
        """Give a waiting run another place: a pool's runs are taken in the order of their scheduled times.

        False if a worker took it in the same moment: it then goes on as if nothing had been asked.
        """
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
        self._ask("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": state, "force": False})
        states = self._ask("GET", f"/flow_run_states/?flow_run_id={flow_run_id}")
        before = sorted(states, key=lambda state: str(state["timestamp"]))[-2:-1]
        if not before or before[0]["type"] == "SCHEDULED":
            return True
        # the server has no compare-and-set: what we overwrote is put back, so that no worker takes it a second time
        self._ask("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": {"type": "PENDING"}, "force": False})
        return False

    def cancel(self, flow_run_id: UUID, state: FlowRunState) -> None:
        """End a run: one that has not started at once, a running one through its worker."""
        kind = "CANCELLED" if state.type in NOT_STARTED else "CANCELLING"
        self._ask("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": {"type": kind}, "force": False})

    def work_pool(self, name: str) -> WorkPool:
        row = self._ask("GET", f"/work_pools/{name}")
        return WorkPool(row["name"], is_paused=row["is_paused"], slots=row["concurrency_limit"])

    def make_queues(self, pool: str, names: Iterable[str]) -> None:
        """Those that the pool lacks: the server refuses a worker that takes from an unknown queue."""
        there = {row["name"] for row in self._ask("POST", f"/work_pools/{pool}/queues/filter", {"limit": PAGE})}
        for name in names:
            if name not in there:
                self._ask("POST", f"/work_pools/{pool}/queues", {"name": name})

    def set_paused(self, pool: str, paused: bool) -> None:
        """A paused pool hands out no run; what runs goes on."""
        self._ask("PATCH", f"/work_pools/{pool}", {"is_paused": paused})

    def workers(self, pool: str) -> list[WorkerSeen]:
        """The workers that have ever polled this pool and what the server thinks of them."""
        rows = self._ask("POST", f"/work_pools/{pool}/workers/filter", {"limit": PAGE})
        return [WorkerSeen(row["name"], row["status"], _time(row.get("last_heartbeat_time"))) for row in rows]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
            answer.raise_for_status()
        except httpx.HTTPStatusError as refused:
            said = refused.response.text[:200]
            raise UnavailableError(
                f"Prefect refused {method} {path}: {refused.response.status_code} {said}",
                code=ErrorCode.PREFECT_REFUSED,
            ) from refused
        except httpx.HTTPError as silent:
            raise UnavailableError(
                f"Prefect does not answer at {self.url}: {silent or type(silent).__name__}",
                code=ErrorCode.PREFECT_UNAVAILABLE,
            ) from silent
        return answer.json() if answer.content else None


def _state(said: Mapping[str, Any]) -> FlowRunState:
    return FlowRunState(said["type"], said["name"], said["message"])


def _time(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None
