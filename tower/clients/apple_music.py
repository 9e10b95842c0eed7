"""A client of the Apple Music catalogue. It reads metadata only, because subscription audio is encrypted.

https://developer.apple.com/documentation/applemusicapi. The token is a JWT signed with a developer's .p8 key.
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

from tower.addresses import Address
from tower.errors import TowerError, UnavailableError
from tower.errors.codes import ErrorCode
from tower.errors.foreign import reason_line
from tower.settings import Settings

TOKEN_S = 12 * 3600.0  # Apple allows at most 15,777,000 s
RENEW_S = 600.0  # renewed this long before it expires
MAX_LIMIT = 25
ATTEMPTS, FIRST_WAIT_S, LONGEST_WAIT_S = 4, 0.5, 8.0
RETRY_STATUSES = frozenset({429, 500, 502, 503, 504})
CACHE_S, MAX_CACHED = 300.0, 200


class NotConfiguredError(UnavailableError):
    """No developer key is configured."""

    code = ErrorCode.APPLE_MUSIC_NOT_CONFIGURED


class CatalogueError(TowerError):
    """Apple Music refused the request. The message quotes its reason."""

    code = ErrorCode.APPLE_MUSIC_REFUSED
    status = 502


@dataclass(frozen=True)
class DeveloperKey:
    """A developer key. `team_id` and `key_id` have ten characters; `private_key` is the text of the .p8 file."""

    team_id: str
    key_id: str
    private_key: str


@dataclass(frozen=True)
class CatalogueSong:
    """A song of the catalogue. `playable`: subscribers can play it in Apple's own players."""

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
    def from_json(cls, song: Mapping[str, Any]) -> CatalogueSong:
        attributes = song.get("attributes") or {}
        millis = attributes.get("durationInMillis")
        return cls(
            id=str(song["id"]),
            title=str(attributes.get("name") or ""),
            artist=attributes.get("artistName"),
            album=attributes.get("albumName"),
            duration_s=millis / 1000 if isinstance(millis, (int, float)) else None,
            genres=tuple(attributes.get("genreNames") or ()),
            isrc=attributes.get("isrc"),
            release_date=attributes.get("releaseDate"),
            url=attributes.get("url"),
            playable="playParams" in attributes,
        )


@dataclass(frozen=True)
class CataloguePage:
    """A page of songs. `next_offset` is None on the last page."""

    songs: tuple[CatalogueSong, ...]
    next_offset: int | None


