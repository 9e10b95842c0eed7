"""The catalogue of Apple Music: what there is, never its sound. Subscription audio is encrypted, so it stays metadata.

https://developer.apple.com/documentation/applemusicapi. The token is a JWT, signed with the .p8 key of a developer.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt

from tower.errors import TowerError, UnavailableError
from tower.errors.codes import ErrorCode
from tower.settings import Settings

TOKEN_S = 12 * 3600.0  # at most 15,777,000 are allowed
RENEW_S = 600.0  # before it ends
LARGEST_LIMIT = 25
TRIES, FIRST_WAIT_S, LONGEST_WAIT_S = 4, 0.5, 8.0
AGAIN = frozenset({429, 500, 502, 503, 504})
KEPT_S, MOST_KEPT = 300.0, 200


class NotConfiguredError(UnavailableError):
    """No key of a developer is set."""

    code = ErrorCode.APPLE_MUSIC_NOT_CONFIGURED


class CatalogueError(TowerError):
    """Apple Music refused; the message says what it said."""

    code = ErrorCode.APPLE_MUSIC_REFUSED
    status = 502


@dataclass(frozen=True)
class DeveloperKey:
    """`team_id` and `key_id` of ten characters; `private_key` the text of the .p8 file."""

    team_id: str
    key_id: str
    private_key: str


@dataclass(frozen=True)
class CatalogueSong:
    """`duration_s` null if it is not told; `playable` with a subscription, in Apple's own players."""

    id: str
    title: str
    artist: str | None
    album: str | None
    duration_s: float | None
    genres: tuple[str, ...]
    isrc: str | None
    release_date: str | None
    url: str | None
    playable: bool

    @classmethod
    def of(cls, song: Mapping[str, Any]) -> CatalogueSong:
        said = song.get("attributes") or {}
        millis = said.get("durationInMillis")
        return cls(
            id=str(song["id"]),
            title=str(said.get("name") or ""),
            artist=said.get("artistName"),
            album=said.get("albumName"),
            duration_s=millis / 1000 if isinstance(millis, (int, float)) else None,
            genres=tuple(said.get("genreNames") or ()),
            isrc=said.get("isrc"),
            release_date=said.get("releaseDate"),
            url=said.get("url"),
            playable="playParams" in said,
        )


@dataclass(frozen=True)
class CataloguePage:
    """`next_offset` None: there are no more."""

    songs: tuple[CatalogueSong, ...]
    next_offset: int | None


class AppleMusicClient:
    """One storefront. Answers are kept for five minutes; what may pass is tried again, slower each time."""

    def __init__(
        self,
        key: DeveloperKey,
        *,
        storefront: str,
        url: str,
        timeout_s: float = 10.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._key = key
        self._storefront = storefront
        self._http = httpx.Client(base_url=url, timeout=timeout_s)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._token = ("", 0.0)
        self._kept: dict[tuple[str, int, int], tuple[float, CataloguePage]] = {}

    def search(self, words: str, *, limit: int = LARGEST_LIMIT, offset: int = 0) -> CataloguePage:
        """Songs. Raises CatalogueError, UnavailableError."""
        asked = (words, limit, offset)
        with self._lock:
            until, page = self._kept.get(asked, (0.0, None))
        if page is not None and time.monotonic() < until:
            return page
        params = {"term": words, "types": "songs", "limit": str(min(limit, LARGEST_LIMIT)), "offset": str(offset)}
        answer = self._get(f"/catalog/{self._storefront}/search", params)
        found = _page(answer, offset)
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[asked] = (time.monotonic() + KEPT_S, found)
        return found

    def close(self) -> None:
        self._http.close()

    def _get(self, path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
        wait = FIRST_WAIT_S
        for attempt in range(1, TRIES + 1):
            answer = self._ask(path, params)
            if answer is not None and answer.status_code not in AGAIN:
                return _read(answer)
            if attempt < TRIES:
                # no Retry-After is promised; jitter keeps callers apart
                self._sleep(wait * random.uniform(0.5, 1))
                wait = min(wait * 2, LONGEST_WAIT_S)
        said = f"answers {answer.status_code}" if answer is not None else "does not answer"
        raise UnavailableError(f"Apple Music {said}, {TRIES} times; try again later")

    def _ask(self, path: str, params: Mapping[str, str]) -> httpx.Response | None:
        try:
            return self._http.get(path, params=params, headers={"Authorization": f"Bearer {self._bearer()}"})
        except httpx.TransportError:
            return None

    def _bearer(self) -> str:
        with self._lock:
            token, until = self._token
            now = time.time()
            if now > until - RENEW_S:
                token, until = _signed(self._key, now), now + TOKEN_S
                self._token = (token, until)
            return token


def client_of(settings: Settings) -> AppleMusicClient:
    """Raises NotConfiguredError where no key is set, or its file is no key."""
    team, key, file = settings.apple_music_team_id, settings.apple_music_key_id, settings.apple_music_key_file
    if team is None or key is None or file is None:
        raise NotConfiguredError(
            "Apple Music is not configured: set TOWER_APPLE_MUSIC_TEAM_ID, TOWER_APPLE_MUSIC_KEY_ID and "
            "TOWER_APPLE_MUSIC_KEY_FILE. The local library does without."
        )
    developer = DeveloperKey(team, key, _private_key(file))
    return AppleMusicClient(developer, storefront=settings.apple_music_storefront, url=settings.apple_music_url)


def _private_key(file: Path) -> str:
    try:
        text = file.read_text("ascii")
        _signed(DeveloperKey("T" * 10, "K" * 10, text), time.time())
    except (OSError, ValueError, jwt.PyJWTError) as broken:
        raise NotConfiguredError(f"TOWER_APPLE_MUSIC_KEY_FILE={file} is no key that can be used: {broken}") from broken
    return text


def _signed(key: DeveloperKey, now: float) -> str:
    claims = {"iss": key.team_id, "iat": int(now), "exp": int(now + TOKEN_S)}
    return jwt.encode(claims, key.private_key, algorithm="ES256", headers={"kid": key.key_id})


def _read(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        said = answer.json()
    except ValueError as broken:
        raise CatalogueError(f"Apple Music answers {answer.status_code} and no JSON") from broken
    if answer.is_success and isinstance(said, dict):
        return said
    errors = said.get("errors") if isinstance(said, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else {}
    why = first.get("detail") or first.get("title") or "it does not say why"
    meant = {401: "the developer token is not accepted", 403: "it is not allowed"}.get(answer.status_code, "it refused")
    raise CatalogueError(f"Apple Music answers {answer.status_code}, {meant}: {why}")


def _page(answer: Mapping[str, Any], offset: int) -> CataloguePage:
    """Without `songs` there were none."""
    songs = (answer.get("results") or {}).get("songs") or {}
    try:
        found = tuple(CatalogueSong.of(one) for one in songs.get("data") or ())
    except (KeyError, TypeError, AttributeError) as odd:
        raise CatalogueError("Apple Music answers something else than songs") from odd
    return CataloguePage(found, offset + len(found) if songs.get("next") and found else None)
