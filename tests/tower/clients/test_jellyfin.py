"""The client against the fake Jellyfin, in both versions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.jellyfin.server import KEY, FakeJellyfin
from tests.small_media import write_video
from tower.clients.jellyfin import JellyfinClient, JellyfinRefusedError, JellyfinUnavailableError


@pytest.fixture(params=["10.11.11", "12.0.0"])
def jellyfin(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeJellyfin]:
    with FakeJellyfin(tmp_path / "library", version=request.param) as fake:
        yield fake


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(jellyfin: FakeJellyfin, waits: list[float]) -> Iterator[JellyfinClient]:
    with JellyfinClient(jellyfin.url, key=KEY, sleep=waits.append) as opened:
        yield opened


def write_episode(root: Path) -> Path:
    file = root / "Kai" / "Season 01" / "Kai S01E01.mp4"
    file.parent.mkdir(parents=True)
    return write_video(file)


def test_the_key_is_accepted_by_both_versions(jellyfin: FakeJellyfin, client: JellyfinClient) -> None:
    client.check_key()
    assert client.read_version() == jellyfin.version


def test_a_published_file_is_found_with_its_length_and_tracks(jellyfin: FakeJellyfin, client: JellyfinClient) -> None:
    file = write_episode(jellyfin.root)
    (library,) = client.list_libraries()
    assert (library.locations, library.kind) == ((str(jellyfin.root),), "tvshows")
    assert client.list_episodes(library.id, season=1, episode=1) == ()
    client.refresh(library.id)
    (item,) = client.list_episodes(library.id, season=1, episode=1)
    assert (item.path, item.video_tracks, item.audio_tracks, item.subtitles) == (str(file), 1, 0, 0)
    assert item.duration_s == pytest.approx(2 / 24, abs=0.05)
    assert list(client.list_series(library.id)) == [str(file.parent.parent)]
    assert client.list_episodes(library.id, season=1, episode=2) == ()


def test_an_announced_path_is_looked_at_without_an_administrator(
    jellyfin: FakeJellyfin, client: JellyfinClient
) -> None:
    file = write_episode(jellyfin.root)
    jellyfin.faults.is_admin, jellyfin.faults.monitor_delay_s = False, 0.0
    client.announce(str(file.parent))
    assert [item.path for item in client.list_episodes(None, season=1, episode=1)] == [str(file)]


def test_a_running_scan_is_known(jellyfin: FakeJellyfin, client: JellyfinClient) -> None:
    assert not client.is_scanning()
    jellyfin.faults.scan_delay_s = 60
    client.refresh(jellyfin.library_id)
    assert client.is_scanning()


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_retried(
    jellyfin: FakeJellyfin, client: JellyfinClient, waits: list[float], status: int
) -> None:
    jellyfin.faults.statuses = [status]
    with pytest.raises(JellyfinRefusedError, match=f"answered {status} to GET /System/Info") as caught:
        client.check_key()
    assert (caught.value.answer, waits, len(jellyfin.requests)) == (status, [], 1)


def test_a_wrong_key_is_refused(jellyfin: FakeJellyfin) -> None:
    with JellyfinClient(jellyfin.url, key="wrong") as client, pytest.raises(JellyfinRefusedError, match="the key"):
        client.check_key()


def test_a_starting_server_is_asked_again_after_as_long_as_it_says(
    jellyfin: FakeJellyfin, client: JellyfinClient, waits: list[float]
) -> None:
    jellyfin.faults.starting = 2
    client.check_key()
    assert waits == [1.0, 2.0]


def test_server_errors_are_retried_until_the_deadline(jellyfin: FakeJellyfin) -> None:
    jellyfin.faults.statuses = [500] * 50
    begun = time.monotonic()
    with (
        JellyfinClient(jellyfin.url, key=KEY, deadline_s=1.2) as client,
        pytest.raises(JellyfinUnavailableError, match="answered 500"),
    ):
        client.check_key()
    assert len(jellyfin.requests) == 2
    assert time.monotonic() - begun < 10


def test_a_page_of_a_proxy_is_no_answer_of_jellyfin(jellyfin: FakeJellyfin, client: JellyfinClient) -> None:
    jellyfin.faults.answers_html = True
    with pytest.raises(JellyfinUnavailableError, match="is not from Jellyfin"):
        client.list_libraries()


def test_an_absent_server_is_unavailable_and_its_password_is_not_in_the_message() -> None:
    client = JellyfinClient("http://kai:secret@127.0.0.1:9", key=KEY, deadline_s=0.1)
    with client, pytest.raises(JellyfinUnavailableError) as caught:
        client.check_key()
    assert "secret" not in caught.value.message
