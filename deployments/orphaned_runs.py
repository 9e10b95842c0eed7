"""Ends the runs of this machine that no process works on any more, so that Prefect's picture stays true.

Prefect notices the death of a run's process through the worker that started it. Where that worker died too, the run
would stay Running, Cancelling or Pending for ever. Runs that another worker claimed are never touched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import psutil

RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"  # in the environment of a run's launcher, or of the run itself if started cold
WORKER_LABEL = "prefect.worker.name"
AGES_S = {"RUNNING": 10.0, "CANCELLING": 10.0, "PENDING": 60.0}  # younger ones may be about to have a process
EVERY_S = 15.0  # pause between two passes
_PAGE = 200

log = logging.getLogger(__name__)


def runs_with_a_process() -> set[str]:
    """The ids of all flow runs that a process of this machine works on."""
    found = set()
    for process in psutil.process_iter():
        try:
            found.add(process.environ().get(RUN_VARIABLE, ""))
        except psutil.Error:
            continue  # another user's, or just ended
    return found


class Sweep:
    """Sweeps the runs that the workers called `workers` have claimed on one Prefect server."""

    def __init__(
        self, prefect_api_url: str, workers: frozenset[str], *, living: Callable[[], set[str]] = runs_with_a_process
    ) -> None:
        self._http = httpx.Client(base_url=prefect_api_url.rstrip("/"), timeout=5.0, trust_env=False)
        self._workers = workers
        self._living = living

    def sweep(self) -> None:
        """One pass. A server that does not answer is left for the next one."""
        try:
            claimed = [run for run in self._unfinished() if self._is_ours(run) and _is_old(run)]
            living = self._living() if claimed else set()
            for run in claimed:
                if run["id"] not in living:
                    self._end(run)
        except httpx.HTTPError as error:
            log.debug("Prefect did not answer the sweep: %s", error)

    def _unfinished(self) -> list[dict[str, Any]]:
        wanted = {"flow_runs": {"state": {"type": {"any_": list(AGES_S)}}}, "limit": _PAGE, "sort": "START_TIME_ASC"}
        answer = self._http.post("/flow_runs/filter", json=wanted).raise_for_status()
        return list(answer.json())

    def _is_ours(self, run: dict[str, Any]) -> bool:
        return (run.get("labels") or {}).get(WORKER_LABEL) in self._workers

    def _end(self, run: dict[str, Any]) -> None:
        now = self._http.get(f"/flow_runs/{run['id']}").raise_for_status().json()
        if now["state"]["id"] != run["state"]["id"]:
            return  # it ended in order between our two looks
        state = _ending(run["state"]["type"])
        answer = self._http.post(f"/flow_runs/{run['id']}/set_state", json={"state": state, "force": True})
        answer.raise_for_status()
        log.warning("the run %s was %s without a process: now %s", run["name"], run["state"]["name"], state["type"])


def _is_old(run: dict[str, Any]) -> bool:
    since = datetime.fromisoformat(run["state"]["timestamp"])
    return (datetime.now(UTC) - since).total_seconds() > AGES_S[run["state"]["type"]]


def _ending(state_type: str) -> dict[str, str]:
    if state_type == "CANCELLING":
        return {"type": "CANCELLED", "name": "Cancelled", "message": "Cancelled; no process was left to end."}
    return {"type": "CRASHED", "name": "Crashed", "message": "No process works on this run any more."}
