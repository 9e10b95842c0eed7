"""The fast recipe on 1, 2 and 4 GPUs: each with a ComfyUI that takes 2 s per segment; eight segments.

python -m benchmarks.fast [--rounds N]

The GPUs are fakes (tests/fakes/comfyui, one process each): they wait instead of computing, and encode a real MP4.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import select

from benchmarks.main_job import temporary_folder
from benchmarks.report import Figure, format_spread, publish_figures
from benchmarks.stack import start_stack
from db.engine import SessionFactory, open_engine, session_factory
from db.models.rendering import RenderSegment
from deployments.environment import warm_socket_path
from deployments.state import Addresses
from tests.conftest import find_free_port
from tower.clients.production import END_STATUSES, ProductionClient
from tower.media.overlap import OVERLAP_FRAMES, segment_frames

GPUS = (1, 2, 4)
SECONDS, SEGMENT_S = 8, 2.0
FRAMES = segment_frames(SECONDS, 24, OVERLAP_FRAMES)
FRAME_S = SEGMENT_S / FRAMES[0]
SERIAL_S = sum(FRAMES) * FRAME_S  # of rendering alone, one segment after the other
SHOT = {
    "prompt": "rain on a tin roof",
    "duration": SECONDS,
    "width": 256,
    "height": 256,
    "engine": "comfyui",
    "workflow": "core_video",
}
START_S, JOB_S = 60, 180


@dataclass(frozen=True)
class FastRound:
    """Seconds of one job: the whole of it, and from the start of the first render to the end of the last."""

    whole_s: float
    render_s: float


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=3, help="jobs whose time is taken, for each number of GPUs")
    args = asked.parse_args()
    rounds: dict[int, list[FastRound]] = {}
    with temporary_folder() as data, start_stack(data) as (addresses, _), ExitStack() as workers:
        engine = open_engine(addresses.database_url, application="benchmark")
        workers.callback(engine.dispose)
        api = workers.enter_context(ProductionClient(addresses.production_url))
        with _gpu_worker(addresses, "two_slots", slots=2):
            two_slots = [_round(api, session_factory(engine)) for _ in range(args.rounds)]
        for gpus in GPUS:
            for number in range(len(_workers_up(addresses)), gpus):
                workers.enter_context(_gpu_worker(addresses, f"gpu{number}"))
            rounds[gpus] = [_round(api, session_factory(engine)) for _ in range(args.rounds)]
    figures = [*_figures(rounds), *_figures_of_two_slots(two_slots, rounds[1])]
    publish_figures("fast", f"The fast recipe: {SECONDS} segments of {SEGMENT_S:.0f} s each", figures)


def _workers_up(addresses: Addresses) -> list[dict[str, Any]]:
    """The workers with a ComfyUI that have reported."""
    workers = httpx.get(f"{addresses.production_url}/workers").raise_for_status().json()["workers"]
    reported = [worker for worker in workers if worker["report"]]
    return [one for one in reported if one["report"]["comfyui_url"] and one["report"]["state"] == "ready"]


def _figures(rounds: dict[int, list[FastRound]]) -> list[Figure]:
    return [figure for gpus in GPUS for figure in _figures_of(gpus, rounds[gpus], rounds[1])]


def _figures_of(gpus: int, mine: list[FastRound], one: list[FastRound]) -> list[Figure]:
    rendering, alone = (statistics.median(each.render_s for each in rounds) for rounds in (mine, one))
    name = f"{gpus} GPU{'s' * (gpus > 1)}"
    best = f"the GPUs alone: {SERIAL_S / gpus:.1f} s"
    figures = [
        Figure(f"{name}: POST → completed", format_spread([each.whole_s for each in mine])),
        Figure(f"{name}: first render starts → last ends", format_spread([each.render_s for each in mine]), best),
    ]
    if gpus == 1:
        return figures
    speed_up, target = alone / rendering, 0.9 * gpus
    beside = f"the serial sum of {SERIAL_S:.1f} s over this: {SERIAL_S / rendering:.2f}"
    goal = Figure(f"{name}: speed-up over 1", f"{speed_up:.2f}", beside, f"≥ {target:.1f}", speed_up >= target)
    return [*figures, goal]


def _figures_of_two_slots(two: list[FastRound], one: list[FastRound]) -> list[Figure]:
    """Figures of one GPU that receives the next segment while it renders."""
    rendering, before = (statistics.median(each.render_s for each in rounds) for rounds in (two, one))
    name = "1 GPU with two slots"
    return [
        Figure(f"{name}: POST → completed", format_spread([each.whole_s for each in two])),
        Figure(f"{name}: first render starts → last ends", format_spread([each.render_s for each in two])),
        Figure(f"{name}: speed-up over one slot", f"{before / rendering:.2f}"),
    ]


def _round(api: ProductionClient, database: SessionFactory) -> FastRound:
    asked_at = time.monotonic()
    job_id = api.generate(SHOT, fast=True)["job_id"]
    while (job := api.get_status(job_id))["status"] not in END_STATUSES:
        if time.monotonic() - asked_at > JOB_S:
            raise SystemExit(f"Job {job_id} is not done after {JOB_S} s: {job}")
        time.sleep(0.1)
    whole_s = time.monotonic() - asked_at
    if job["status"] != "completed":
        raise SystemExit(f"Job {job_id} {job['status']}: {job['error']}")
    with database() as session:
        rows = session.scalars(select(RenderSegment).filter_by(job_id=job_id)).all()
    spans = [(row.started_at, row.ended_at) for row in rows if row.started_at and row.ended_at]
    if min((ended - started).total_seconds() for started, ended in spans) < FRAMES[-1] * FRAME_S:
        raise SystemExit("A fake answered from its cache: segments with equal graphs are not rendered, nor measured")
    return FastRound(whole_s, (max(ended for _, ended in spans) - min(began for began, _ in spans)).total_seconds())


@contextmanager
def _gpu_worker(addresses: Addresses, name: str, *, slots: int = 1) -> Iterator[None]:
    """Run a fake GPU and its worker; the worker has reported when the block begins."""
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    before = len(_workers_up(addresses))
    server = (sys.executable, "-m", "tests.fakes.comfyui.server", "--port", str(port))
    fake = (*server, "--seconds-per-frame", str(FRAME_S))
    options = ("--comfyui", url, "--name", name, "--slots", str(slots))
    tower = (sys.executable, "-m", "deployments.cli", "worker", "gpu", *options)
    env = {
        **os.environ,
        "TOWER_DATA_DIR": str(addresses.data_dir),
        "TOWER_DATABASE_URL": addresses.database_url,
        "PREFECT_API_URL": addresses.prefect_api_url,
        "PREFECT_API_AUTH_STRING": addresses.prefect_auth_string or "",
        "TOWER_WARM_SOCKET": str(warm_socket_path(addresses.data_dir)),
    }
    with ExitStack() as end:
        end.callback(_end, subprocess.Popen(fake))
        end.callback(_end, subprocess.Popen(tower, env=env, stdout=subprocess.DEVNULL))
        deadline = time.monotonic() + START_S
        while len(_workers_up(addresses)) == before:
            if time.monotonic() > deadline:
                raise SystemExit(f"The worker {name} is not up after {START_S} s")
            time.sleep(0.2)
        yield


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)


if __name__ == "__main__":
    main()
