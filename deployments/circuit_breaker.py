"""Lets a gpu worker rest while it is unwell: it takes no runs, is asked now and then, and comes back when well."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

import psutil

from deployments.gpu_info import gpu_of
from deployments.supervisor import Supervisor
from deployments.worker_plans import WorkerPlan
from deployments.worker_row import Condition, WorkerRow
from tower.errors import UnavailableError
from tower.settings import Settings

LOOK_EVERY_S = 1.0  # less than a run stays after its worker's fault, so that an unwell worker takes no other
FIRST_REST_S, LONGEST_REST_S = 5.0, 300.0
ASK_AGAIN_S = 5.0
NEEDED_BYTES = 1_000_000_000  # on the disk, after it was full


class Rest:
    """Watches over the rest of one worker, which `supervisor` keeps up.

    Each rest that follows another without a render between them that succeeded is twice as long. What cannot be seen
    from outside (memory, a model file) is found out by the next render: one more failure, and it rests again.
    """

    def __init__(
        self,
        settings: Settings,
        plan: WorkerPlan,
        row: WorkerRow,
        *,
        supervisor: Supervisor,
        say: Callable[[str], None],
        first_s: float = FIRST_REST_S,
        ask_again_s: float = ASK_AGAIN_S,
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._row = row
        self._supervisor = supervisor
        self._say = say
        self._first_s = self._next_s = first_s
        self._ask_again_s = ask_again_s
        self._suspended = False
        self._ask_at: float | None = None  # while it rests
        self._ailment = ""

    def tend(self) -> None:
        """One look. A database that does not answer leaves everything as it is."""
        condition = self._row.condition()
        if condition is None:
            return
        if self._ask_at is not None:
            if time.monotonic() >= self._ask_at:
                self._ask(condition)
        elif condition.unwell:
            if not condition.renders and self._stands_still():
                self._begin(condition)
        else:
            self._go_on(condition)

    def _stands_still(self) -> bool:
        """Whether it has no run any more. From the first call on it takes none; those that it has may end."""
        pid = self._supervisor.pid(self._plan.part)
        if pid is None:
            return True
        try:
            worker = psutil.Process(pid)
            worker.suspend()
            self._suspended = True
            return all(run.status() == psutil.STATUS_ZOMBIE for run in worker.children())
        except psutil.NoSuchProcess:
            return False  # it, or one of its runs, ended just now: the next look will see

    def _begin(self, condition: Condition) -> None:
        self._supervisor.hold(self._plan.part)
        self._suspended = False
        self._ailment = condition.last_failure or "for no reason that it told"
        self._ask_at = time.monotonic() + self._next_s
        self._say(
            f"{self._plan.name} takes no more for {self._next_s:.3g} s at least, after {condition.failures_in_a_row} "
            f"failures in a row: {self._ailment}"
        )
        self._next_s = min(self._next_s * 2, LONGEST_REST_S)

    def _ask(self, condition: Condition) -> None:
        ailment = self._ails(condition.last_failure_code)
        if ailment is None and self._row.recovered():
            self._ask_at = None
            self._supervisor.release(self._plan.part)
            self._say(f"{self._plan.name} answers well and takes runs again")
            return
        self._ask_at = time.monotonic() + self._ask_again_s
        if ailment and ailment != self._ailment:
            self._ailment = ailment
            self._say(f"{self._plan.name} still rests: {ailment}")

    def _ails(self, code: str | None) -> str | None:
        """What can be seen to be wrong still; None if nothing."""
        if code == "DISK_FULL" and shutil.disk_usage(self._settings.data).free < NEEDED_BYTES:
            return f"there is less than {NEEDED_BYTES / 1e9:.0f} GB free at {self._settings.data}"
        try:
            if self._settings.comfyui_url:
                gpu_of(self._settings.comfyui_url)
        except UnavailableError as away:
            return away.message
        return None

    def _go_on(self, condition: Condition) -> None:
        pid = self._supervisor.pid(self._plan.part)
        if self._suspended and pid is not None:
            psutil.Process(pid).resume()  # its last run succeeded after all
        self._suspended = False
        if condition.failures_in_a_row == 0:
            self._next_s = self._first_s
