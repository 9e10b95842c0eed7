"""A gpu worker tells of itself in the table of workers: what it is, that it is there, that it has ended."""

from __future__ import annotations

import platform

from deployments.gpu_info import Gpu, gpu_of
from deployments.worker_row import State, WorkerReport, WorkerRow
from tower.engines.choice import chosen, usable
from tower.errors import UnavailableError
from tower.settings import AUTO, Settings

EVERY_S = 15.0  # between two reports


class Reporter:
    """Reports the worker of one row. A database that is away costs a report, nothing else.

    Raises UnavailableError for an engine that is set and cannot be loaded.
    """

    def __init__(self, settings: Settings, row: WorkerRow) -> None:
        self._settings = settings
        self._engine = chosen(AUTO, settings).name
        self._row = row
        self._state: State | None = "ready"  # whatever it was when it last ended

    def report(self) -> None:
        """It is there, and as its renders have it; the first time: ready."""
        gpu = _gpu(self._settings.comfyui_url) if self._settings.comfyui_url else None
        if self._row.report(self._report(gpu), state=self._state):
            self._state = None

    def ended(self) -> None:
        """Nothing, if it never came so far as to be reported."""
        if self._state is None:
            self._row.report(self._report(None), state="stopped")
        self._row.close()

    def _report(self, gpu: Gpu | None) -> WorkerReport:
        return WorkerReport(
            host=platform.node(),
            slots=self._settings.gpu_slots,
            engine=self._engine,
            engines=usable(self._settings),
            comfyui_url=self._settings.comfyui_url,
            gpu=gpu,
        )


def _gpu(comfyui_url: str) -> Gpu | None:
    try:
        return gpu_of(comfyui_url)
    except UnavailableError:
        return None  # what that means for its renders is theirs to say
