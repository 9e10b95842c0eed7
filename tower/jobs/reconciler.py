"""Compares the job rows with Prefect's runs, at start and on a timer, and repairs the differences.

It restarts jobs whose run is lost, cancels jobs whose run was cancelled in Prefect, stops the runs of ended jobs,
launches new jobs, and does the duties that it was given. Of several processes, one at a time makes a pass. A process
that loses the lead during a pass does no harm: launches carry an idempotency key, and every write requires that the row
is unchanged since it was read.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import ProductionJob
from tower.clients.prefect import PrefectClient
from tower.errors import UnavailableError
from tower.errors.foreign import one_line
from tower.jobs.launching import Launcher
from tower.jobs.leadership import leadership
from tower.jobs.lost_runs import CLAIM_TIMEOUT_S
from tower.jobs.repair import RunRepair
from tower.jobs.settling import JobSettling
from tower.jobs.silent_workers import HEARTBEAT_TIMEOUT_S

TURN_S = 0.1  # a process that was woken tries again after this time to lead
log = logging.getLogger(__name__)


class Reconciler:
    """Runs passes in its own thread. `wake` begins the next pass at once; `stop` waits for the current one.

    `on_job_settled` is called when all runs of an ended job have ended, in the transaction that marks the job settled.
    `duties` are called at the end of each pass, in this order.
    """

    def __init__(
        self,
        sessions: SessionFactory,
        prefect: PrefectClient,
        *,
        interval_s: float = 2.0,
        claim_timeout_s: float = CLAIM_TIMEOUT_S,
        heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S,
        on_job_settled: Callable[[Session, ProductionJob], None] | None = None,
        duties: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._sessions = sessions
        self._repair = RunRepair(
            sessions, prefect, claim_timeout_s=claim_timeout_s, heartbeat_timeout_s=heartbeat_timeout_s
        )
        self._settling = JobSettling(sessions, prefect, on_job_settled=on_job_settled)
        self._launcher = Launcher(sessions, prefect)
        self._duties = duties
        self._every_s = interval_s
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)
        self._in_outage = False

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        self._stopping.set()
        self._woken.set()
        self._thread.join(timeout=10)

    def reconcile(self) -> bool:
        """Run one pass: repair, settle, launch, then the duties. Returns False if another process makes one.

        Raises UnavailableError if Prefect does not answer; earlier repairs of the pass stay.
        """
        with leadership(self._sessions) as leads:
            if leads:
                self._repair.repair_batch()
                self._settling.finish_batch()
                if self._launcher.launch_batch():
                    self.wake()
                for duty in self._duties:
                    duty()
            return leads

    def _run(self) -> None:
        while not self._stopping.is_set():
            was_woken = self._woken.is_set()
            self._woken.clear()
            leads = self._try_reconcile()
            if was_woken and not leads:
                self.wake()  # the present leader may have read the jobs before this process changed one
                self._stopping.wait(TURN_S)
            # During an outage, `wake` does not shorten the wait.
            (self._stopping if self._in_outage else self._woken).wait(self._every_s)

    def _try_reconcile(self) -> bool:
        """Run a pass and log its failure. Returns False if another process makes one now."""
        try:
            leads = self.reconcile()
        except (UnavailableError, OperationalError) as error:
            if not self._in_outage:  # log once for each outage, not for each pass
                log.warning("Jobs wait until the next pass: %s", one_line(str(error)))
            self._in_outage = True
            return True
        except Exception:
            log.exception("A pass of the reconciler failed; the next one tries again")
            return True
        self._in_outage = False
        return leads
