"""Follows a job to its end with a progress bar on a terminal and plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from deployments.cli.printing import print_line
from tower.clients.production import END_STATUSES, ProductionClient
from tower.errors import TowerError
from tower.errors.foreign import one_line

POLL_S = 0.25
MAX_STEP_LENGTH = 60
MAX_SILENCE_S = 60  # a restarting stack answers again within this time


class Display(Protocol):
    def show(self, job: dict[str, Any]) -> None: ...


def watch_job(api: ProductionClient, accepted: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Wait for the job and return it in its final state. Ctrl-C cancels the job."""
    job_id = accepted["job_id"]
    try:
        if quiet:
            return _follow(api, job_id, _Silent())
        if not sys.stderr.isatty():
            return _follow(api, job_id, _Lines())
        with _bar() as progress:
            return _follow(api, job_id, _Bar(progress))
    except KeyboardInterrupt:
        try:
            return {**api.get_status(job_id), **api.cancel(job_id)}
        except TowerError:  # the job has just ended
            return api.get_status(job_id)


def _follow(api: ProductionClient, job_id: int, display: Display) -> dict[str, Any]:
    answered_at = time.monotonic()
    while True:
        try:
            job = api.get_status(job_id)
            answered_at = time.monotonic()
            display.show(job)
            if job["status"] in END_STATUSES:
                return job
        except TowerError as error:
            if error.status < 500 or time.monotonic() - answered_at > MAX_SILENCE_S:
                raise
        time.sleep(POLL_S)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.fields[stage]:>8}", style="bold", markup=False),
        BarColumn(bar_width=40),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[eta]}"),
        TextColumn("{task.fields[step]}", style="dim", markup=False),
        console=Console(stderr=True),
    )


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=1.0, stage="queued", step="", eta="")

    def show(self, job: dict[str, Any]) -> None:
        stage = job["status"] if job["status"] in END_STATUSES else job["stage"]
        step = one_line(job["step"] or "", MAX_STEP_LENGTH)
        self._progress.update(self._task, completed=job["progress"], stage=stage, step=step, eta=_eta(job))


class _Lines:
    """Prints a line for each stage, for each place in the queue or reason to wait, and for every 10 % of progress."""

    def __init__(self) -> None:
        self._last: tuple[str, str | None, int] | None = None

    def show(self, job: dict[str, Any]) -> None:
        stage = job["status"] if job["status"] in END_STATUSES else job["stage"]
        waits = job["step"] if job.get("queue_position") is not None else None
        now = (stage, waits, int(job["progress"] * 10))
        if now != self._last:
            line = f"{stage:>9} {job['progress']:4.0%}  {job['step'] or ''}  {_eta(job)}"
            print_line(line.rstrip(), err=True)
            self._last = now


class _Silent:
    def show(self, job: dict[str, Any]) -> None:
        """Print nothing: the command prints only JSON."""


def _eta(job: dict[str, Any]) -> str:
    return f"{job['eta_s']:.0f} s left" if job.get("eta_s") is not None else ""
