"""A client of Prefect's REST API over httpx, so that a process can query Prefect without the cost of importing it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import httpx

from tower.addresses import Address, ClientOptions
from tower.errors import UnavailableError
from tower.errors.codes import ErrorCode
from tower.errors.foreign import one_line, reason_of

TERMINAL_TYPES = frozenset({"COMPLETED", "CANCELLED", "FAILED", "CRASHED"})
UNSTARTED_TYPES = frozenset({"SCHEDULED", "PENDING", "PAUSED"})
Body = Mapping[str, Any] | Sequence[Mapping[str, Any]]
WORKER_LABEL = "prefect.worker.name"  # of a run, written by the worker that takes it
PAGE_SIZE = 200  # the server's limit of rows per answer
MAX_REASON_LENGTH = 200  # characters of Prefect's reason
REFUSALS = frozenset({400, 404, 405, 409, 410, 422})  # statuses that judge the request; any other says nothing about it


class PrefectRefusedError(UnavailableError):
    """Prefect answered, and this request cannot succeed: what it names does not exist, or it is not valid."""

    code = ErrorCode.PREFECT_REFUSED


@dataclass(frozen=True)
class FlowRunRequest:
    """A request for a run of a deployment. A repeated `idempotency_key` returns the existing run.

    `start_at`: the time at which workers may take it; None: now.
    """

    deployment: str
    name: str
    parameters: Mapping[str, Any]
    tags: tuple[str, ...]
    idempotency_key: str
    start_at: datetime | None = None


@dataclass(frozen=True)
class FlowRunState:
    """The state of a run. `type` is one of Prefect's state types; `message` is Prefect's explanation."""

    type: str
    name: str
    message: str | None

    @property
    def has_ended(self) -> bool:
        return self.type in TERMINAL_TYPES


@dataclass(frozen=True)
class FlowRunInfo:
    """A run as the server reports it.

    `scheduled_for` decides its position in the queue of its pool; None once a worker has taken it. A run without a
    queue is never taken: its queue was deleted. `worker` is the one that has taken it.
    """

    state: FlowRunState
    scheduled_for: datetime | None
    has_queue: bool = True
    pool: str | None = None
    worker: str | None = None

    @property
    def is_waiting(self) -> bool:
        return self.state.type == "SCHEDULED" and self.scheduled_for is not None


@dataclass(frozen=True)
class WorkPool:
    """A work pool. `slots` is the limit of concurrent runs over all its workers; None is no limit."""

    name: str
    is_paused: bool
    slots: int | None


@dataclass(frozen=True)
class WorkQueue:
    """A queue of a work pool. `slots` is the limit of its concurrent runs; None is no limit."""

    name: str
    is_paused: bool
    slots: int | None


@dataclass(frozen=True)
class WorkerInfo:
    """A worker. `silent_s`: the seconds since its last heartbeat by the server's clock; None if it has sent none."""

    name: str
    status: str
    last_heartbeat: datetime | None
    silent_s: float | None = None


@dataclass(frozen=True)
class ScheduleSeen:
    """An active schedule of a deployment, and when its next run is due; None if the server has made no such run.

    `overdue_s`: the seconds since then by the server's clock, below 0 for a run of the future.
    """

    deployment: str
    slug: str
    next_run_at: datetime | None
    overdue_s: float | None = None


def client_options(url: str, auth_string: str | None) -> ClientOptions:
    """What httpx.Client needs to reach a Prefect server that asks for this string."""
    options = Address(url).client_options()
    if auth_string is not None:
        options["headers"]["Authorization"] = f"Basic {base64.b64encode(auth_string.encode()).decode()}"
    return options


def read_server_time(answer: httpx.Response) -> datetime:
    """When the server sent the answer, by its own clock, in whole seconds. Clocks of two machines differ by minutes."""
    try:
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):  # a proxy removed it
        return datetime.now(UTC)


