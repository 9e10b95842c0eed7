"""One worker's row in the table of workers, over psycopg alone: a supervisor stays 28 MB smaller without SQLAlchemy.

Its render task counts the failures in the same row (tower/rendering/workers.py).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from deployments.external import as_libpq, first_line
from deployments.gpu_info import Gpu
from tower.errors import StackError
from tower.rendering.failure_limits import FAILURES_AFTER_RECOVERY

State = Literal["ready", "stopped"]
_WAIT_S = 2  # the supervisor has other things to look after
_REPORT = """
insert into public.workers
    (name, host, slots, engine, engines, comfyui_url, gpu, vram_total_bytes, vram_free_bytes, state)
values (%(name)s, %(host)s, %(slots)s, %(engine)s, %(engines)s, %(comfyui_url)s, %(gpu)s, %(vram_total_bytes)s,
        %(vram_free_bytes)s, coalesce(%(state)s, 'ready'))
on conflict (name) do update set
    host = excluded.host, slots = excluded.slots, engine = excluded.engine, engines = excluded.engines,
    comfyui_url = excluded.comfyui_url, gpu = excluded.gpu, vram_total_bytes = excluded.vram_total_bytes,
    vram_free_bytes = excluded.vram_free_bytes,
    state = coalesce(%(state)s, workers.state), seen_at = now(),
    started_at = case when %(starts)s then now() else workers.started_at end
"""
_CONDITION = """
select state = 'unwell' as unwell, failures_in_a_row, last_failure, last_failure_code,
       exists (select from public.render_queue q where q.worker = workers.name and q.state = 'processing') as renders
from public.workers where name = %(name)s
"""
_RECOVERED = """
update public.workers set state = 'ready', failures_in_a_row = %(failures)s where name = %(name)s and state = 'unwell'
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerReport:
    """The worker as its supervisor knows it. `engine`: what renders unless a shot asks for another of `engines`."""

    host: str
    slots: int
    engine: str
    comfyui_url: str | None
    gpu: Gpu | None
    engines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Condition:
    """How it fares: what its renders have written. `renders`: it works on a segment now."""

    unwell: bool
    failures_in_a_row: int
    last_failure: str | None
    last_failure_code: str | None
    renders: bool


class WorkerRow:
    """Keeps one connection. A database that is away or slow is no error: the call says so, the next one tries anew.

    Raises StackError for a database of another shape.
    """

    def __init__(self, database_url: str, name: str) -> None:
        self.name = name
        self._url = as_libpq(database_url)
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def report(self, report: WorkerReport, *, state: State | None = None) -> bool:
        """Note that the worker is there. Without `state` it keeps the one it has; a new one is ready. Whether noted."""
        gpu = asdict(report.gpu) if report.gpu else {"name": None, "vram_total_bytes": None, "vram_free_bytes": None}
        values = asdict(report) | gpu | {"gpu": gpu["name"], "state": state, "starts": state == "ready"}
        return self._execute(_REPORT, values) is not None

    def condition(self) -> Condition | None:
        """None if it has no row, or the database does not say."""
        cursor = self._execute(_CONDITION, {})
        found = cursor.fetchone() if cursor else None
        return Condition(**found) if found else None

    def recovered(self) -> bool:
        """It was asked and answers well: it may try again, and one more failure is enough. Whether noted."""
        return self._execute(_RECOVERED, {"failures": FAILURES_AFTER_RECOVERY}) is not None

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _execute(self, statement: str, values: Mapping[str, Any]) -> psycopg.Cursor[dict[str, Any]] | None:
        try:
            self._connection = self._connection or self._connect()
            return self._connection.execute(statement, {**values, "name": self.name})
        except psycopg.OperationalError as away:
            log.debug("The database did not answer for %s: %s", self.name, away)
            self.close()
            return None
        except psycopg.ProgrammingError as other:
            raise StackError(
                f"The database is not of this Tower's shape ({first_line(other)}): run `tower migrate`, or bring this "
                "machine to the stack's version."
            ) from other

    def _connect(self) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(
            self._url,
            autocommit=True,
            row_factory=dict_row,
            application_name="tower-worker",
            connect_timeout=_WAIT_S,
            tcp_user_timeout=_WAIT_S * 1000,
            options=f"-c statement_timeout={_WAIT_S}s -c timezone=UTC",
        )
