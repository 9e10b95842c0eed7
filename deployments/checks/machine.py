"""Python, disk, data folder, ports."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from deployments import ports
from deployments.checks import Check
from tower.settings import Settings

MIN_FREE_GB, LOW_FREE_GB = 1.0, 10.0
MIN_PYTHON = (3, 11)


def check_python() -> Check:
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < MIN_PYTHON:
        return Check("python", "fail", found, "Install Python 3.11 or newer and run `make setup`.")
    return Check("python", "ok", found)


def check_disk(settings: Settings) -> Check:
    folder = _nearest(settings.data)
    free_gb = shutil.disk_usage(folder).free / 1e9
    found = f"{free_gb:.1f} GB free at {folder}"
    remedy = "Free some space, or set TOWER_DATA_DIR to a folder on a larger disk."
    if free_gb < MIN_FREE_GB:
        return Check("disk", "fail", found, remedy)
    return Check("disk", "warn", found, remedy) if free_gb < LOW_FREE_GB else Check("disk", "ok", found)


def check_data_folder(settings: Settings) -> Check:
    folder = _nearest(settings.data)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Check(
            "data folder", "ok", str(settings.data) + ("" if settings.data.exists() else " (made at first use)")
        )
    remedy = "Make it a folder that you can write to, or set TOWER_DATA_DIR."
    return Check("data folder", "fail", f"{folder} cannot be written", remedy)


def check_free_ports(settings: Settings) -> Check:
    """Call this only while no stack runs: a running stack uses the ports itself."""
    own = settings.ports
    apis = {"production API": own.production, "episodes API": own.episodes, "music API": own.music}
    owners = {**apis, "Prefect": own.prefect, "PostgreSQL": own.postgres}
    taken = [f"{port} ({owner})" for owner, port in owners.items() if not ports.is_free(port)]
    if taken:
        remedy = "Stop the programs that use them, or set TOWER_PORT_OFFSET (for example 100) to move all ports."
        return Check("ports", "fail", "in use by another program: " + ", ".join(taken), remedy)
    return Check("ports", "ok", "free: " + ", ".join(str(port) for port in owners.values()))


def _nearest(path: Path) -> Path:
    """The path, or the nearest parent that exists."""
    return next(part for part in (path, *path.parents) if part.exists())
