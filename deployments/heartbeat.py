"""Reports a gpu worker in the table `workers`: its properties, its presence and its end."""

from __future__ import annotations

import platform

from deployments.gpu_info import Gpu, fetch_gpu
from deployments.worker_row import WorkerReport, WorkerRow, WorkerState
from tower.clients.comfyui.errors import ComfyUIError
from tower.engines.choice import choose_engine, list_usable_engines
from tower.settings import AUTO_ENGINE, Settings

REPORT_INTERVAL_S = 15.0  # between two reports


class WorkerReporter:
    """Reports the worker of one row. If the database does not answer, a report is skipped.

    Raises UnavailableError if the configured engine cannot be loaded.
    """

    def __init__(self, settings: Settings, row: WorkerRow) -> None:
        self._settings = settings
        self._engine = choose_engine(AUTO_ENGINE, settings).name
        self._row = row
        self._state: WorkerState | None = "ready"  # the first report resets the state of an earlier run

    def report(self) -> None:
        """Write a report. The first one sets the state ready; later ones keep the state that the renders set."""
        gpu = _fetch_gpu(self._settings.comfyui) if self._settings.comfyui else None
        if self._row.report(self._report(gpu), state=self._state):
            self._state = None

    def report_stopped(self) -> None:
        """Report the worker stopped, unless it was never reported."""
        if self._state is None:
            self._row.report(self._report(None), state="stopped")
        self._row.close()

    def _report(self, gpu: Gpu | None) -> WorkerReport:
        return WorkerReport(
            host=platform.node(),
            slots=self._settings.gpu_slots,
            engine=self._engine,
            engines=list_usable_engines(self._settings),
            comfyui_url=None if self._settings.comfyui is None else str(self._settings.comfyui),
            gpu=gpu,
        )


def _fetch_gpu(comfyui_url: str) -> Gpu | None:
    try:
        return fetch_gpu(comfyui_url)
    except ComfyUIError:
        return None  # the renders report this fault themselves
