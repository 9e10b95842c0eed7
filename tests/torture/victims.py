"""What is killed: every process that takes part in a job, as a power failure or the kernel would end it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from tests.torture.moments import MOMENTS, Sight
from tests.torture.stack import TorturedStack

PIDFD = re.compile(r"^Pid:\s+([1-9]\d*)$", re.MULTILINE)
CHILDREN = {
    "PostgreSQL": "postgres",
    "Prefect": "prefect",
    "all APIs": "apis",
    "warm start": "zygote",
    "cpu worker": "worker-cpu",
    "gpu worker": "worker-gpu",
}


def kill_launcher(sight: Sight) -> bool:
    """Kill the process that a worker started for the job's own run. Returns whether there is one."""
    launcher = _find_launcher(sight.flow_run_id)
    return launcher is not None and _kill(launcher.pid)


def kill_recipe(sight: Sight) -> bool:
    """Kill the process that the warm start forked for the job's own run. Returns whether there is one."""
    launcher = _find_launcher(sight.flow_run_id)
    forked = _find_forked(launcher) if launcher else None
    return forked is not None and _kill(forked)


def kill_render(sight: Sight) -> bool:
    """Kill the process that renders. Returns whether there is one."""
    return sight.render_process is not None and _kill(int(sight.render_process.rsplit(":", 1)[1]))


# Kills that meet every job of the stack.
SHARED: dict[str, Callable[[TorturedStack], None]] = {
    **{title: partial(TorturedStack.kill_child, name=name) for title, name in CHILDREN.items()},
    "production API": TorturedStack.kill_production_process,
    "music API": TorturedStack.kill_music_process,
    "tower up": TorturedStack.kill_supervisor,
    "ComfyUI": TorturedStack.kill_comfyui,
}

# Kills that meet one job.
OWN: dict[str, Callable[[Sight], bool]] = {
    "launcher of the recipe": kill_launcher,
    "recipe": kill_recipe,
    "render": kill_render,
}

VICTIMS = (*SHARED, *OWN)


def list_moments(victim: str) -> list[str]:
    """The moments of a job at which the victim can exist."""
    names = list(MOMENTS)
    first, last = {
        "launcher of the recipe": ("taken", "registered"),
        "recipe": ("taken", "registered"),
        "render": ("render claimed", "rendered"),
    }.get(victim, ("posted", "registered"))
    return names[names.index(first) : names.index(last) + 1]


def _find_launcher(flow_run_id: str | None) -> psutil.Process | None:
    return next((process for process in psutil.process_iter() if flow_run_id and _launches(process, flow_run_id)), None)


def _launches(process: psutil.Process, flow_run_id: str) -> bool:
    try:
        is_launcher = "tower-warm-run" in " ".join(process.cmdline())
        return is_launcher and process.environ().get("PREFECT__FLOW_RUN_ID") == flow_run_id
    except psutil.Error:  # it has ended
        return False


def _find_forked(launcher: psutil.Process) -> int | None:
    """The pid of the run for which the launcher waits: the kernel describes the descriptor that it waits for."""
    try:
        found = [PIDFD.search(file.read_text()) for file in Path(f"/proc/{launcher.pid}/fdinfo").iterdir()]
    except OSError:  # it has ended
        return None
    return next((int(match[1]) for match in found if match), None)


def _kill(pid: int) -> bool:
    try:
        psutil.Process(pid).kill()
    except psutil.NoSuchProcess:
        return False
    return True
