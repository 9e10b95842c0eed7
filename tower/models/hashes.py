"""Hashes model files (sha256) in the background, one at a time, because each has gigabytes."""

from __future__ import annotations

import hashlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from db.engine import SessionFactory
from db.models.learning import LearningModel

CHUNK_BYTES = 1 << 22
MODEL_LOCK = 8328_01  # first key of an advisory lock; the second is the id of the model
log = logging.getLogger(__name__)


class ModelHasher:
    """Hashes the files passed to `enqueue` and writes the hashes to `learning_models`.

    `stop` waits for one chunk at most. Of several processes that are asked for the same file at once, one reads it.
    """

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model-hashes")
        self._stopping = threading.Event()
        self._pending: set[int] = set()
        self._lock = threading.Lock()

    def enqueue(self, model_id: int, path: Path) -> None:
        """Queue a file. Does nothing if it is already queued or being read."""
        with self._lock:
            if model_id in self._pending:
                return
            self._pending.add(model_id)
        self._thread.submit(self._hash_and_save, model_id, path)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _hash_and_save(self, model_id: int, path: Path) -> None:
        try:
            with self._sessions.begin() as session:
                if not session.scalar(select(func.pg_try_advisory_xact_lock(MODEL_LOCK, model_id))):
                    return
                hashed = self._hash(path)
                if hashed is not None:
                    sha256, size = hashed
                    same = (LearningModel.id == model_id) & (LearningModel.bytes == size)
                    session.execute(update(LearningModel).where(same).values(sha256=sha256))
        except (OSError, OperationalError) as error:
            log.warning("%s was not hashed: %s", path, error)
        finally:
            with self._lock:
                self._pending.discard(model_id)

    def _hash(self, path: Path) -> tuple[str, int] | None:
        """The hash and the size in bytes; None if the file changed during reading, or on `stop`."""
        before = path.stat()
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                if self._stopping.is_set():
                    return None
                digest.update(chunk)
        after = path.stat()
        unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        return (digest.hexdigest(), after.st_size) if unchanged else None