class AppleMusicClient:
    """A client of one storefront. Answers are cached for CACHE_S; temporary failures are retried with longer pauses."""

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
        options = Address(url).client_options() | {"verify": httpx.create_ssl_context()}  # with the environment's
        self._http = httpx.Client(**options, timeout=timeout_s)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._token = ("", 0.0)
        self._cache: dict[tuple[str, int, int], tuple[float, CataloguePage]] = {}

    def search(self, words: str, *, limit: int = MAX_LIMIT, offset: int = 0) -> CataloguePage:
        """Search for songs. Raises CatalogueError, UnavailableError."""
        query = (words, limit, offset)
        with self._lock:
            until, page = self._cache.get(query, (0.0, None))
        if page is not None and time.monotonic() < until:
            return page
        params = {"term": words, "types": "songs", "limit": str(min(limit, MAX_LIMIT)), "offset": str(offset)}
        answer = self._get(f"/catalog/{self._storefront}/search", params)
        page = _page(answer, offset)
        with self._lock:
            if len(self._cache) >= MAX_CACHED:
                self._cache.clear()
            self._cache[query] = (time.monotonic() + CACHE_S, page)
        return page

    def close(self) -> None:
        self._http.close()

    def _get(self, path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
        wait = FIRST_WAIT_S
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._request(path, params)
            if answer is not None and answer.status_code not in RETRY_STATUSES:
                return _parse(answer)
            if attempt < ATTEMPTS:
                # Apple documents no Retry-After header; jitter spreads the callers
                self._sleep(wait * random.uniform(0.5, 1))
                wait = min(wait * 2, LONGEST_WAIT_S)
        result = f"answered {answer.status_code}" if answer is not None else "did not answer"
        raise UnavailableError(f"Apple Music {result} {ATTEMPTS} times; try again later")

    def _request(self, path: str, params: Mapping[str, str]) -> httpx.Response | None:
        try:
            return self._http.get(path, params=params, headers={"Authorization": f"Bearer {self._bearer()}"})
        except httpx.TransportError:
            return None

    def _bearer(self) -> str:
        with self._lock:
            token, until = self._token
            now = time.time()
            if now > until - RENEW_S:
                token, until = _signed_token(self._key, now), now + TOKEN_S
                self._token = (token, until)
            return token


def make_client(settings: Settings) -> AppleMusicClient:
    """The client for these settings. Raises NotConfiguredError if no key is set or its file is not a valid key."""
    team, key, file = settings.apple_music_team_id, settings.apple_music_key_id, settings.apple_music_key_file
    if team is None or key is None or file is None:
        raise NotConfiguredError(
            "Apple Music is not configured: set TOWER_APPLE_MUSIC_TEAM_ID, TOWER_APPLE_MUSIC_KEY_ID and "
            "TOWER_APPLE_MUSIC_KEY_FILE. The local library works without it."
        )
    developer = DeveloperKey(team, key, _private_key(file))
    return AppleMusicClient(developer, storefront=settings.apple_music_storefront, url=settings.apple_music_url)


class LazyAppleMusic:
    """Makes its client at the first use, so that the service starts without a developer key."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: AppleMusicClient | None = None
        self._lock = threading.Lock()

    def client(self) -> AppleMusicClient:
        """Raises NotConfiguredError as long as no usable key is set."""
        with self._lock:
            if self._client is None:
                self._client = make_client(self._settings)
            return self._client


def _private_key(file: Path) -> str:
    try:
        text = file.read_text("ascii")
        _signed_token(DeveloperKey("T" * 10, "K" * 10, text), time.time())
    except (OSError, ValueError, jwt.PyJWTError) as error:
        raise NotConfiguredError(f"TOWER_APPLE_MUSIC_KEY_FILE={file} is not a valid private key: {error}") from error
    return text


def _signed_token(key: DeveloperKey, now: float) -> str:
    claims = {"iss": key.team_id, "iat": int(now), "exp": int(now + TOKEN_S)}
    return jwt.encode(claims, key.private_key, algorithm="ES256", headers={"kid": key.key_id})


def _parse(answer: httpx.Response) -> Mapping[str, Any]:
    """The body of a success. Only an answer in Apple's form is a refusal: a proxy may answer 403 or 404 as well."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.is_success and isinstance(body, dict):
        return body
    errors = body.get("errors") if isinstance(body, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict) and answer.status_code != 401:
        raise UnavailableError(f"The answer {answer.status_code} is not from Apple Music; check TOWER_APPLE_MUSIC_URL")
    first = first if isinstance(first, dict) else {}
    why = reason_line(str(first.get("detail") or first.get("title") or "")) or "no reason is given"
    meaning = {401: "the developer token is not accepted", 403: "it is not allowed"}.get(
        answer.status_code, "it refused"
    )
    raise CatalogueError(f"Apple Music answered {answer.status_code}, {meaning}: {why}")


def _page(answer: Mapping[str, Any], offset: int) -> CataloguePage:
    """The page in an answer. An answer without `songs` is an empty page."""
    songs = (answer.get("results") or {}).get("songs") or {}
    try:
        found = tuple(CatalogueSong.from_json(song) for song in songs.get("data") or ())
    except (KeyError, TypeError, AttributeError) as error:
        raise CatalogueError("Apple Music answered with something other than songs") from error
    return CataloguePage(found, offset + len(found) if songs.get("next") and found else None)