class PrefectClient:
    """A client of one Prefect server. Every call raises UnavailableError if it refuses or does not answer in time.

    `auth_string` is the server's secret, PREFECT_API_AUTH_STRING, if it asks for one.
    """

    def __init__(self, url: str, *, auth_string: str | None = None, timeout_s: float = 5.0) -> None:
        self.url = Address(url).base_url
        self._http = httpx.Client(**client_options(url, auth_string), timeout=timeout_s, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def get_version(self) -> str:
        """The server's version. An answer also shows that the server works."""
        return str(self._request("GET", "/admin/version"))

    def read_clock(self) -> datetime:
        """The time by the server's clock, in whole seconds."""
        return read_server_time(self._send("GET", "/admin/version"))

    def create_flow_run(self, request: FlowRunRequest) -> UUID:
        """Create a run of a deployment and return its id."""
        deployment = self._request("GET", f"/deployments/name/{request.deployment}")
        due = {"state_details": {"scheduled_time": request.start_at.isoformat()}} if request.start_at else {}
        run = self._request(
            "POST",
            f"/deployments/{deployment['id']}/create_flow_run",
            {
                "name": request.name,
                "parameters": dict(request.parameters),
                "tags": list(request.tags),
                "idempotency_key": request.idempotency_key,
                "state": {"type": "SCHEDULED", **due},
            },
        )
        return UUID(run["id"])

    def get_states(self, flow_run_ids: Iterable[UUID]) -> dict[UUID, FlowRunState]:
        """The state of each run. Runs that the server does not know are left out."""
        return {run_id: run.state for run_id, run in self.get_runs(flow_run_ids).items()}

    def get_runs(self, flow_run_ids: Iterable[UUID]) -> dict[UUID, FlowRunInfo]:
        """The state and due time of each run. Runs that the server does not know are left out."""
        return {UUID(run["id"]): _run_info(run) for run in self._find_runs("id", map(str, flow_run_ids))}

    def find_ids(self, idempotency_keys: Iterable[str]) -> dict[str, UUID]:
        """The id of the run of each idempotency key. Keys that the server does not know are left out."""
        runs = self._find_runs("idempotency_key", idempotency_keys)
        return {run["idempotency_key"]: UUID(run["id"]) for run in runs}

    def _find_runs(self, field: str, values: Iterable[str]) -> list[dict[str, Any]]:
        listed = list(values)
        found: list[dict[str, Any]] = []
        for start in range(0, len(listed), PAGE_SIZE):
            query = {"flow_runs": {field: {"any_": listed[start : start + PAGE_SIZE]}}, "limit": PAGE_SIZE}
            found += [run for run in self._request("POST", "/flow_runs/filter", query) if run["state"] is not None]
        return found

    def get_queue_time(self, flow_run_id: UUID) -> datetime | None:
        """The time that gave the run its last position in the queue, even after a worker has taken it."""
        states = self._request("GET", f"/flow_run_states/?flow_run_id={flow_run_id}")
        scheduled = [state for state in states if state["type"] == "SCHEDULED"]
        newest = max(scheduled, key=lambda state: str(state["timestamp"]), default=None)
        return _time(newest["state_details"].get("scheduled_time")) if newest else None

    def reschedule(self, flow_run_id: UUID, due: datetime) -> bool:
        """Move a waiting run in its queue, by its scheduled time: a pool starts its runs in this order.

        Returns False if a worker took the run at the same moment. The run then continues unchanged.
        """
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
        self._request("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": state, "force": False})
        states = self._request("GET", f"/flow_run_states/?flow_run_id={flow_run_id}")
        before = sorted(states, key=lambda state: str(state["timestamp"]))[-2:-1]
        if not before or before[0]["type"] == "SCHEDULED":
            return True
        # the server has no compare-and-set: restore the state, so that no worker takes the run a second time
        self._request("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": {"type": "PENDING"}, "force": False})
        return False

    def cancel(self, flow_run_id: UUID, state: FlowRunState) -> None:
        """Cancel a run. A run that has not started ends immediately, a running one is cancelled by its worker."""
        kind = "CANCELLED" if state.type in UNSTARTED_TYPES else "CANCELLING"
        self._request("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": {"type": kind}, "force": False})

    def force_end(self, flow_run_id: UUID, state_type: str, message: str) -> None:
        """End a run that nothing else ends. Its process, if there is one, learns it from the refusal of its writes."""
        state = {"type": state_type, "message": message}
        self._request("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": state, "force": True})

    def get_work_pool(self, name: str) -> WorkPool:
        row = self._request("GET", f"/work_pools/{name}")
        return WorkPool(row["name"], is_paused=row["is_paused"], slots=row["concurrency_limit"])

    def list_queues(self, pool: str) -> list[WorkQueue]:
        rows = self._request("POST", f"/work_pools/{pool}/queues/filter", {"limit": PAGE_SIZE})
        return [WorkQueue(row["name"], is_paused=row["is_paused"], slots=row["concurrency_limit"]) for row in rows]

    def make_queues(self, pool: str, names: Iterable[str]) -> None:
        """Create the queues that the pool lacks. The server refuses workers of an unknown queue."""
        existing = {queue.name for queue in self.list_queues(pool)}
        for name in names:
            if name not in existing:
                self._make_queue(pool, name)

    def set_paused(self, pool: str, paused: bool) -> None:
        """Pause or resume a pool. A paused pool starts no runs; running ones continue."""
        self._request("PATCH", f"/work_pools/{pool}", {"is_paused": paused})

    def list_workers(self, pool: str) -> list[WorkerInfo]:
        """The workers that have ever polled this pool, with the status that the server gives them."""
        answer = self._send("POST", f"/work_pools/{pool}/workers/filter", {"limit": PAGE_SIZE})
        now = read_server_time(answer)
        return [_worker_info(row, now) for row in self._parse(answer)]

    def schedules(self) -> list[ScheduleSeen]:
        """The active schedules of the deployments that are not paused. Runs of another schedule do not count."""
        return [
            self._schedule_seen(deployment, schedule)
            for deployment in self._request("POST", "/deployments/filter", {"limit": PAGE_SIZE})
            for schedule in deployment["schedules"]
            if schedule["active"] and not deployment["paused"]
        ]

    def set_cron(self, deployment: str, slug: str, *, line: str, timezone: str) -> None:
        """Give the schedule of a deployment this cron line. Runs that were made for another one are replaced."""
        found = self._request("GET", f"/deployments/name/{deployment}")
        cron = {"cron": line, "timezone": timezone}
        path = f"/deployments/{found['id']}/schedules"
        schedule = next((one for one in found["schedules"] if one["slug"] == slug), None)
        if schedule is None:
            self._request("POST", path, [{"schedule": cron, "active": True, "slug": slug}])
        elif cron.items() <= schedule["schedule"].items():
            return
        else:
            self._request("PATCH", f"{path}/{schedule['id']}", {"schedule": cron})
        # the server makes runs for an edited schedule within a minute, for an edited deployment at once
        self._request("PATCH", f"/deployments/{found['id']}", {"description": found["description"]})

    def list_due_times(self, deployment: str, slug: str) -> list[datetime]:
        """When the next runs of a schedule are due."""
        found = self._request("GET", f"/deployments/name/{deployment}")
        ids = [schedule["id"] for schedule in found["schedules"] if schedule["slug"] == slug]
        times = [_time(run["next_scheduled_start_time"]) for run in self._list_waiting(found["id"], ids)]
        return [due for due in times if due is not None]

    def _schedule_seen(self, deployment: Mapping[str, Any], schedule: Mapping[str, Any]) -> ScheduleSeen:
        answer = self._send(
            "POST",
            "/flow_runs/filter",
            {
                "deployments": {"id": {"any_": [deployment["id"]]}},
                "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
                "sort": "NEXT_SCHEDULED_START_TIME_ASC",
                "limit": PAGE_SIZE,
            },
        )
        runs = [run for run in self._parse(answer) if run["created_by"]["id"] == schedule["id"]]
        due = _time(runs[0]["next_scheduled_start_time"]) if runs else None
        overdue_s = (read_server_time(answer) - due).total_seconds() if due else None
        return ScheduleSeen(deployment["name"], schedule["slug"] or schedule["id"], due, overdue_s)

    def _list_waiting(self, deployment_id: str, schedule_ids: Sequence[str]) -> list[dict[str, Any]]:
        """The runs that the server has made for these schedules, the first one first."""
        query = {
            "deployments": {"id": {"any_": [deployment_id]}},
            "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
            "sort": "NEXT_SCHEDULED_START_TIME_ASC",
            "limit": PAGE_SIZE,
        }
        runs: list[dict[str, Any]] = self._request("POST", "/flow_runs/filter", query)
        return [run for run in runs if run["created_by"] and run["created_by"]["id"] in schedule_ids]

    def _request(self, method: str, path: str, body: Body | None = None) -> Any:
        answer = self._send(method, path, body)
        return self._parse(answer) if answer.content else None

    def _make_queue(self, pool: str, name: str) -> None:
        try:
            self._request("POST", f"/work_pools/{pool}/queues", {"name": name})
        except PrefectRefusedError:  # also if another worker, which starts at the same time, has just created it
            if name not in {queue.name for queue in self.list_queues(pool)}:
                raise

    def _send(self, method: str, path: str, body: Body | None = None) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body).raise_for_status()
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            reason = one_line(error.response.text, MAX_REASON_LENGTH)
            if status in REFUSALS and _is_prefects(error.response):
                raise PrefectRefusedError(f"Prefect refused {method} {path}: {status} {reason}") from error
            raise UnavailableError(
                f"Prefect did not serve {method} {path}: {status} {reason}", code=ErrorCode.PREFECT_UNAVAILABLE
            ) from error
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"Prefect does not answer at {self.url}: {reason_of(error)}",
                code=ErrorCode.PREFECT_UNAVAILABLE,
            ) from error

    def _parse(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise UnavailableError(
                f"The answer of {self.url} is not from Prefect; check PREFECT_API_URL",
                code=ErrorCode.PREFECT_UNAVAILABLE,
            ) from error


def _is_prefects(answer: httpx.Response) -> bool:
    """Whether Prefect itself refused, and not a proxy before it: every refusal of Prefect has one of these fields."""
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and not body.keys().isdisjoint({"detail", "exception_message"})


def _run_info(run: Mapping[str, Any]) -> FlowRunInfo:
    return FlowRunInfo(
        _state(run["state"]),
        _time(run.get("next_scheduled_start_time")),
        has_queue=run["work_queue_id"] is not None,
        pool=run.get("work_pool_name"),
        worker=(run.get("labels") or {}).get(WORKER_LABEL),
    )


def _worker_info(row: Mapping[str, Any], now: datetime) -> WorkerInfo:
    seen_at = _time(row.get("last_heartbeat_time"))
    silent_s = max(0.0, (now - seen_at).total_seconds()) if seen_at else None
    return WorkerInfo(row["name"], row["status"], seen_at, silent_s)


def _state(data: Mapping[str, Any]) -> FlowRunState:
    return FlowRunState(data["type"], data["name"], data["message"])


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
