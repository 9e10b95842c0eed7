"""Combines the reports and the circuit breaker of a gpu worker."""

from __future__ import annotations

from collections.abc import Callable

from deployments import circuit_breaker, heartbeat
from deployments.state import Addresses
from deployments.supervisor import PeriodicTask, Supervisor
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
        self._reporter = heartbeat.WorkerReporter(settings, row)
        self._rest = circuit_breaker.CircuitBreaker(settings, plan, row, supervisor=supervisor, say=say)

    def periodic_tasks(self) -> list[PeriodicTask]:
        """The functions to call at intervals while the worker runs."""
        return [
            PeriodicTask(self._reporter.report, heartbeat.REPORT_INTERVAL_S),
            PeriodicTask(self._rest.check, circuit_breaker.CHECK_INTERVAL_S),
        ]

    def report_stopped(self) -> None:
        """Report the worker stopped. Call this after its process has ended for the last time."""
        self._reporter.report_stopped()
