"""Render hosts that are cut off, and clocks that differ, on several machines (network namespaces).

    python -m tests.torture.hosts --inside ''

runs the cases on the machine of the stack, and prints each as a line of JSON. `run_hosts` makes the machines first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import select

from db.engine import DEAD_PEER_S
from db.models.rendering import RenderSegment, SegmentState
from deployments.external import to_libpq_url
from tests.deployments.processes import make_open_folder
from tests.torture import namespaces
from tests.torture.case import Result
from tests.torture.jobs import FPS, SECONDS, SIZE
from tests.torture.judgement import Outcome, Verdict, judge
from tests.torture.machines import Machines
from tests.torture.stack import wait_until
from tower.clients.production import END_STATUSES
from tower.rendering.render_runs import WORKER_SILENCE_S

HOST = "render host"
STEP_S = 0.75  # of a sampler of 20 steps: a render takes about 15 s
SHORT_CUT_S = 20.0
CLOCK_S = 300
FILE_BYTES = 100_000_000
END_S = WORKER_SILENCE_S + 180.0
ROOT = Path(__file__).parents[2]


def run_inside(only: str) -> None:
    """The cases, in the namespace of the machine `stack`."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("TOWER_", "PREFECT_"))}
    with make_open_folder() as folder, Machines(folder / "data", outer) as machines:
        for machine in ("left", "right"):
            machines.start_comfyui(machine, per_step_s=STEP_S)
            machines.start_worker(machine, comfyui=machine)
        for title, case in CASES.items():
            if only not in f"{HOST} at {title}":
                continue
            print(json.dumps(_run_case(title, case, machines)), flush=True)  # noqa: T201


def run_hosts(only: str = "") -> Iterator[Result | str]:
    """Each case's result as it ends, or why it was not tried. `only` is a part of its name."""
    if obstacle := namespaces.find_obstacle():
        yield f"several hosts: not tried, since {obstacle}"
        return
    with namespaces.make_machines():
        inside = [sys.executable, "-m", "tests.torture.hosts", "--inside", only]
        command = [*namespaces.END_WITH_PARENT, "ip", "netns", "exec", "tower-stack", *inside]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            for line in process.stdout or ():
                yield _read_result(line)
        if process.returncode:
            yield Result(HOST, "start", Outcome.HUNG, "the stack broke off", 0.0)


def cut_and_return(machines: Machines) -> Verdict:
    """A render host is cut off in a render for 20 s."""
    job_id, host = _render_somewhere(machines)
    with _cut_off(host):
        time.sleep(SHORT_CUT_S)
    return _judge_end(machines, job_id)


def cut_for_good(machines: Machines) -> Verdict:
    """A render host is cut off in a render, and returns after another has done its work."""
    job_id, host = _render_somewhere(machines)
    with _cut_off(host):
        verdict = _judge_end(machines, job_id)
    if verdict.outcome is not Outcome.COMPLETED:
        return verdict
    if (last := _read_rows(machines, job_id)[-1].worker or "").startswith(host):
        return Verdict(Outcome.FALSE, f"the host that was cut off rendered it: {last}")
    wait_until(lambda: _renders_again(machines, host), END_S, f"{host} renders nothing after its return")
    return judge(machines.sessions, job_id)


def cut_in_transaction(machines: Machines) -> Verdict:
    """A host is cut off while it holds a lock: the database notices, and the job goes on."""
    job_id, host = _render_somewhere(machines)
    holder = _hold_lock(machines, host, job_id)
    with _cut_off(host):
        started = time.monotonic()
        with psycopg.connect(to_libpq_url(machines.database_url)) as connection:
            connection.execute("select 1 from anime_api.production_jobs where id = %s for update", [job_id])
        waited_s = time.monotonic() - started
        holder.kill()
    verdict = _judge_end(machines, job_id)
    if verdict.outcome is Outcome.COMPLETED and waited_s > DEAD_PEER_S + 15:
        return Verdict(Outcome.HUNG, f"a host that was cut off held a lock for {waited_s:.0f} s")
    return verdict


def cut_while_a_file_travels(machines: Machines) -> Verdict:
    """The ComfyUI of another host is cut off for 20 s while its clip is downloaded."""
    with _far_worker(machines):
        job_id = _open_job(machines)
        _wait_until_a_file_travels(machines, job_id)
        with _cut_off("left"):
            time.sleep(SHORT_CUT_S)
        return _judge_end(machines, job_id)


def cut_for_good_while_a_file_travels(machines: Machines) -> Verdict:
    """The ComfyUI of another host is cut off while its clip is downloaded, and another host renders the shot."""
    with _far_worker(machines):
        job_id = _open_job(machines)
        _wait_until_a_file_travels(machines, job_id)
        machines.start_worker("right", comfyui="right")
        with _cut_off("left"):
            return _judge_end(machines, job_id)


def differ_in_clocks(machines: Machines) -> Verdict:
    """The clock of one render host is five minutes behind, that of the other five minutes ahead."""
    if namespaces.build_shifted_clock() is None:
        raise LookupError("there is no C compiler for the library that shifts clocks")
    for machine, clock_s in (("left", -CLOCK_S), ("right", CLOCK_S)):
        machines.start_comfyui(machine, per_step_s=STEP_S)
        machines.start_worker(machine, comfyui=machine, clock_s=clock_s)
    started = time.monotonic()
    jobs = [_open_job(machines) for _ in range(4)]
    verdicts = [_judge_end(machines, job_id) for job_id in jobs]
    took_s = time.monotonic() - started
    rows = [row for job_id in jobs for row in _read_rows(machines, job_id)]
    if bad := next((verdict for verdict in verdicts if verdict.outcome is not Outcome.COMPLETED), None):
        return bad
    if lost := [row.error_message for row in rows if row.state is not SegmentState.COMPLETED]:
        return Verdict(Outcome.DOUBLE, f"a render was repeated: {lost}")
    hosts = {str(row.worker).split("@")[0] for row in rows}
    if hosts != {"left", "right"} or took_s > CLOCK_S:
        return Verdict(Outcome.HUNG, f"{hosts} rendered 4 shots in {took_s:.0f} s")
    return Verdict(Outcome.COMPLETED)


