"""The publisher and the Jellyfin of the settings."""

from __future__ import annotations

import logging

from db.engine import SessionFactory
from db.models.publications import Publication
from tower.clients.jellyfin import JellyfinClient, JellyfinRefusedError, JellyfinUnavailableError
from tower.errors.foreign import one_line
from tower.publishing.credentials import load_credentials
from tower.publishing.marking import C2paMarker
from tower.publishing.publisher import Publisher
from tower.publishing.seeing import Gaze, UnseenFolderError, request_scan, see_publication
from tower.publishing.server_paths import PathMap
from tower.settings import Settings

FORGET_WITHIN_S = 3.0
log = logging.getLogger(__name__)


def open_publisher(sessions: SessionFactory, settings: Settings) -> Publisher:
    """Publishes into the library of the settings, with marks. Raises CredentialsError."""
    marker = C2paMarker(load_credentials(settings))
    return Publisher(sessions, library=settings.library, renders=settings.renders, mark=marker)


def forget_in_jellyfin(settings: Settings, publication: Publication) -> None:
    """Ask Jellyfin to notice that a publication is gone. Without an answer, it does at its next scan."""
    if settings.jellyfin_url is None or settings.jellyfin_key is None:
        return
    paths = PathMap(settings.jellyfin_folders)
    with JellyfinClient(settings.jellyfin_url, key=settings.jellyfin_key, deadline_s=FORGET_WITHIN_S) as client:
        try:
            request_scan(publication, client, paths)
        except (JellyfinUnavailableError, JellyfinRefusedError, UnseenFolderError) as error:
            log.info("Jellyfin was not asked to look again: %s", one_line(str(error)))


def look_in_jellyfin(
    sessions: SessionFactory, settings: Settings, publication: Publication, *, within_s: float
) -> Publication:
    """Ask Jellyfin for the publication, and record whether it is seen. Without a Jellyfin it stays as it is.

    Takes about `within_s` seconds at most, also if Jellyfin does not answer.
    """
    if settings.jellyfin_url is None or settings.jellyfin_key is None:
        return publication
    gaze = Gaze(PathMap(settings.jellyfin_folders), within_s=within_s)
    with JellyfinClient(settings.jellyfin_url, key=settings.jellyfin_key, deadline_s=within_s) as client:
        return see_publication(sessions, publication.id, client, gaze)
