"""Reads model files for their sha256, one after the other in the background: each is gigabytes."""

from __future__ import annotations

import hashlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from db.engine import Sessions
from db.models.learning import LearningModel

PIECE_BYTES = 1 << 22
READING_MODEL = 8328_01  # an advisory lock, with the id of the model
log = logging.getLogger(__name__)


class ModelHashes:
    """`ask` has a file hashed; its row of `learning_models` then has it. `stop` waits for a piece at most.

    Processes that are asked for the same file at once read it once.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model-hashes")
        self._stopping = threading.Event()
        self._asked: set[int] = set()
        self._lock = threading.Lock()

    def ask(self, model_id: int, path: Path) -> None:
        """Does nothing for a file that is waiting or being read already."""
        with self._lock:
            if model_id in self._asked:
                return
            self._asked.add(model_id)
        self._thread.submit(self._keep, model_id, path)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _keep(self, model_id: int, path: Path) -> None:
        try:
            with self._sessions.begin() as session:
                if not session.scalar(select(func.pg_try_advisory_xact_lock(READING_MODEL, model_id))):
                    return
                found = self._hash(path)
                if found is not None:
                    sha256, size = found
                    same = (LearningModel.id == model_id) & (LearningModel.bytes == size)
                    session.execute(update(LearningModel).where(same).values(sha256=sha256))
        except (OSError, OperationalError) as broken:
            log.warning("%s was not hashed: %s", path, broken)
        finally:
            with self._lock:
                self._asked.discard(model_id)

    def _hash(self, path: Path) -> tuple[str, int] | None:
        """Hash and size in bytes; None if it changed while it was read, or we are to stop."""
        before = path.stat()
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                if self._stopping.is_set():
                    return None
                digest.update(piece)
        after = path.stat()
        unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        return (digest.hexdigest(), after.st_size) if unchanged else None
