"""The comfyui engine compared with a bare submit, poll and download of the same fake render.

python -m benchmarks.engine [--renders N]

The server is a fake (tests/fakes/comfyui) in a separate process: it waits instead of computing, and encodes a real
MP4.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil

from benchmarks.report import Figure, format_spread, publish_figures
from tests.conftest import find_free_port
from tower.clients.comfyui.client import ComfyUIClient
from tower.engines.base import Shot
from tower.engines.comfyui.engine import ComfyUIEngine
from tower.engines.comfyui.filling import fill_graph
from tower.workflows.builtins import builtin_workflows

SHOT = Shot(
    prompt="a girl in the rain",
    negative_prompt="lowres",
    seed=0,
    width=512,
    height=512,
    fps=24,
    frames=24,
    steps=10,
    graph=builtin_workflows()["core_video"].workflow,
)
STEP_S, POLL_S, BIG_BYTES = 0.1, 0.1, 200_000_000


@dataclass
class LastStepClock:
    """A watcher that records the time of the last sampler step."""

    last_step_s: float = field(default=0.0)

    def progress(self, fraction: float, step: str) -> None:
        if step.startswith("step "):
            self.last_step_s = time.perf_counter()


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds of one render in this process, and the seconds after its last sampler step, if known."""

    wall_s: float
    cpu_s: float
    after_s: float = 0.0


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--renders", type=int, default=10, help="of each kind, in turn")
    renders = asked.parse_args().renders
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "clip.mp4"
        with _server() as url:
            pairs = [(_engine(url, number, target), _bare(url, number + 1_000, target)) for number in range(renders)]
        with _server("--misbehave", f"padded-file:file_bytes={BIG_BYTES},times=1") as url, _peak_mb() as grown_mb:
            _engine(url, 5_000, target)
            big_bytes = target.stat().st_size
    publish_figures(
        "engine", "The comfyui engine beside a bare submit and download", _figures(pairs, grown_mb[0], big_bytes)
    )


def _figures(pairs: list[tuple[Cost, Cost]], grown_mb: float, big_bytes: int) -> list[Figure]:
    ours, bare = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ratio = statistics.median(engine.wall_s / other.wall_s for engine, other in pairs)
    after_s = statistics.median(cost.after_s for cost in ours)
    steps = f"{SHOT.frames} frames 512², {SHOT.steps} steps of {STEP_S} s"
    return [
        Figure(f"one render, wall ({steps})", format_spread([cost.wall_s for cost in ours]), _said(bare, "wall_s")),
        Figure("the ratio, pair by pair", f"{ratio:.2f}"),
        Figure(
            "CPU of this process, checks included", format_spread([cost.cpu_s for cost in ours]), _said(bare, "cpu_s")
        ),
        Figure("last sampler step → checked clip in place", f"{after_s:.2f} s", "", "< 0.5 s", after_s < 0.5),
        Figure(f"memory grown while a file of {big_bytes / 1e6:.0f} MB streams", f"{grown_mb:.0f} MB"),
    ]


def _said(costs: list[Cost], name: str) -> str:
    return f"bare: {format_spread([getattr(cost, name) for cost in costs])}"


def _engine(url: str, seed: int, target: Path) -> Cost:
    clock = LastStepClock()
    target.unlink(missing_ok=True)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    with ComfyUIClient(url) as client:
        shot = replace(SHOT, seed=seed)
        ComfyUIEngine(client).render(shot, prompt_id=str(uuid4()), target=target, watch=clock)
    ended_s = time.perf_counter()
    return Cost(ended_s - began_s, time.process_time() - began_cpu_s, ended_s - clock.last_step_s)


def _bare(url: str, seed: int, target: Path) -> Cost:
    """A simple script: submit, poll, download. It checks nothing."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
        info = http.get("/object_info").json()
        assert SHOT.graph is not None
        graph = fill_graph(SHOT.graph, replace(SHOT, seed=seed), prefix=f"bare/{seed}", reference_name=None, info=info)
        prompt_id = http.post("/prompt", json={"prompt": graph}).raise_for_status().json()["prompt_id"]
        while not (done := http.get(f"/history/{prompt_id}").json()):
            time.sleep(POLL_S)
        target.write_bytes(http.get("/view", params=_file(done[prompt_id])).raise_for_status().content)
    return Cost(time.perf_counter() - began_s, time.process_time() - began_cpu_s)


def _file(job: dict[str, Any]) -> dict[str, str]:
    [file] = [file for output in job["outputs"].values() for file in output.get("images", ())]
    return {name: file[name] for name in ("filename", "subfolder", "type")}


@contextmanager
def _server(*options: str) -> Iterator[str]:
    port = find_free_port()
    server = [sys.executable, "-m", "tests.fakes.comfyui.server", "--port", str(port)]
    command = [*server, "--seconds-per-step", str(STEP_S)]
    process = subprocess.Popen([*command, *options])
    url = f"http://127.0.0.1:{port}"
    try:
        while not _answers(url):
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/system_stats", trust_env=False).is_success
    except httpx.TransportError:
        return False


@contextmanager
def _peak_mb() -> Iterator[list[float]]:
    """Sample the resident memory of this process within the block; the list then contains the growth."""
    me, grown, done = psutil.Process(), [0.0], threading.Event()
    before = me.memory_info().rss

    def look() -> None:
        while not done.wait(0.01):
            grown[0] = max(grown[0], (me.memory_info().rss - before) / 1e6)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield grown
    finally:
        done.set()
        looking.join()


if __name__ == "__main__":
    main()
