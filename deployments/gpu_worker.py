"""What a gpu worker needs beside its process: it is reported, and it rests while it is unwell."""

from __future__ import annotations

from collections.abc import Callable

from deployments import circuit_breaker, heartbeat
from deployments.state import Addresses
from deployments.supervisor import Chore, Supervisor
from deployments.worker_plans import WorkerPlan
from deployments.worker_row import WorkerRow
from tower.settings import Settings


class GpuWorker:
    """One worker that `supervisor` keeps up."""

    def __init__(
        self,
        settings: Settings,
        plan: WorkerPlan,
        addresses: Addresses,
        supervisor: Supervisor,
        *,
        say: Callable[[str], None],
    ) -> None:
        row = WorkerRow(addresses.database_url, plan.name)
        self._reporter = heartbeat.Reporter(settings, row)
        self._rest = circuit_breaker.Rest(settings, plan, row, supervisor=supervisor, say=say)

    def chores(self) -> list[Chore]:
        """To be done while it is up."""
        return [Chore(self._reporter.report, heartbeat.EVERY_S), Chore(self._rest.tend, circuit_breaker.LOOK_EVERY_S)]

    def ended(self) -> None:
        """To be called once its process has ended for good."""
        self._reporter.ended()
