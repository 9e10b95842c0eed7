"""Puts an episode into the library exactly once, whenever the process is killed.

The ledger's row comes first. Then come the files beside the film, and the film last, each under a temporary name that
scanners ignore, then renamed. A run after a kill finds the row and does what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.publications import Publication, PublicationState
from tower.errors import NotFoundError, TowerError
from tower.errors.foreign import reason_of
from tower.media.files import sha256_of
from tower.publishing import ledger, nfo
from tower.publishing.film import EpisodeRef, Film, check_film, content_sha256, restore_film
from tower.publishing.layout import Layout
from tower.publishing.marking import Marker
from tower.publishing.masters import KeptFile, KeptFilm, inspect_master, keep_film
from tower.publishing.picture_hashes import Hash
from tower.publishing.placing import (
    as_jpeg,
    modified_at,
    next_modified_at,
    place_bytes,
    place_file,
    remove_if_empty,
    remove_partial_files,
)


class Publisher:
    """Publishes into one library. `after` is called with the name of each step that is done."""

    def __init__(
        self,
        sessions: SessionFactory,
        *,
        library: Path,
        renders: Path,
        mark: Marker,
        after: Callable[[str], None] = lambda _: None,
        lock_wait_s: float = 10.0,
    ) -> None:
        self._sessions = sessions
        self._library = library
        self._renders = renders
        self._mark = mark
        self._after = after
        self._lock_wait_s = lock_wait_s

    def publish(self, film: Film) -> Publication:
        """Put the film into the library, in place of an earlier version. The same content again changes nothing.

        Raises InvalidError, ConflictError, MediaUnreadableError, DiskFullError; the earlier version then stays.
        """
        check_film(film)
        with ledger.lock_episode(self._sessions, film.ref, wait_s=self._lock_wait_s):
            kept = keep_film(film, self._renders)
            content = content_sha256(film, kept.master.sha256)
            current = self._find_current(film.ref)
            if current is not None and current.content_sha256 == content and _is_intact(current):
                return current
            inspected = self._inspect(kept.master)
            row = self._open(film, kept, content, inspected)
            try:
                return self._carry_through(film, row)
            except (TowerError, OSError) as error:
                with self._sessions.begin() as session:
                    ledger.record_failure(session.get_one(Publication, row.id), reason_of(error))
                raise

    def unpublish(self, episode: EpisodeRef) -> Publication:
        """Remove the episode from the library. Its film stays among the renders. Raises NotFoundError."""
        with ledger.lock_episode(self._sessions, episode, wait_s=self._lock_wait_s):
            row = self._find_current(episode)
            if row is None:
                raise NotFoundError(f"The episode {episode.episode_key} is not published")
            layout = _layout_of(row)
            for file in (
                layout.video,
                *map(Path, row.files),
            ):  # the film is never there without its texts
                file.unlink(missing_ok=True)
                self._after(f"removed {file.name}")
            with self._sessions.begin() as session:
                ledger.lock_names(session)
                row = session.get_one(Publication, row.id)
                self._remove_shared_files(session, row, layout)
                row.state, row.ended_at = PublicationState.UNPUBLISHED, datetime.now(UTC)
            return row

    def roll_back(self, episode: EpisodeRef, publication_id: int | None = None) -> Publication:
        """Publish an earlier version again, with its film, texts and pictures. Raises NotFoundError."""
        with self._sessions() as session:
            row = ledger.find_previous(session, self._library, episode, publication_id)
        return self.publish(restore_publication(row))

    def end_interrupted(self, episode: EpisodeRef) -> None:
        """End the publication that a killed process left, with which no call goes on. An earlier version stays."""
        with ledger.lock_episode(self._sessions, episode, wait_s=self._lock_wait_s):
            with self._sessions.begin() as session:
                row = ledger.find_interrupted(session, self._library, episode)
                if row is None:
                    return
                _settle_interrupted(session, row)
            layout = _layout_of(row)
            remove_partial_files(layout.season_folder, layout.stem)
            self._remove_old_files(self._find_current(episode) or row)
            if row.state == PublicationState.FAILED and self._find_current(episode) is None:
                for file in row.files:
                    Path(file).unlink(missing_ok=True)
                with self._sessions.begin() as session:
                    ledger.lock_names(session)
                    self._remove_shared_files(session, row, layout)

    def _find_current(self, episode: EpisodeRef) -> Publication | None:
        with self._sessions() as session:
            return ledger.find_in_place(session, self._library, episode)

    def _inspect(self, master: KeptFile) -> tuple[dict[str, Any], list[Hash]]:
        """The properties and hashes of the film, from an earlier publication of the same film if there is one."""
        with self._sessions() as session:
            known = ledger.find_inspected(session, master.sha256)
        if known is not None:
            return known.probe, known.frame_hashes
        probe, hashes = inspect_master(master.path)
        return probe.as_json(), hashes

    def _open(
        self, film: Film, kept: KeptFilm, content: str, inspected: tuple[dict[str, Any], list[Hash]]
    ) -> Publication:
        """The row of this publication: a new one, or that of a killed run with the same content."""
        with self._sessions.begin() as session:
            ledger.lock_names(session)
            left = ledger.find_interrupted(session, self._library, film.ref)
            if left is not None and left.content_sha256 == content:
                return left
            if left is not None:
                _settle_interrupted(session, left)
            layout = ledger.choose_layout(session, self._library, film)
            ledger.check_path_free(session, layout, film.ref)
            row = _new_row(film, kept, layout, content)
            row.probe, row.frame_hashes = inspected
            session.add(row)
        self._after("ledger")
        return row

    def _carry_through(self, film: Film, row: Publication) -> Publication:
        layout = _layout_of(row)
        remove_partial_files(layout.season_folder, layout.stem)
        if not _has_its_file(row):
            self._write_sidecars(film, layout)
            self._write_video(film, row, layout)
        self._remove_old_files(row)
        with self._sessions.begin() as session:
            row = session.get_one(Publication, row.id)
            ledger.put_in_place(session, row)
        self._after("finished")
        return row

    def _write_sidecars(self, film: Film, layout: Layout) -> None:
        contents = {
            layout.series_nfo: nfo.series_nfo(film.series),
            layout.season_nfo: nfo.season_nfo(film),
            layout.nfo: nfo.episode_nfo(film),
            **{layout.subtitle(one): one.text.encode() for one in film.subtitles},
        }
        if film.series.poster:
            contents[layout.poster] = as_jpeg(film.series.poster, "series.poster")
        if film.thumb:
            contents[layout.thumb] = as_jpeg(film.thumb, "thumb")
        for path, content in contents.items():
            place_bytes(path, content)
            self._after(f"wrote {path.name}")

    def _write_video(self, film: Film, row: Publication, layout: Layout) -> None:
        with self._sessions() as session:
            date = next_modified_at(ledger.newest_date(session, layout.video), modified_at(layout.video))
        with place_file(layout.video, modified_at=date) as part:
            mark = self._mark(Path(row.master_path), part, film)
            self._after("marked")
            with self._sessions.begin() as session:
                written = session.get_one(Publication, row.id)
                written.sha256, written.modified_at = sha256_of(part), date
                written.mark_id, written.unmarked_reason = mark.id, mark.unmarked_reason
            self._after("recorded")
        self._after("video")

    def _remove_old_files(self, row: Publication) -> None:
        """Remove what earlier versions of the episode had beside, or under another number."""
        with self._sessions() as session:
            history = session.scalars(ledger.select_history(self._library, ledger.ref_of(row))).all()
            kept = {*row.files, *ledger.files_of_others(session, self._library, ledger.ref_of(row))}
        for file in {file for version in history for file in version.files} - kept:
            Path(file).unlink(missing_ok=True)
        self._after("old files")

    def _remove_shared_files(self, session: Session, row: Publication, layout: Layout) -> None:
        if not ledger.has_neighbours(session, row, in_season=True):
            layout.season_nfo.unlink(missing_ok=True)
            remove_if_empty(layout.season_folder)
        if not ledger.has_neighbours(session, row, in_season=False):
            for file in (layout.series_nfo, layout.poster):
                file.unlink(missing_ok=True)
            remove_if_empty(layout.series)


def restore_publication(row: Publication) -> Film:
    """The film of a publication, from the ledger and the files that were kept."""
    return restore_film(
        row.request,
        episode_key=row.episode_key,
        path=Path(row.master_path),
        poster=Path(row.poster_path) if row.poster_path else None,
        thumb=Path(row.thumb_path) if row.thumb_path else None,
        provenance=row.provenance,
    )


def _new_row(film: Film, kept: KeptFilm, layout: Layout, content: str) -> Publication:
    files = [layout.video, layout.nfo, *(layout.subtitle(one) for one in film.subtitles)]
    files += [layout.thumb] if film.thumb else []
    return Publication(
        project_id=film.provenance.project_id,
        episode_key=film.episode_key,
        commit_hash=film.provenance.commit,
        state=PublicationState.PUBLISHING,
        series_key=film.series.key,
        season=film.season,
        number=film.number,
        library=str(layout.library),
        series_folder=layout.series_folder,
        path=str(layout.video),
        files=[str(file) for file in files],
        request=film.as_json(),
        provenance=film.provenance.as_json(),
        content_sha256=content,
        master_path=str(kept.master.path),
        master_sha256=kept.master.sha256,
        poster_path=str(kept.poster.path) if kept.poster else None,
        thumb_path=str(kept.thumb.path) if kept.thumb else None,
    )


def _layout_of(row: Publication) -> Layout:
    return Layout(Path(row.library), row.series_folder, row.season, row.number)


def _settle_interrupted(session: Session, row: Publication) -> None:
    """End the row of a killed run, of which another version is published now: its film may be in place or not."""
    if _has_its_file(row):
        ledger.put_in_place(session, row)
    else:
        ledger.record_failure(row, "the process ended before the film was in place")
    session.flush()


def _has_its_file(row: Publication) -> bool:
    """Whether the file in the library has the bytes that the row records."""
    if row.sha256 is None:
        return False
    with suppress(FileNotFoundError):
        return sha256_of(Path(row.path)) == row.sha256
    return False


def _is_intact(row: Publication) -> bool:
    """Whether every file is there and the film was not replaced by hand."""
    return all(Path(file).is_file() for file in row.files) and modified_at(Path(row.path)) == row.modified_at
