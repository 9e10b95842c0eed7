"""Makes the calls of the outbox in a thread of its own. Several processes may do so: each call has one at a time."""

from __future__ import annotations

import logging
import threading
import time

from sqlalchemy.exc import OperationalError

from db.engine import SessionFactory
from tower.errors.foreign import one_line
from tower.webhooks import outbox
from tower.webhooks.calling import make_calls

FORGET_EVERY_S = 3600.0
log = logging.getLogger(__name__)


class WebhookDeliverer:
    """`stop` waits for the calls that are being made, which end after a deadline."""

    def __init__(self, sessions: SessionFactory, *, allow_private: bool, interval_s: float = 2.0) -> None:
        self._sessions = sessions
        self._allow_private = allow_private
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._forget_at = 0.0
        self._in_outage = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=20)

    def deliver_due(self) -> int:
        """Make the calls that are due, and return their count."""
        with self._sessions.begin() as session:
            calls = outbox.claim_due(session)
        if not calls:
            return 0
        for call, result in zip(calls, make_calls(calls, allow_private=self._allow_private), strict=True):
            with self._sessions.begin() as session:
                outbox.record_result(session, call, result)
            if result.reason:
                log.warning("A webhook was not delivered: %s", result.reason, extra={"delivery_id": call.delivery_id})
        return len(calls)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._try_delivering():
                self._stopping.wait(self._interval_s)

    def _try_delivering(self) -> bool:
        """Make a pass and log its failure. Returns whether there may be more to do at once."""
        try:
            if time.monotonic() > self._forget_at:
                self._forget_at = time.monotonic() + FORGET_EVERY_S
                with self._sessions.begin() as session:
                    outbox.forget_ended(session)
                    outbox.forget_old_secrets(session)
            count = self.deliver_due()
        except OperationalError as error:
            if not self._in_outage:  # log once for each outage, not for each pass
                log.warning("Webhooks wait until the next pass: %s", one_line(str(error)))
            self._in_outage = True
            return False
        except Exception:
            log.exception("A pass of the webhooks failed; the next one tries again")
            return False
        self._in_outage = False
        return count == outbox.BATCH
