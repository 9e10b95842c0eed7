"""Pauses a gpu worker that keeps failing: it takes no runs, is checked at intervals, and resumes once it is healthy."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

import psutil

from deployments.gpu_info import fetch_gpu
from deployments.supervisor import Supervisor
from deployments.worker_plans import WorkerPlan
from deployments.worker_row import WorkerCondition, WorkerRow
from tower.clients.comfyui.errors import ComfyUIError
from tower.settings import Settings

CHECK_INTERVAL_S = 1.0  # shorter than a failed run lasts, so that an unwell worker is paused before it takes another
FIRST_PAUSE_S, MAX_PAUSE_S = 5.0, 300.0
RECHECK_INTERVAL_S = 5.0
MIN_FREE_BYTES = 1_000_000_000  # of free disk space before a worker resumes after DISK_FULL


class CircuitBreaker:
    """Pauses and resumes one worker that `supervisor` keeps running.

    Each pause is twice as long as the one before, until a render succeeds. Some faults (memory, a model file) cannot
    be checked from outside: the next render shows them, and a single failure pauses the worker again.
    """

    def __init__(
        self,
        settings: Settings,
        plan: WorkerPlan,
        row: WorkerRow,
        *,
        supervisor: Supervisor,
        say: Callable[[str], None],
        first_pause_s: float = FIRST_PAUSE_S,
        recheck_interval_s: float = RECHECK_INTERVAL_S,
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._row = row
        self._supervisor = supervisor
        self._say = say
        self._first_s = self._next_s = first_pause_s
        self._ask_again_s = recheck_interval_s
        self._suspended = False
        self._ask_at: float | None = None  # time.monotonic(); None unless the worker is paused
        self._fault = ""

    def check(self) -> None:
        """Check the worker once. If the database does not answer, nothing changes."""
        condition = self._row.read_condition()
        if condition is None:
            return
        if self._ask_at is not None:
            if time.monotonic() >= self._ask_at:
                self._recheck(condition)
        elif condition.unwell:
            if not condition.renders and self._has_no_runs():
                self._pause(condition)
        else:
            self._resume_healthy(condition)

    def _has_no_runs(self) -> bool:
        """Suspend the worker so that it takes no new run; return whether its current runs have ended."""
        pid = self._supervisor.find_pid(self._plan.process_name)
        if pid is None:
            return True
        try:
            worker = psutil.Process(pid)
            worker.suspend()
            self._suspended = True
            return all(run.status() == psutil.STATUS_ZOMBIE for run in worker.children())
        except psutil.NoSuchProcess:
            return False  # the worker or one of its runs has just ended; the next check sees the new state

    def _pause(self, condition: WorkerCondition) -> None:
        self._supervisor.pause(self._plan.process_name)
        self._suspended = False
        self._fault = condition.last_failure or "it gave no reason"
        self._ask_at = time.monotonic() + self._next_s
        self._say(
            f"{self._plan.name} takes no more for {self._next_s:.3g} s at least, after {condition.failures_in_a_row} "
            f"failures in a row: {self._fault}"
        )
        self._next_s = min(self._next_s * 2, MAX_PAUSE_S)

    def _recheck(self, condition: WorkerCondition) -> None:
        fault = self._current_fault(condition.last_failure_code)
        if fault is None and self._row.mark_recovered():
            self._ask_at = None
            self._supervisor.resume(self._plan.process_name)
            self._say(f"{self._plan.name} answers well and takes runs again")
            return
        self._ask_at = time.monotonic() + self._ask_again_s
        if fault and fault != self._fault:
            self._fault = fault
            self._row.write_reason(fault)
            self._say(f"{self._plan.name} still rests: {fault}")

    def _current_fault(self, code: str | None) -> str | None:
        """The fault that can still be observed; None if there is none."""
        if code == "DISK_FULL" and shutil.disk_usage(self._settings.data).free < MIN_FREE_BYTES:
            return f"there is less than {MIN_FREE_BYTES / 1e9:.0f} GB free at {self._settings.data}"
        try:
            if self._settings.comfyui:
                fetch_gpu(self._settings.comfyui)
        except ComfyUIError as error:
            return error.message
        return None

    def _resume_healthy(self, condition: WorkerCondition) -> None:
        pid = self._supervisor.find_pid(self._plan.process_name)
        if self._suspended and pid is not None:
            psutil.Process(pid).resume()  # its last run succeeded
        self._suspended = False
        if condition.failures_in_a_row == 0:
            self._next_s = self._first_s
