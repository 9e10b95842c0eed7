"""Watches a job to its end: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tower.clients.production import ENDED, ProductionClient
from tower.errors import TowerError

POLL_S = 0.25
SILENCE_S = 60  # a stack that restarts is back by then


class Display(Protocol):
    def show(self, job: dict[str, Any]) -> None: ...


def watch(api: ProductionClient, accepted: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """The job as it ended. Ctrl-C cancels it, and gives it as cancelled."""
    job_id = accepted["job_id"]
    try:
        if quiet:
            return _follow(api, job_id, _Nothing())
        if not sys.stderr.isatty():
            return _follow(api, job_id, _Lines())
        with _bar() as progress:
            return _follow(api, job_id, _Bar(progress))
    except KeyboardInterrupt:
        try:
            return {**api.status(job_id), **api.cancel(job_id)}
        except TowerError:  # it ended in the same moment
            return api.status(job_id)


def _follow(api: ProductionClient, job_id: int, display: Display) -> dict[str, Any]:
    heard = time.monotonic()
    while True:
        try:
            job = api.status(job_id)
            heard = time.monotonic()
            display.show(job)
            if job["status"] in ENDED:
                return job
        except TowerError as silent:
            if silent.status < 500 or time.monotonic() - heard > SILENCE_S:
                raise
        time.sleep(POLL_S)


def _bar() -> Progress:
    return Progress(
        TextColumn("[bold]{task.fields[stage]:>8}"),
        BarColumn(bar_width=40),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[eta]}"),
        TextColumn("[dim]{task.fields[step]}"),
        console=Console(stderr=True),
    )


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=1.0, stage="queued", step="", eta="")

    def show(self, job: dict[str, Any]) -> None:
        stage = job["status"] if job["status"] in ENDED else job["stage"]
        self._progress.update(self._task, completed=job["progress"], stage=stage, step=job["step"] or "", eta=_eta(job))


class _Lines:
    """One line a stage, and one every tenth of the way."""

    def __init__(self) -> None:
        self._last: tuple[str, int] | None = None

    def show(self, job: dict[str, Any]) -> None:
        now = (job["status"] if job["status"] in ENDED else job["stage"], int(job["progress"] * 10))
        if now != self._last:
            line = f"{now[0]:>9} {job['progress']:4.0%}  {job['step'] or ''}  {_eta(job)}"
            typer.echo(line.rstrip(), err=True)
            self._last = now


class _Nothing:
    def show(self, job: dict[str, Any]) -> None:
        """Nothing is shown where only the JSON answer is wanted."""


def _eta(job: dict[str, Any]) -> str:
    return f"{job['eta_s']:.0f} s left" if job.get("eta_s") is not None else ""
