"""Checks of background services: when one fails, the server stays healthy and only its log shows the failure."""

from __future__ import annotations

import re
from pathlib import Path

from deployments.checks import Check
from tower.clients.prefect import PrefectClient, ScheduleSeen
from tower.errors import UnavailableError

MAX_LOG_TAIL_BYTES = 1_000_000
START_BANNER = b"Check out the dashboard"  # the banner that the server prints at each start
ERROR_LINE = re.compile(rb"^\d\d:\d\d:\d\d\.\d{3} \| (?:ERROR|CRITICAL)\s*\| (.*)$", re.MULTILINE)
SERVICE_NAME = re.compile(rb"(\w+)\(")
SCHEDULE_GRACE_S = 120.0  # Prefect's scheduler writes runs at least once a minute


def check_schedules(api_url: str, auth_string: str | None = None) -> Check:
    """Whether Prefect has made a future run of every active schedule."""
    client = PrefectClient(api_url, auth_string=auth_string)
    try:
        active = client.schedules()
    except UnavailableError as error:
        return Check("schedules", "unknown", f"Prefect does not say: {error.message}")
    finally:
        client.close()
    if not active:
        return Check("schedules", "ok", "none is active")
    idle = [schedule for schedule in active if not _is_coming(schedule)]
    if idle:
        names = ", ".join(f"{schedule.deployment} ({schedule.slug})" for schedule in idle)
        remedy = "Look for errors of `schedule_deployments` in logs/prefect.log; deploy again with `tower up`."
        return Check("schedules", "fail", f"{len(idle)} of {len(active)} have no future run: {names}", remedy)
    due = min(schedule.next_run_at for schedule in active if schedule.next_run_at)
    return Check("schedules", "ok", f"{len(active)} active, the next run is due at {due:%Y-%m-%d %H:%M} UTC")


def check_prefect_services(log: Path) -> Check:
    """Whether a background service of the embedded Prefect server has failed since the server's last start."""
    name = "prefect services"
    if not log.is_file():
        return Check(name, "unknown", f"there is no {log}: the server runs elsewhere, or never ran")
    errors = ERROR_LINE.findall(_since_start(log))
    if not errors:
        return Check(name, "ok", "no error in logs/prefect.log since the server's start")
    duties = sorted({_duty(error) for error in errors})
    found = f"{len(errors)} errors in logs/prefect.log since the server's start, of {', '.join(duties)}"
    return Check(name, "warn", found, f"Read {log}; a duty that fails each time is not done at all.")


def _is_coming(schedule: ScheduleSeen) -> bool:
    return schedule.overdue_s is not None and schedule.overdue_s < SCHEDULE_GRACE_S


def _since_start(log: Path) -> bytes:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - MAX_LOG_TAIL_BYTES))
        return file.read().rpartition(START_BANNER)[2]


def _duty(error: bytes) -> str:
    """The name of the service's function if the line has one, else the name of the logger."""
    named = SERVICE_NAME.search(error)
    return (named[1] if named else error.split(b" - ")[0]).decode(errors="replace")
