"""The production API with 10,000 scenes in one project and 100,000 jobs, under load from 8 concurrent clients.

python -m benchmarks.api [--seconds N] [--only PART]

PostgreSQL and the service run as in the stack. Prefect does not run, because no request of this benchmark waits for it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.api_plans import QueryPlan, explain_requests
from benchmarks.api_world import JOBS, SCENES, ApiWorld, build_world
from benchmarks.clients import CLIENT_COUNT, LoadResult, Request, run_load, send_once
from benchmarks.report import Figure, percentile, publish_figures
from benchmarks.versions import find_free_port
from db.engine import open_engine, session_factory
from db.migrate import upgrade
from deployments.postgres import EmbeddedPostgres
from tower.settings import Settings

API_ROOT = "/api/anime"
READ_TARGET_MS, WRITE_TARGET_MS = 50, 100  # targets for the 95th percentile
START_TIMEOUT_S = 60
RARE, COMMON, SPOKEN = "comet", "lantern", "number 4711"


@dataclass(frozen=True)
class BenchmarkRequest:
    """One kind of request. `request` builds the nth one."""

    name: str
    request: Callable[[int], Request]

    @property
    def is_write(self) -> bool:
        return self.request(0).method != "GET"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="how long each kind of request is sent")
    parser.add_argument("--only", default="", help="a part of the names of the requests to send; publishes nothing")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tower-api-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with create_database(Path(folder)) as url:
            world = _built(url)
            with serve_api(url, Path(folder)) as port:
                asked = [kind for kind in list_requests(world) if args.only in kind.name]
                health = BenchmarkRequest("GET /health", lambda _: Request("GET", f"{API_ROOT}/health"))
                loads = {kind.name: measure_request(port, kind, args.seconds) for kind in [health, *asked]}
            plans = explain_requests(url, {kind.name: kind.request(1) for kind in asked if not kind.is_write})
    rows = build_figures(asked, loads, plans)
    if args.only:
        for row in rows:
            print(row)
    else:
        title = (
            f"The production API with {SCENES:,} scenes in a project and {JOBS:,} jobs, {CLIENT_COUNT} clients at once"
        )
        publish_figures("api", title, rows)
    if wrong := [plan for found in plans.values() for plan in found if plan.scans]:
        raise SystemExit("\n".join(f"a whole table is read: {plan}" for plan in wrong))


def list_requests(world: ApiWorld) -> list[BenchmarkRequest]:
    """Requests about the large project, unless the name says otherwise."""
    small, of = world.small_ids, f"project_id={world.project_id}"

    def get(name: str, path: Callable[[int], str]) -> BenchmarkRequest:
        return BenchmarkRequest(f"GET {name}", lambda n: Request("GET", f"{API_ROOT}/{path(n)}"))

    reads = [
        get("/projects", lambda _: "projects"),
        get("/projects/{id}", lambda n: f"projects/{small[n % len(small)]}"),
        get("/characters", lambda _: f"characters?{of}"),
        get("/characters/{id}", lambda n: f"characters/{_any(world.character_ids, n)}"),
        get("/scenes", lambda _: f"scenes?{of}"),
        get("/scenes, any page", lambda n: f"scenes?{of}&cursor={1 + n * 37 % (SCENES - 100)}"),
        get("/scenes?character_id=", lambda n: f"scenes?{of}&character_id={_any(world.character_ids, n)}"),
        get("/scenes/{id}", lambda n: f"scenes/{_any(world.scene_ids, n)}"),
        get("/generation", lambda _: "generation"),
        get("/generation?status=failed", lambda _: "generation?status=failed"),
        get("/generation?status=merge_failed, any page", lambda n: _jobs_page(world, n, "status=merge_failed")),
        get("/generation?project_id=", lambda n: f"generation?project_id={small[n % len(small)]}"),
        get("/generation?since=&until=", lambda n: f"generation?{_week(n)}"),
        get("/generation?until=", lambda n: f"generation?{_week(n).partition('&')[2]}"),
        get("/generation/{id}/status", lambda n: f"generation/{_any(world.job_ids, n)}/status"),
        get(f"/search?q={RARE}", lambda _: f"search?{of}&q={RARE}"),
        get(f"/search?q={COMMON}", lambda _: f"search?{of}&q={COMMON}"),
        get(f"/search?q={SPOKEN}", lambda _: f"search?{of}&q={quote(SPOKEN)}"),
        get("/projects/{id}/stale, of no takes", lambda _: f"projects/{world.project_id}/stale"),
        get("/branches", lambda _: f"branches?{of}"),
        get("/commits", lambda _: f"commits?{of}"),
        get("/commits/{hash}", lambda n: f"commits/{world.commits[n % len(world.commits)]}?{of}"),
    ]
    return reads + list_writes(world)


def list_writes(world: ApiWorld) -> list[BenchmarkRequest]:
    project = world.project_id

    def small(n: int) -> int:
        return world.small_ids[n % len(world.small_ids)]

    def send(
        name: str, method: str, path: Callable[[int], str], body: Callable[[int], dict[str, object]]
    ) -> BenchmarkRequest:
        return BenchmarkRequest(f"{method} {name}", lambda n: Request(method, f"{API_ROOT}/{path(n)}", body(n)))

    return [
        send("/projects", "POST", lambda _: "projects", lambda n: {"name": f"New {n}"}),
        send("/projects/{id}", "PATCH", lambda n: f"projects/{small(n)}", lambda n: {"description": f"edit {n}"}),
        send(
            "/characters", "POST", lambda _: "characters", lambda n: {"project_id": project, "name": f"Passer-by {n}"}
        ),
        send(
            "/characters/{id}",
            "PUT",
            lambda n: f"characters/{_any(world.character_ids, n)}",
            lambda n: {"backstory": f"edit {n}"},
        ),
        send("/scenes", "POST", lambda _: "scenes", lambda n: {"project_id": project, "description": f"New {n}"}),
        send("/scenes/{id}", "PUT", lambda n: f"scenes/{_any(world.scene_ids, n)}", lambda n: {"mood": f"edit {n}"}),
        send("/generate", "POST", lambda _: "generate", lambda n: {"prompt": f"a lantern {n}", "duration": 3}),
        send(
            "/branch, of a small project",
            "POST",
            lambda _: "branch",
            lambda n: {"project_id": small(n), "branch_name": f"branch {n}"},
        ),
    ]


def measure_request(port: int, asked: BenchmarkRequest, seconds: float) -> LoadResult:
    load = run_load(port, asked.request, seconds=seconds)
    print(f"{asked.name}: {percentile(load.ms, 0.5):.1f} {percentile(load.ms, 0.95):.1f} ms", file=sys.stderr)
    return load


def build_figures(
    asked: list[BenchmarkRequest], loads: Mapping[str, LoadResult], plans: Mapping[str, list[QueryPlan]]
) -> list[Figure]:
    health = loads["GET /health"]
    beside = f"GET /health {_times(health)}"
    rows = []
    for kind in asked:
        target = WRITE_TARGET_MS if kind.is_write else READ_TARGET_MS
        met = percentile(loads[kind.name].ms, 0.95) < target
        indexes = sorted({index for plan in plans.get(kind.name, ()) for index in plan.indexes})
        shown = f"{beside}; by {', '.join(indexes)}" if indexes else beside
        rows.append(Figure(kind.name, _times(loads[kind.name]), shown, f"p95 < {target} ms", met))
    return rows


def _times(load: LoadResult) -> str:
    return f"{statistics.median(load.ms):.1f} / {percentile(load.ms, 0.95):.1f} ms, {load.per_second:.0f}/s"


def _any(ids: Sequence[int], n: int) -> int:
    return ids[n * 7919 % len(ids)]


def _week(n: int) -> str:
    """The start and end of a week in the last year."""
    day = 1 + n * 13 % 350
    since = time.time() - day * 86_400
    stamps = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)) for moment in (since, since + 7 * 86_400))
    return "since={}&until={}".format(*stamps)


def _jobs_page(world: ApiWorld, n: int, narrowed: str) -> str:
    return f"generation?{narrowed}&cursor={_any(world.job_ids, n)}"


def _built(url: str) -> ApiWorld:
    engine = open_engine(url, application="benchmark")
    try:
        return build_world(session_factory(engine))
    finally:
        engine.dispose()


@contextmanager
def create_database(folder: Path) -> Iterator[str]:
    """The embedded server as the stack runs it, fsync included."""
    server = EmbeddedPostgres(folder / "postgres", find_free_port())
    server.start()
    try:
        upgrade(server.url("anime_production"))
        yield server.url("anime_production")
    finally:
        server.stop()


@contextmanager
def serve_api(url: str, folder: Path) -> Iterator[int]:
    """The production API as the stack starts it."""
    port, unused_port = find_free_port(), find_free_port()
    command = [sys.executable, "-m", "api.serving", f"production:{port}:{Settings().api_processes}"]
    env = {
        **os.environ,
        "TOWER_DATABASE_URL": url,
        "TOWER_DATA_DIR": str(folder / "data"),
        "PREFECT_API_URL": f"http://127.0.0.1:{unused_port}/api",
    }
    with (folder / "service.log").open("w") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        _wait(port, process, folder / "service.log")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            send_once(port, Request("GET", f"{API_ROOT}/health"))
        except (OSError, RuntimeError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The service did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    main()
