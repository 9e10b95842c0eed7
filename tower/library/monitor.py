"""Measures the quality of tracks in the background, one at a time. Tracks that a user looks at come first."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError

from db.engine import SessionFactory
from db.models.library import Track
from tower.errors import TowerError
from tower.errors.foreign import reason_of
from tower.library.lengths import save_decoded_length
from tower.library.playing import open_track
from tower.library.quality import measure_quality
from tower.library.tracks import library_path_of

log = logging.getLogger(__name__)


class QualityMonitor:
    """Measures tracks in one thread.

    `enqueue` queues one track and `enqueue_all` every track without figures. `stop` waits for the current measurement.
    """

    def __init__(self, sessions: SessionFactory, roots: Sequence[Path]) -> None:
        self._sessions = sessions
        self._roots = tuple(roots)
        self._queue: deque[int] = deque()
        self._failures: dict[int, tuple[str, str]] = {}  # hash and reason, by the track's id
        self._all_after: int | None = None
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="quality-monitor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def enqueue(self, track: Track) -> str:
        """Queue the track to be measured. Returns the reason why there are no figures yet."""
        if (failure := self._failures.get(track.id)) and failure[0] == track.sha256:
            return f"it could not be measured: {failure[1]}"
        if track.missing_since is not None:
            return "its file is not there"
        with self._wake:
            if track.id not in self._queue:
                self._queue.append(track.id)
                self._wake.notify()
        return "being measured: ask again in a few seconds"

    def enqueue_all(self) -> None:
        with self._wake:
            self._all_after = 0
            self._wake.notify()

    def _run(self) -> None:
        while (track_id := self._next_track_id()) is not None:
            try:
                self._measure(track_id)
            except Exception:  # one track must not end the thread
                log.exception("track %d was not measured", track_id)
            with self._wake:
                if self._queue and self._queue[0] == track_id:
                    self._queue.popleft()

    def _next_track_id(self) -> int | None:
        """The next track to measure; waits for one. None once the monitor stops."""
        with self._wake:
            while not self._stopping:
                if self._queue:
                    return self._queue[0]
                if self._all_after is not None and (track_id := self._next_unmeasured_id()) is not None:
                    return track_id
                self._wake.wait()
            return None

    def _next_unmeasured_id(self) -> int | None:
        try:
            with self._sessions() as session:
                some = (Track.quality.is_(None), Track.missing_since.is_(None), Track.id > self._all_after)
                self._all_after = session.scalar(select(func.min(Track.id)).where(*some))
        except SQLAlchemyError:
            log.exception("the tracks without figures cannot be listed")
            self._all_after = None
        return self._all_after

    def _measure(self, track_id: int) -> None:
        with self._sessions() as session:
            track = session.get(Track, track_id)
        if track is None or track.quality is not None:
            return
        path = library_path_of(track).full_path
        try:
            with open_track(track, self._roots) as file:
                quality = measure_quality(file, path, kind=track.kind, codec=track.codec, bitrate=track.bitrate)
        except (TowerError, OSError) as error:
            self._failures[track_id] = (
                track.sha256,
                reason_of(error),
            )
            return
        save_decoded_length(self._sessions, track_id, sha256=track.sha256, decoded_s=quality.decoded_s)
        same = (Track.id == track_id, Track.sha256 == track.sha256)
        with self._sessions.begin() as session:
            values = {"quality": quality.as_json(), "quality_measured_at": func.now()}
            session.execute(update(Track).where(*same).values(values))
