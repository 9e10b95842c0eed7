"""A client of one Jellyfin, 10.11 or 12.0: the calls that show whether a published film is seen there.

The key goes into the header Authorization, the only form that 12.0 accepts by default.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx

from tower.addresses import Address
from tower.errors import TowerError, UnavailableError
from tower.errors.codes import ErrorCode

TIMEOUT_S = 15.0
DEADLINE_S = 60.0  # of one call with its retries
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
TICKS_PER_S = 10_000_000
RETRIED_FROM = 500  # 5xx, and 503 while the server starts or migrates


class JellyfinUnavailableError(UnavailableError):
    """Jellyfin does not answer, is starting, or something else answers at its address."""

    code = ErrorCode.JELLYFIN_UNAVAILABLE


class JellyfinRefusedError(TowerError):
    """Jellyfin refused a call. `answer` is its status."""

    code = ErrorCode.JELLYFIN_REFUSED
    status = 502

    def __init__(self, message: str, answer: int) -> None:
        super().__init__(message, details={"answer": answer})
        self.answer = answer


@dataclass(frozen=True)
class Library:
    """A library of Jellyfin and the folders in which it looks, as the server sees them."""

    id: str
    name: str
    locations: tuple[str, ...]
    kind: str | None


@dataclass(frozen=True)
class SeenItem:
    """An episode as Jellyfin sees it. `duration_s` is None until the file was probed."""

    id: str
    name: str
    path: str
    duration_s: float | None
    video_tracks: int
    audio_tracks: int
    subtitles: int


class JellyfinClient:
    """Connection errors and 5xx are retried until `deadline_s`; 400, 401, 403 and 404 never are."""

    def __init__(
        self,
        url: str,
        *,
        key: str,
        timeout_s: float = TIMEOUT_S,
        deadline_s: float = DEADLINE_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address = Address(url)
        options = self._address.client_options()
        options["headers"] = {**options["headers"], "Authorization": f'MediaBrowser Token="{quote(key, safe="")}"'}
        self._http = httpx.Client(**options, timeout=timeout_s, trust_env=False)
        self._deadline_s = deadline_s
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def read_version(self) -> str:
        """The version of the server, which it tells without a key."""
        return str(self._read_object("/System/Info/Public").get("Version") or "unknown")

    def check_key(self) -> None:
        """Raises JellyfinRefusedError if the key is not accepted."""
        self._read_object("/System/Info")

    def list_libraries(self) -> tuple[Library, ...]:
        """The libraries. Needs the rights of an administrator, which an API key has."""
        return tuple(_parse_library(folder) for folder in self._read_list("/Library/VirtualFolders"))

    def refresh(self, item_id: str, *, replace_metadata: bool = False) -> None:
        """Look for new, changed and removed files below a library, series or episode.

        `replace_metadata` reads NFOs again that are hardly newer than the item.
        """
        mode = "FullRefresh" if replace_metadata else "Default"
        query = {"metadataRefreshMode": mode, "imageRefreshMode": mode}
        query["replaceAllMetadata"] = "true" if replace_metadata else "false"
        self._request("POST", f"/Items/{quote(item_id, safe='')}/Refresh", params=query)

    def announce(self, path: str) -> None:
        """Say that a path has changed. Jellyfin looks there a minute later; it needs no administrator."""
        body = {"Updates": [{"Path": path, "UpdateType": "Modified"}]}
        self._request("POST", "/Library/Media/Updated", json=body)

    def list_episodes(self, library_id: str | None, *, season: int, episode: int) -> tuple[SeenItem, ...]:
        """The episodes of these numbers, of all series. Jellyfin cannot look for a path."""
        query = {
            "recursive": "true",
            "includeItemTypes": "Episode",
            "parentIndexNumber": str(season),
            "indexNumber": str(episode),
            "fields": "Path,MediaSources",
        }
        query |= {"parentId": library_id} if library_id else {}
        found = self._read_object("/Items", query).get("Items")
        return tuple(_parse_item(item) for item in found or () if isinstance(item, Mapping))

    def list_series(self, library_id: str) -> Mapping[str, str]:
        """The ids of the series of a library, by their paths."""
        query = {"recursive": "true", "includeItemTypes": "Series", "fields": "Path", "parentId": library_id}
        found = self._read_object("/Items", query).get("Items") or ()
        return {str(item["Path"]): str(item["Id"]) for item in found if item.get("Path") and item.get("Id")}

    def is_scanning(self) -> bool:
        """Whether a scan of all libraries is under way."""
        tasks = self._read_list("/ScheduledTasks")
        return any(task.get("Key") == "RefreshLibrary" and task.get("State") == "Running" for task in tasks)

    def _read_object(self, path: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        body = self._json(path, params)
        if not isinstance(body, dict):
            raise self._foreign_answer(path)
        return body

    def _read_list(self, path: str) -> list[Mapping[str, Any]]:
        body = self._json(path, None)
        if not isinstance(body, list) or not all(isinstance(entry, dict) for entry in body):
            raise self._foreign_answer(path)
        return body

    def _json(self, path: str, params: Mapping[str, str] | None) -> Any:
        try:
            return self._request("GET", path, params=params).json()
        except ValueError as error:
            raise self._foreign_answer(path) from error

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request, with retries until the deadline."""
        end, wait = time.monotonic() + self._deadline_s, FIRST_WAIT_S
        while True:
            try:
                answer = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                failure = self._address.redact(str(error) or type(error).__name__)
            else:
                if answer.status_code < RETRIED_FROM:
                    return self._check(answer)
                failure = f"it answered {answer.status_code}"
                wait = max(wait, _retry_after_s(answer))
            if time.monotonic() + wait > end:
                raise JellyfinUnavailableError(f"Jellyfin at {self._address} does not answer: {failure}")
            self._sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)

    def _check(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        status, call = answer.status_code, f"{answer.request.method} {answer.request.url.path}"
        if answer.is_redirect:
            raise self._foreign_answer(answer.request.url.path)
        meaning = {
            400: "an argument is not accepted",
            401: "the key is not accepted; check TOWER_JELLYFIN_KEY",
            403: "the key lacks the right; use an API key of Jellyfin",
            404: "it does not know the item or the call",
        }.get(status, "it refused")
        raise JellyfinRefusedError(f"Jellyfin answered {status} to {call}: {meaning}", status)

    def _foreign_answer(self, path: str) -> JellyfinUnavailableError:
        return JellyfinUnavailableError(
            f"The answer of {self._address}{path} is not from Jellyfin; check TOWER_JELLYFIN_URL"
        )


def _parse_library(folder: Mapping[str, Any]) -> Library:
    return Library(
        id=str(folder.get("ItemId") or ""),
        name=str(folder.get("Name") or ""),
        locations=tuple(str(location) for location in folder.get("Locations") or ()),
        kind=folder.get("CollectionType"),
    )


def _parse_item(item: Mapping[str, Any]) -> SeenItem:
    sources = item.get("MediaSources") or ()
    streams = sources[0].get("MediaStreams") or () if sources else ()
    kinds = [stream.get("Type") for stream in streams]
    ticks = item.get("RunTimeTicks")
    return SeenItem(
        id=str(item.get("Id") or ""),
        name=str(item.get("Name") or ""),
        path=str(item.get("Path") or ""),
        duration_s=ticks / TICKS_PER_S if isinstance(ticks, int) else None,
        video_tracks=kinds.count("Video"),
        audio_tracks=kinds.count("Audio"),
        subtitles=kinds.count("Subtitle"),
    )


def _retry_after_s(answer: httpx.Response) -> float:
    value = answer.headers.get("Retry-After", "")
    return min(float(value), LONGEST_WAIT_S) if value.isdecimal() else 0.0
