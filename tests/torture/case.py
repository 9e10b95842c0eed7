"""One case: some jobs, a process that is killed at a moment of them, and what became of each job."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
from sqlalchemy.exc import SQLAlchemyError

from tests.torture.jobs import STAGE_OF, JobOpener, Recipe
from tests.torture.judgement import Outcome, Verdict, judge
from tests.torture.moments import MOMENTS, Sight, look, name_moment
from tests.torture.stack import TorturedStack, wait_until
from tests.torture.victims import OWN, SHARED
from tower.errors import TowerError
from tower.jobs.lost_runs import CLAIM_TIMEOUT_S

JOBS = 4
POLL_S = 0.01
MOMENT_S = 180.0
RESTART_S, WORK_S = 60.0, 60.0  # until the parts are back, and for the rest of the work on a busy machine
END_S = CLAIM_TIMEOUT_S + RESTART_S + WORK_S
WHOLE_S = 120.0


@dataclass(frozen=True)
class Result:
    """A job that was at `moment` when `victim` was killed. `recovery_s`: from the kill to the end of the job."""

    victim: str
    moment: str
    outcome: Outcome
    reason: str
    recovery_s: float


class Case:
    """Kills `victim` at `moment` of one of several jobs; the others are at moments of their own. It runs once."""

    def __init__(self, stack: TorturedStack, opener: JobOpener, *, victim: str, moment: str) -> None:
        self._stack = stack
        self._opener = opener
        self._victim = victim
        self._moment = moment
        self._killed: dict[int, tuple[float, str]] = {}

    def run(self) -> list[Result]:
        """Open the jobs, kill, and wait until all jobs have ended and the stack is whole again."""
        jobs = self._open_jobs()
        if self._victim in SHARED:
            self._kill_shared(jobs)
        else:
            self._kill_own(jobs)
        ended = self._wait_for_ends(jobs)
        wait_until(self._is_whole, WHOLE_S, f"the stack is not whole after {self._victim} was killed")
        return [self._conclude(job_id, ended.get(job_id)) for job_id in self._killed]

    def _open_jobs(self) -> list[int]:
        recipe = STAGE_OF.get(self._moment)
        recipes: Sequence[Recipe] = [recipe] * JOBS if recipe else random.sample(list(Recipe) * 2, JOBS)
        return [self._opener.open(recipe) for recipe in recipes]

    def _look(self, jobs: Sequence[int]) -> dict[int, Sight]:
        return look(self._stack.sessions, self._stack.prefect_sessions, jobs)

    def _kill_shared(self, jobs: Sequence[int]) -> None:
        """Kill once, when the middle one of the jobs is at the moment."""
        deadline = time.monotonic() + MOMENT_S
        while True:
            sights = self._look(jobs)
            if sum(_has_reached(sight, self._moment) for sight in sights.values()) > JOBS // 2:
                break
            _require_time(deadline, f"no {self._moment!r} of jobs {jobs}: {sights}")
            time.sleep(POLL_S)
        killed_at = time.monotonic()
        SHARED[self._victim](self._stack)
        self._killed = {job_id: (killed_at, name_moment(sight)) for job_id, sight in sights.items()}

    def _kill_own(self, jobs: Sequence[int]) -> None:
        """Kill the process of each job when that job is at the moment."""
        deadline = time.monotonic() + MOMENT_S
        waiting = set(jobs)
        while waiting:
            for job_id, sight in self._look(sorted(waiting)).items():
                if _has_reached(sight, self._moment):
                    waiting.discard(job_id)
                    if OWN[self._victim](sight):
                        self._killed[job_id] = (time.monotonic(), name_moment(sight))
            _require_time(deadline, f"no {self._moment!r} of jobs {waiting}")
            time.sleep(POLL_S)

    def _wait_for_ends(self, jobs: Sequence[int]) -> dict[int, float]:
        """When each job ended. Jobs that do not end in time are left out."""
        ended: dict[int, float] = {}
        deadline = time.monotonic() + END_S
        while len(ended) < len(jobs) and time.monotonic() < deadline:
            try:
                sights = self._look(jobs)
            except SQLAlchemyError:  # PostgreSQL is being started again
                sights = {}
            for job_id, sight in sights.items():
                if sight.is_ended:
                    ended.setdefault(job_id, time.monotonic())
            time.sleep(0.05)
        return ended

    def _is_whole(self) -> bool:
        try:
            return self._stack.is_whole()
        except (TowerError, psutil.Error):  # a part is being started again
            return False

    def _conclude(self, job_id: int, ended_at: float | None) -> Result:
        killed_at, moment = self._killed[job_id]
        verdict = judge(self._stack.sessions, job_id)
        if ended_at is None and verdict.outcome is Outcome.FAILED:
            verdict = Verdict(Outcome.HUNG, f"no end of generation {job_id} within {END_S:.0f} s: {verdict.reason}")
        return Result(self._victim, moment, verdict.outcome, verdict.reason, (ended_at or time.monotonic()) - killed_at)


def _has_reached(sight: Sight, moment: str) -> bool:
    return MOMENTS[moment](sight) or sight.is_ended


def _require_time(deadline: float, complaint: str) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"{complaint} within {MOMENT_S:.0f} s")
