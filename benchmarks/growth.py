"""The growth of the stack: its memory before and after many jobs, with the database.

python -m benchmarks.growth [--jobs N]
"""

from __future__ import annotations

import argparse
import time

from benchmarks.main_job import SETTLE_S, temporary_folder
from benchmarks.report import Figure, publish_figures
from benchmarks.stack import memory_mb, start_stack
from tower.clients.production import END_STATUSES, ProductionClient

SHOT = {"prompt": "a quiet forest", "duration": 1, "width": 256, "height": 256}
STEP = 50  # jobs between two measurements
MEASURED_JOBS = 200  # the last jobs; the earlier ones fill caches and pools
NONE = 0.01  # share of the total; smaller growth counts as none


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--jobs", type=int, default=400, help="in steps of 50; the last 200 are held to the target")
    jobs = asked.parse_args().jobs
    if jobs < MEASURED_JOBS:
        asked.error(f"--jobs: at least {MEASURED_JOBS}")
    with (
        temporary_folder() as data,
        start_stack(data) as (addresses, _),
        ProductionClient(addresses.production_url) as api,
    ):
        _make(api, 4)  # memory that is loaded once does not count as growth
        weights = []
        began = time.monotonic()
        for _ in range(jobs // STEP):
            time.sleep(SETTLE_S)
            weights.append(memory_mb(data))
            _make(api, STEP)
        spent_s = time.monotonic() - began - jobs // STEP * SETTLE_S
        time.sleep(SETTLE_S)
        weights.append(memory_mb(data))
    publish_figures("growth", f"The stack over {jobs} jobs", _figures(weights, jobs, spent_s))


def _figures(weights: list[dict[str, float]], jobs: int, spent_s: float) -> list[Figure]:
    figures = [Figure("jobs per minute, 1 s at 256², one slot", f"{jobs / spent_s * 60:.0f}")]
    for name in sorted(weights[0], key=lambda name: -weights[0][name]):
        course = " → ".join(f"{weight.get(name, 0.0):.0f}" for weight in weights)
        figures.append(Figure(f"{name}, PSS in MB", course))
    totals = [sum(size for name, size in weight.items() if name != "postgres") for weight in weights]
    course = " → ".join(f"{total:.0f}" for total in totals)
    before, after = totals[-1 - MEASURED_JOBS // STEP], totals[-1]
    grown = f"{after - before:+.0f} MB, {after / before - 1:+.1%}"
    return [
        *figures,
        Figure("all but the database, PSS in MB", course),
        Figure(f"the same, over the last {MEASURED_JOBS} jobs", grown, "", f"≤ {NONE:.0%}", after / before - 1 <= NONE),
    ]


def _make(api: ProductionClient, count: int) -> None:
    """Start `count` jobs at once and wait until all have completed."""
    for job_id in [api.generate(SHOT)["job_id"] for _ in range(count)]:
        while (job := api.get_status(job_id))["status"] not in END_STATUSES:
            time.sleep(0.2)
        if job["status"] != "completed":
            raise SystemExit(f"Job {job_id} {job['status']}: {job['error']}")


if __name__ == "__main__":
    main()
