"""Combines the reports and the circuit breaker of a gpu worker."""

from __future__ import annotations

from collections.abc import Callable

from deployments import circuit_breaker, heartbeat
from deployments.state import Addresses
from deployments.supervisor import Chore, Supervisor
from deployments.worker_plans import WorkerPlan
from deployments.worker_row import WorkerRow
from tower.settings import Settings


class GpuWorker:
    """One gpu worker that `supervisor` keeps running."""

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
        """The functions to call at intervals while the worker runs."""
        return [Chore(self._reporter.report, heartbeat.EVERY_S), Chore(self._rest.tend, circuit_breaker.LOOK_EVERY_S)]

    def ended(self) -> None:
        """Report the worker stopped. Call this after its process has ended for the last time."""
        self._reporter.ended()
