"""Whether Jellyfin shows a publication: it is asked to look, and read until the episode has our length and tracks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db.engine import SessionFactory
from db.models.publications import IN_PLACE, Publication, PublicationState
from tower.clients.jellyfin import JellyfinClient, JellyfinRefusedError, JellyfinUnavailableError, SeenItem
from tower.publishing.server_paths import PathMap, explain_missing_library, find_library, is_same_path

WITHIN_S = 120.0  # Jellyfin looks at an announced folder after 60 s
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0
TOLERANCE_S = 0.5  # between the length of the pictures and that of the container
FORBIDDEN = 403


@dataclass(frozen=True)
class Sighting:
    """`item_id` of what Jellyfin shows, or the reason why it is not the publication yet."""

    item_id: str | None
    reason: str | None = None


@dataclass(frozen=True)
class Gaze:
    """How Jellyfin is looked at: the paths that it sees, and how long it may take."""

    paths: PathMap = field(default_factory=PathMap)
    within_s: float = WITHIN_S
    sleep: Callable[[float], None] = time.sleep


def see_publication(sessions: SessionFactory, publication_id: int, client: JellyfinClient, gaze: Gaze) -> Publication:
    """Look for the publication in Jellyfin and record it as visible, or as not seen yet with the reason.

    A publication that is no longer in the library stays as it is.
    """
    with sessions() as session:
        row = session.get_one(Publication, publication_id)
    sighting = look_for(row, client, gaze)
    with sessions.begin() as session:
        row = session.get_one(Publication, publication_id, with_for_update=True)
        if row.state in IN_PLACE:
            is_visible = sighting.item_id is not None
            row.state = PublicationState.VISIBLE if is_visible else PublicationState.NOT_SEEN_YET
            row.reason = sighting.reason
            row.item_id = sighting.item_id or row.item_id
            row.updated_at = datetime.now(UTC)  # the time of the last look, from which the next one is reckoned
            row.seen_at = row.seen_at or (datetime.now(UTC) if is_visible else None)
    return row


def look_for(row: Publication, client: JellyfinClient, gaze: Gaze) -> Sighting:
    """Ask Jellyfin to look, then wait until it shows the publication. A refusal is a reason, not a failure."""
    try:
        library_id = request_scan(row, client, gaze.paths)
        return _wait_for(row, library_id, client, gaze)
    except (JellyfinUnavailableError, JellyfinRefusedError, UnseenFolderError) as error:
        return Sighting(None, str(error))


def request_scan(row: Publication, client: JellyfinClient, paths: PathMap) -> str | None:
    """Ask for a look at the folder of the series, or at the library that does not know it yet.

    Returns the id of the library; None for a key that is no administrator's, with which the folder is announced.
    """
    series = Path(row.library) / row.series_folder
    try:
        libraries = client.list_libraries()
    except JellyfinRefusedError as error:
        if error.answer != FORBIDDEN:
            raise
        client.announce(paths.to_server(series))
        return None
    folder = paths.to_server(Path(row.library))
    library = find_library(libraries, folder)
    if library is None:
        raise UnseenFolderError(explain_missing_library(libraries, folder))
    known = client.list_series(library.id)
    path = paths.to_server(series)
    client.refresh(next((key for place, key in known.items() if is_same_path(place, path)), library.id))
    return library.id


class UnseenFolderError(Exception):
    """No library looks into our folder."""


def _wait_for(row: Publication, library_id: str | None, client: JellyfinClient, gaze: Gaze) -> Sighting:
    end, wait, is_first = time.monotonic() + gaze.within_s, FIRST_WAIT_S, True
    while True:
        item = _find_item(row, library_id, client, gaze.paths)
        if item is not None and is_first and library_id is not None:
            client.refresh(item.id, replace_metadata=True)  # an NFO of the last minute is not read otherwise
            item = _find_item(row, library_id, client, gaze.paths)
        is_first = item is None
        difference = _describe_difference(row, item)
        if item is not None and difference is None:
            return Sighting(item.id)
        if time.monotonic() + wait > end:
            is_scanning = library_id is not None and client.is_scanning()
            return Sighting(None, f"{difference}; a scan is under way" if is_scanning else difference)
        gaze.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT_S)


def _find_item(row: Publication, library_id: str | None, client: JellyfinClient, paths: PathMap) -> SeenItem | None:
    path = paths.to_server(Path(row.path))
    found = client.list_episodes(library_id, season=row.season, episode=row.number)
    return next((item for item in found if is_same_path(item.path, path)), None)


def _describe_difference(row: Publication, item: SeenItem | None) -> str | None:
    """What keeps the item from being the publication; None if nothing does."""
    if item is None:
        return "Jellyfin does not list the episode yet"
    if item.duration_s is None:
        return "Jellyfin lists the episode, but has not read its file yet"
    probe: dict[str, Any] = row.probe
    if abs(item.duration_s - probe["duration_s"]) > TOLERANCE_S:
        return f"Jellyfin shows a length of {item.duration_s:.1f} s instead of {probe['duration_s']:.1f} s"
    tracks = (item.video_tracks, item.audio_tracks)
    expected = (1, 1 if probe["has_audio"] else 0)
    if tracks != expected:
        return (
            f"Jellyfin shows {tracks[0]} video and {tracks[1]} audio tracks instead of {expected[0]} and {expected[1]}"
        )
    subtitles = len(row.request["subtitles"])
    if item.subtitles < subtitles:
        return f"Jellyfin shows {item.subtitles} subtitles instead of {subtitles}"
    return None
