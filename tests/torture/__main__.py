"""`make torture`: kills each process of a stack at each moment of a job, and writes build/torture/table.md."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.torture.case import Case, Result
from tests.torture.hosts import CASES, HOST, run_hosts
from tests.torture.jobs import JobOpener
from tests.torture.judgement import Outcome
from tests.torture.page import write_table
from tests.torture.plan import Plan
from tests.torture.stack import start_tortured_stack

TABLE = Path(__file__).parents[2] / "build" / "torture" / "table.md"


def main() -> int:
    options = read_options()
    started = time.monotonic()
    plan = Plan(times=options.times, limit_s=options.limit_s, only=options.only, seed=options.seed)
    say(f"{len(plan.cells)} pairs of a process and a moment, {options.times} kills of each, {options.stacks} stacks")
    with ThreadPoolExecutor(options.stacks + 1) as pool:
        hosts = pool.submit(torture_hosts, options.only)
        broken = sum(pool.map(torture, [plan] * options.stacks)) if plan.cells else 0
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text(write_table(plan.results, hosts.result(), took_s=time.monotonic() - started))
    found = [*plan.results, *(result for result in hosts.result() if isinstance(result, Result))]
    bad = [result for result in found if result.outcome is not Outcome.COMPLETED]
    say(f"{len(found)} jobs, {len(bad)} ended badly, {broken} cases broke off: {TABLE}")
    return int(bool(bad or broken))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="kills of each process at each moment (%(default)s)")
    parser.add_argument("--limit-s", type=float, default=1620, help="begin no case after this time (%(default)s)")
    parser.add_argument(
        "--only",
        default="",
        help="a part of 'PROCESS at MOMENT', such as 'gpu worker' or 'at taken'; 'render host' for several hosts",
    )
    parser.add_argument("--stacks", type=int, default=(os.cpu_count() or 1) + 1, help="side by side (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the cases (%(default)s)")
    return parser.parse_args()


def torture(plan: Plan) -> int:
    """Run cases on a stack of its own until the plan is done. Returns how many broke off; each gets a new stack."""
    broken = 0
    while (cell := plan.choose_next()) is not None:
        try:
            with start_tortured_stack() as stack:
                opener = JobOpener(stack)
                while cell is not None:
                    results = Case(stack, opener, victim=cell[0], moment=cell[1]).run()
                    plan.add(results)
                    say(describe(*cell, results))
                    cell = plan.choose_next()
        except Exception:
            broken += 1
            say(f"{cell}: {traceback.format_exc()}")
    return broken


def torture_hosts(only: str) -> list[Result | str]:
    """The cases of several hosts, with why one was not tried."""
    found = []
    if any(only in f"{HOST} at {title}" for title in CASES):
        for result in run_hosts(only):
            say(result if isinstance(result, str) else describe(result.victim, result.moment, [result]))
            found.append(result)
    return found


def describe(victim: str, moment: str, results: list[Result]) -> str:
    shown = ", ".join(
        f"{result.moment}: {result.outcome} {result.recovery_s:.0f} s {result.reason}" for result in results
    )
    return f"{victim} at {moment}: {shown or 'nothing to kill'}"


def say(line: str) -> None:
    with _speaking:
        sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
        sys.stdout.flush()


_speaking = threading.Lock()

if __name__ == "__main__":
    sys.exit(main())
