"""The main job: how fast the stack starts, answers and renders a shot, and how much memory it uses.

python -m benchmarks.main_job [--shots N] [--posts N]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.report import Figure, format_spread, percentile, publish_figures
from benchmarks.stack import memory_mb, start_stack
from tower.clients.production import END_STATUSES, ProductionClient
from tower.engines.base import Shot
from tower_animatic.engine import AnimaticEngine

SHOT = {"prompt": "cyberpunk detective walking in neon city", "duration": 3, "width": 512, "height": 512}
SETTLE_S = 10  # after this time an idle stack has finished its start


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--shots", type=int, default=10, help="jobs whose time is taken")
    asked.add_argument("--posts", type=int, default=100, help="requests whose latency is taken")
    args = asked.parse_args()
    with temporary_folder() as data:
        with start_stack(data) as (_, cold_s):
            pass
        with start_stack(data) as (addresses, warm_s):
            time.sleep(SETTLE_S)
            idle_mb = memory_mb(data)
            with ProductionClient(addresses.production_url) as api:
                shots = [_shot(api) for _ in range(args.shots)]
                posts_ms, health_ms = _latencies(api, addresses.production_url, args.posts)
    starts = _start_figures(cold_s, warm_s, idle_mb)
    posts = _post_figure(posts_ms, health_ms)
    bare_s = [_bare_render() for _ in range(args.shots)]
    publish_figures("main_job", "The main job on the embedded stack", [*starts, posts, *_shot_figures(shots, bare_s)])


def _start_figures(cold_s: float, warm_s: float, idle_mb: dict[str, float]) -> list[Figure]:
    total = sum(idle_mb.values())
    parts = ", ".join(f"{name} {size:.0f}" for name, size in sorted(idle_mb.items(), key=lambda part: -part[1]))
    return [
        Figure("`tower up`, first start on an empty folder", f"{cold_s:.1f} s"),
        Figure("`tower up`, second start", f"{warm_s:.1f} s", "", "< 25 s", warm_s < 25),
        Figure("idle stack, PSS", f"{total:.0f} MB", parts, "< 900 MB", total < 900),
    ]


def _post_figure(posts_ms: list[float], health_ms: list[float]) -> Figure:
    p95 = percentile(posts_ms, 0.95)
    return Figure(
        "POST /generate, p50 / p95",
        f"{statistics.median(posts_ms):.1f} / {p95:.1f} ms",
        f"GET /health: {statistics.median(health_ms):.1f} / {percentile(health_ms, 0.95):.1f} ms",
        "p95 < 150 ms",
        p95 < 150,
    )


def _shot_figures(shots: list[dict[str, float]], bare_s: list[float]) -> list[Figure]:
    done_s, started_s = [shot["done_s"] for shot in shots], [shot["render_s"] for shot in shots]
    bare = f"the bare render in one process: {format_spread(bare_s)}"
    return [
        Figure("POST → render starts", format_spread(started_s)),
        Figure("POST → completed, 3 s at 512²", format_spread(done_s), bare, "< 10 s", statistics.median(done_s) < 10),
    ]


def _shot(api: ProductionClient) -> dict[str, float]:
    """Seconds from the request to the start of its render and to its end."""
    began = time.monotonic()
    accepted = api.generate(SHOT)
    render_s: float | None = None
    while (job := api.get_status(accepted["job_id"]))["status"] not in END_STATUSES:
        if render_s is None and job["step"] and job["step"].startswith("frame"):
            render_s = time.monotonic() - began
        time.sleep(0.02)
    done_s = time.monotonic() - began
    if job["status"] != "completed":
        raise SystemExit(f"Job {job['job_id']} {job['status']}: {job['error']}")
    return {"render_s": render_s if render_s is not None else done_s, "done_s": done_s}


def _latencies(api: ProductionClient, url: str, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of job requests (cancelled at once) and of health requests, alternately."""
    posts_ms, health_ms = [], []
    with httpx.Client(trust_env=False) as http:
        for _ in range(count):
            began = time.perf_counter()
            accepted = api.generate(SHOT, idempotency_key=str(uuid.uuid4()))
            posts_ms.append((time.perf_counter() - began) * 1000)
            api.cancel(accepted["job_id"])
            began = time.perf_counter()
            http.get(f"{url}/health").raise_for_status()
            health_ms.append((time.perf_counter() - began) * 1000)
    return posts_ms, health_ms


class _NoWatch:
    def progress(self, fraction: float, step: str) -> None:
        """Ignore the progress."""


def _bare_render() -> float:
    shot = Shot(prompt=str(SHOT["prompt"]), negative_prompt="", seed=7, width=512, height=512, fps=24, frames=72)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        AnimaticEngine().render(shot, prompt_id=str(uuid.uuid4()), target=Path(folder) / "clip.mp4", watch=_NoWatch())
        return time.monotonic() - began


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A data folder that the database's user can reach."""
    with tempfile.TemporaryDirectory(prefix="tower-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


if __name__ == "__main__":
    main()
