"""The catalogue of Apple Music against a fake server that checks the token; it is off without a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi.testclient import TestClient

from api.music.app import create_app
from tests.fakes.apple_music import KEY_ID, TEAM_ID, FakeAppleMusic, build_song
from tests.fakes.proxy import FakeProxy
from tower.clients.apple_music import AppleMusicClient, CatalogueError, DeveloperKey
from tower.errors import UnavailableError
from tower.settings import Settings

SONGS = [
    build_song(number, f"夜に駆ける {number}", "YOASOBI", genreNames=["J-Pop"], playParams={})
    for number in range(1, 31)
]


@pytest.fixture
def apple() -> Iterator[FakeAppleMusic]:
    with FakeAppleMusic([*SONGS, build_song(99, "Bare", "Nobody", durationInMillis=None)]) as fake:
        yield fake


@pytest.fixture
def sleeps_s() -> list[float]:
    return []


@pytest.fixture
def client(apple: FakeAppleMusic, sleeps_s: list[float]) -> Iterator[AppleMusicClient]:
    key = DeveloperKey(TEAM_ID, KEY_ID, apple.private_key)
    catalogue = AppleMusicClient(key, storefront="jp", url=apple.url, sleep=sleeps_s.append)
    yield catalogue
    catalogue.close()


def test_songs_are_found_with_a_signed_token_and_paged(client: AppleMusicClient) -> None:
    first = client.search("yoasobi", limit=25)
    assert (len(first.songs), first.next_offset) == (25, 25)
    assert first.songs[0].duration_s == pytest.approx(261.013)
    assert first.songs[0].playable
    rest = client.search("yoasobi", limit=25, offset=25)
    assert (len(rest.songs), rest.next_offset) == (5, None)
    bare = client.search("Bare").songs[0]
    assert (bare.duration_s, bare.playable, bare.genres) == (None, False, ())
    assert client.search("nothing like it").songs == ()


def test_answers_are_cached_for_a_while(client: AppleMusicClient, apple: FakeAppleMusic) -> None:
    assert client.search("yoasobi") == client.search("yoasobi")
    assert len(apple.asked) == 1


def test_temporary_failures_are_retried_with_growing_waits(
    client: AppleMusicClient, apple: FakeAppleMusic, sleeps_s: list[float]
) -> None:
    apple.failures = [429, 503]
    assert client.search("yoasobi").songs
    assert len(apple.asked) == 3
    assert 0.25 <= sleeps_s[0] <= 0.5 <= sleeps_s[1] <= 1
    apple.failures = [429] * 4
    with pytest.raises(UnavailableError, match="answered 429 4 times"):
        client.search("bare")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_reported_and_not_retried(client: AppleMusicClient, apple: FakeAppleMusic, status: int) -> None:
    apple.failures = [status]
    with pytest.raises(CatalogueError, match=f"{status}.*as the test wants"):
        client.search("yoasobi")
    assert len(apple.asked) == 1


@pytest.mark.parametrize(("status", "body"), [(404, "<html>"), (403, '{"error": "no"}'), (200, "<html>"), (400, "[]")])
def test_the_answer_of_a_proxy_is_no_refusal(apple: FakeAppleMusic, status: int, body: str) -> None:
    with FakeProxy(status, body) as proxy:
        client = AppleMusicClient(DeveloperKey(TEAM_ID, KEY_ID, apple.private_key), storefront="jp", url=proxy.url)
        with pytest.raises(UnavailableError, match="not from Apple Music"):
            client.search("yoasobi")
        client.close()


def test_a_token_of_another_key_is_refused(apple: FakeAppleMusic) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    client = AppleMusicClient(DeveloperKey(TEAM_ID, KEY_ID, other.decode()), storefront="jp", url=apple.url)
    with pytest.raises(CatalogueError, match="developer token is not accepted"):
        client.search("yoasobi")
    client.close()


def test_the_catalogue_is_off_without_a_key(music: TestClient) -> None:
    answer = music.get("/api/catalogue/search?q=yoasobi")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "APPLE_MUSIC_NOT_CONFIGURED")
    assert music.get("/api/health").json()["status"] == "healthy"


def test_the_catalogue_reports_that_it_is_metadata_only(
    music_settings: Settings, apple: FakeAppleMusic, tmp_path: Path
) -> None:
    (tmp_path / "key.p8").write_text(apple.private_key)
    configured = {
        "apple_music_team_id": TEAM_ID,
        "apple_music_key_id": KEY_ID,
        "apple_music_key_file": tmp_path / "key.p8",
        "apple_music_storefront": "jp",
        "apple_music_url": apple.url,
    }
    with TestClient(create_app(music_settings.model_copy(update=configured))) as music:
        answer = music.get("/api/catalogue/search?q=yoasobi&limit=2")
    assert answer.status_code == 200, answer.text
    assert [song["id"] for song in answer.json()] == ["1", "2"]
    assert {(song["streamable"], song["analyzable"], song["source"]) for song in answer.json()} == {
        (False, False, "apple_music")
    }
    assert answer.headers["X-Next-Cursor"] == "2"


def test_the_error_names_an_invalid_key_file(music_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "key.p8").write_text("no key")
    configured = {
        "apple_music_team_id": TEAM_ID,
        "apple_music_key_id": KEY_ID,
        "apple_music_key_file": tmp_path / "key.p8",
    }
    with TestClient(create_app(music_settings.model_copy(update=configured))) as music:
        answer = music.get("/api/catalogue/search?q=yoasobi")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "APPLE_MUSIC_NOT_CONFIGURED")
    assert "key.p8" in answer.json()["error"]["message"]