CASES: dict[str, Callable[[Machines], Verdict]] = {
    "cut off for 20 s in a render": cut_and_return,
    "cut off in a render until another host has rendered it": cut_for_good,
    "cut off in a transaction": cut_in_transaction,
    "cut off for 20 s while a file travels": cut_while_a_file_travels,
    "cut off while a file travels, for good": cut_for_good_while_a_file_travels,
    "clocks 5 minutes behind and ahead": differ_in_clocks,
}


def _run_case(title: str, case: Callable[[Machines], Verdict], machines: Machines) -> dict[str, object]:
    started = time.monotonic()
    try:
        verdict = case(machines)
    except LookupError as obstacle:
        return {"title": title, "not_tried": str(obstacle)}
    except Exception:
        verdict = Verdict(Outcome.HUNG, traceback.format_exc())
    took_s = time.monotonic() - started
    return {"title": title, "outcome": verdict.outcome, "reason": verdict.reason, "took_s": took_s}


def _read_result(line: str) -> Result | str:
    found = json.loads(line)
    if "not_tried" in found:
        return f"{found['title']}: not tried, since {found['not_tried']}"
    return Result(HOST, found["title"], Outcome(found["outcome"]), found["reason"], found["took_s"])


def _open_job(machines: Machines) -> int:
    shot = {"prompt": "rain on a tin roof", "duration": SECONDS, "width": SIZE, "height": SIZE, "fps": FPS}
    job_id: int = machines.api.generate({**shot, "engine": "comfyui", "force": True})["job_id"]
    return job_id


def _render_somewhere(machines: Machines) -> tuple[int, str]:
    """A job in its render, and the machine that renders it."""
    job_id = _open_job(machines)
    wait_until(lambda: _is_rendering(machines, job_id), END_S, f"generation {job_id} is not rendered")
    return job_id, str(_read_rows(machines, job_id)[-1].worker).split("@")[0]


def _is_rendering(machines: Machines, job_id: int) -> bool:
    rows = _read_rows(machines, job_id)
    return bool(rows) and rows[-1].state is SegmentState.PROCESSING and rows[-1].progress > 0.1


def _renders_again(machines: Machines, host: str) -> bool:
    job_id = _open_job(machines)
    _judge_end(machines, job_id)
    return str(_read_rows(machines, job_id)[-1].worker).startswith(host)


def _read_rows(machines: Machines, job_id: int) -> list[RenderSegment]:
    with machines.sessions() as session:
        return list(session.scalars(select(RenderSegment).filter_by(job_id=job_id).order_by(RenderSegment.id)))


def _judge_end(machines: Machines, job_id: int) -> Verdict:
    deadline = time.monotonic() + END_S
    while (job := machines.api.get_status(job_id))["status"] not in END_STATUSES:
        if time.monotonic() > deadline:
            return Verdict(Outcome.HUNG, f"no end of generation {job_id} within {END_S:.0f} s: {job}")
        time.sleep(0.2)
    return judge(machines.sessions, job_id)


@contextmanager
def _cut_off(machine: str) -> Iterator[None]:
    namespaces.cut(machine)
    try:
        yield
    finally:
        namespaces.connect(machine)


@contextmanager
def _far_worker(machines: Machines) -> Iterator[None]:
    """Only a worker on the machine of the stack, with the ComfyUI of another that sends 100 MB slowly."""
    for name in ("left", "right"):
        machines.stop(name)
    machines.start_comfyui("left", per_step_s=0.05, misbehaviour=f"padded-file:times=none,file_bytes={FILE_BYTES}")
    namespaces.slow_down("left", "80mbit")
    machines.start_worker("stack", comfyui="left", name="far")
    try:
        yield
    finally:
        machines.stop("far")
        for machine in ("left", "right"):
            machines.start_worker(machine, comfyui=machine)


def _wait_until_a_file_travels(machines: Machines, job_id: int) -> None:
    folder = machines.renders / ".partial"

    def is_travelling() -> bool:
        return any(1_000_000 < file.stat().st_size < FILE_BYTES for file in folder.glob("*segment-*.part.mp4"))

    wait_until(is_travelling, END_S, f"no clip of generation {job_id} arrives")


def _hold_lock(machines: Machines, host: str, job_id: int) -> subprocess.Popen[str]:
    """A process on the host that holds the lock of the job's row."""
    program = (
        "import sys, time; from db.engine import open_engine; from sqlalchemy import text\n"
        "connection = open_engine(sys.argv[1]).connect()\n"
        "row = 'select 1 from anime_api.production_jobs where id = ' + sys.argv[2]\n"
        "connection.execute(text(row + ' for update'))\n"
        "print('locked', flush=True); time.sleep(600)"
    )
    words = namespaces.list_words(host, [sys.executable, "-c", program, machines.database_url, str(job_id)])
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    return process


if __name__ == "__main__":
    run_inside(sys.argv[-1])
