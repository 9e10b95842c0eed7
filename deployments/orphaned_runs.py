"""Ends flow runs of this machine that have lost their process, so that their state in Prefect stays correct.

Prefect learns that a process ended from the worker that started it. If that worker died too, the run would stay
Running, Cancelling or Pending forever. Runs that another worker claimed are never touched.
A run that a worker took without labelling it has no process anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import psutil

from tower.clients.prefect import WORKER_LABEL, client_options, read_server_time

RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"  # in the environment of a run's launcher, or of the run itself if started cold
MIN_AGES_S = {
    "RUNNING": 10.0,
    "CANCELLING": 10.0,
    "PENDING": 60.0,
}  # a younger run may not have started its process yet
UNLABELLED_AGE_S = 180.0  # a worker that takes a run labels it at once; this one died before
POOLS = ("cpu", "gpu")
SWEEP_INTERVAL_S = 15.0  # pause between two passes
_PAGE = 200

log = logging.getLogger(__name__)


def find_runs_with_process() -> set[str]:
    """The ids of all flow runs that have a process on this machine."""
    found = set()
    for process in psutil.process_iter():
        try:
            found.add(process.environ().get(RUN_VARIABLE, ""))
        except psutil.Error:
            continue  # the process is another user's, or has just ended
    return found


class OrphanedRunSweeper:
    """Ends runs without a process that the named workers have claimed on one Prefect server."""

    def __init__(
        self,
        prefect_api_url: str,
        worker_names: frozenset[str],
        *,
        auth_string: str | None = None,
        find_live_runs: Callable[[], set[str]] = find_runs_with_process,
    ) -> None:
        self._http = httpx.Client(**client_options(prefect_api_url, auth_string), timeout=5.0, trust_env=False)
        self._workers = worker_names
        self._living = find_live_runs

    def sweep(self) -> None:
        """Check all unfinished runs once. If the server does not answer, the next pass tries again."""
        try:
            claimed = [run for run, age_s in self._unfinished() if self._is_ours(run, age_s) and _is_old(run, age_s)]
            living = self._living() if claimed else set()
            for run in claimed:
                if run["id"] not in living:
                    self._end(run)
        except httpx.HTTPError as error:
            log.debug("Prefect did not answer the sweep: %s", error)

    def _unfinished(self) -> list[tuple[dict[str, Any], float]]:
        """The unfinished runs, and the seconds that each has been in its state by the server's clock."""
        query = {"flow_runs": {"state": {"type": {"any_": list(MIN_AGES_S)}}}, "limit": _PAGE, "sort": "START_TIME_ASC"}
        answer = self._http.post("/flow_runs/filter", json=query).raise_for_status()
        now = read_server_time(answer)
        return [(run, _age_s(run, now)) for run in answer.json()]

    def _is_ours(self, run: dict[str, Any], age_s: float) -> bool:
        worker = (run.get("labels") or {}).get(WORKER_LABEL)
        return worker in self._workers or (worker is None and _was_never_labelled(run, age_s))

    def _end(self, run: dict[str, Any]) -> None:
        current = self._http.get(f"/flow_runs/{run['id']}").raise_for_status().json()
        if current["state"]["id"] != run["state"]["id"]:
            return  # its state has changed since it was listed
        state = _final_state(run["state"]["type"])
        answer = self._http.post(f"/flow_runs/{run['id']}/set_state", json={"state": state, "force": True})
        answer.raise_for_status()
        log.warning("the run %s was %s without a process: now %s", run["name"], run["state"]["name"], state["type"])


def _was_never_labelled(run: dict[str, Any], age_s: float) -> bool:
    """Whether a worker of Tower's pools took the run and died before it wrote its label: no process can follow."""
    is_pending = run["state"]["type"] == "PENDING" and run.get("work_pool_name") in POOLS
    return is_pending and age_s > UNLABELLED_AGE_S


def _is_old(run: dict[str, Any], age_s: float) -> bool:
    return age_s > MIN_AGES_S[run["state"]["type"]]


def _age_s(run: dict[str, Any], now: datetime) -> float:
    return (now - datetime.fromisoformat(run["state"]["timestamp"])).total_seconds()


def _final_state(state_type: str) -> dict[str, str]:
    if state_type == "CANCELLING":
        return {"type": "CANCELLED", "name": "Cancelled", "message": "Cancelled; no process was left to end."}
    return {"type": "CRASHED", "name": "Crashed", "message": "No process works on this run any more."}
