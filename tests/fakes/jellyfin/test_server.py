"""The fake Jellyfin answers as the contract says, in both versions, and misbehaves on demand."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.jellyfin.server import KEY, FakeJellyfin
from tests.small_media import write_video

AUTHORIZATION = {"Authorization": f'MediaBrowser Token="{KEY}"'}
NFO = "<episodedetails><title>{title}</title><plot>{plot}</plot><season>1</season><episode>1</episode></episodedetails>"
HTTP = httpx.Client(trust_env=False, verify=False)  # one for all: a client takes 0.1 s to make
FIELDS = {"recursive": "true", "includeItemTypes": "Episode", "fields": "Path,MediaSources"}


@pytest.fixture
def episode(tmp_path: Path) -> Path:
    file = tmp_path / "library" / "Kai" / "Season 01" / "Kai S01E01.mp4"
    file.parent.mkdir(parents=True)
    return write_video(file)


@pytest.fixture(params=["10.11.11", "12.0.0"])
def jellyfin(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeJellyfin]:
    with FakeJellyfin(tmp_path / "library", version=request.param) as fake:
        yield fake


def ask(jellyfin: FakeJellyfin, path: str, *, method: str = "GET", **options: Any) -> httpx.Response:
    options.setdefault("headers", AUTHORIZATION)
    return HTTP.request(method, jellyfin.url + path, **options)


def refresh(jellyfin: FakeJellyfin, **query: str) -> None:
    assert ask(jellyfin, f"/Items/{jellyfin.library_id}/Refresh", method="POST", params=query).status_code == 204


def items(jellyfin: FakeJellyfin) -> list[Any]:
    found: list[Any] = ask(jellyfin, "/Items", params=FIELDS).json()["Items"]
    return found


def write_nfo(episode: Path, *, title: str, plot: str) -> None:
    episode.with_suffix(".nfo").write_text(NFO.format(title=title, plot=plot))


def test_a_key_is_asked_for_everywhere_but_in_the_public_page(jellyfin: FakeJellyfin) -> None:
    assert ask(jellyfin, "/System/Info/Public", headers={}).json()["Version"] == jellyfin.version
    assert ask(jellyfin, "/System/Info", headers={}).status_code == 401
    assert ask(jellyfin, "/System/Info").status_code == 200


def test_legacy_keys_are_on_in_10_11_and_off_in_12(jellyfin: FakeJellyfin) -> None:
    expected = 200 if jellyfin.version.startswith("10.") else 401
    assert ask(jellyfin, "/System/Info", headers={"X-Emby-Token": KEY}).status_code == expected
    assert ask(jellyfin, "/System/Info", headers={}, params={"api_key": KEY}).status_code == expected
    assert ask(jellyfin, "/System/Info", headers={}, params={"ApiKey": KEY}).status_code == 200


def test_a_key_without_the_right_gets_403(jellyfin: FakeJellyfin) -> None:
    jellyfin.faults.is_admin = False
    assert ask(jellyfin, "/Library/VirtualFolders").status_code == 403
    assert ask(jellyfin, "/Items").status_code == 200


def test_an_item_appears_after_a_refresh_with_its_length(jellyfin: FakeJellyfin, episode: Path) -> None:
    assert items(jellyfin) == []
    refresh(jellyfin)
    (item,) = items(jellyfin)
    assert (item["Path"], item["IndexNumber"], item["ParentIndexNumber"]) == (str(episode), 1, 1)
    assert item["RunTimeTicks"] > 0
    assert item["MediaSources"][0]["MediaStreams"][0]["Type"] == "Video"


def test_an_item_is_not_probed_again_for_the_same_time(jellyfin: FakeJellyfin, episode: Path) -> None:
    refresh(jellyfin)
    (item,) = jellyfin.episodes
    before = episode.stat()
    episode.write_bytes(episode.read_bytes() + b"\0" * 64)
    os.utime(episode, ns=(before.st_atime_ns, before.st_mtime_ns))
    refresh(jellyfin)
    assert (jellyfin.episodes, item.probes) == ([item], 1)
    os.utime(episode)
    refresh(jellyfin)
    assert jellyfin.episodes[0].probes == 2


def test_an_nfo_without_a_plot_is_refused(jellyfin: FakeJellyfin, episode: Path) -> None:
    write_nfo(episode, title="Rain", plot="")
    refresh(jellyfin)
    assert items(jellyfin)[0]["Name"] == episode.stem


def test_a_new_nfo_is_read_only_if_the_refresh_replaces_metadata(jellyfin: FakeJellyfin, episode: Path) -> None:
    write_nfo(episode, title="Rain", plot="It rains.")
    refresh(jellyfin)
    write_nfo(episode, title="Snow", plot="It snows.")
    refresh(jellyfin)
    assert items(jellyfin)[0]["Name"] == "Rain"
    refresh(jellyfin, metadataRefreshMode="FullRefresh", replaceAllMetadata="true")
    assert items(jellyfin)[0]["Name"] == "Snow"


def test_a_removed_file_leaves_with_the_next_scan(jellyfin: FakeJellyfin, episode: Path) -> None:
    refresh(jellyfin)
    assert len(items(jellyfin)) == 1
    episode.unlink()
    refresh(jellyfin)
    assert items(jellyfin) == []


def test_media_updated_accepts_unknown_paths_and_refuses_empty_ones(jellyfin: FakeJellyfin, episode: Path) -> None:
    def update(path: str | None) -> int:
        body = {"Updates": [{"Path": path, "UpdateType": "Created"}]}
        return ask(jellyfin, "/Library/Media/Updated", method="POST", json=body).status_code

    assert [update("/elsewhere"), update(None), update("")] == [204, 400, 500]
    jellyfin.faults.monitor_delay_s = 0.05
    assert update(str(episode)) == 204
    deadline = time.monotonic() + 5
    while not items(jellyfin):
        assert time.monotonic() < deadline


def test_an_unknown_item_cannot_be_refreshed(jellyfin: FakeJellyfin) -> None:
    assert ask(jellyfin, f"/Items/{'0' * 32}/Refresh", method="POST").status_code == 404


def test_the_faults_are_those_of_the_contract(jellyfin: FakeJellyfin, episode: Path) -> None:
    jellyfin.faults.starting = 1
    answer = ask(jellyfin, "/System/Info/Public")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    jellyfin.faults.never_appears = ("S01E01",)
    refresh(jellyfin)
    assert items(jellyfin) == []
    jellyfin.faults.never_appears = ()
    jellyfin.faults.scan_delay_s = 60
    refresh(jellyfin)
    assert items(jellyfin) == []
    assert ask(jellyfin, "/ScheduledTasks").json()[0]["State"] == "Running"


def test_a_slow_probe_leaves_the_length_out(jellyfin: FakeJellyfin, episode: Path) -> None:
    jellyfin.faults.probe_delay_s = 60
    refresh(jellyfin)
    assert "RunTimeTicks" not in items(jellyfin)[0]


def test_a_server_can_see_the_folder_at_another_path(tmp_path: Path, episode: Path) -> None:
    with FakeJellyfin(tmp_path / "library", location="/media/tower") as fake:
        refresh(fake)
        assert ask(fake, "/Library/VirtualFolders").json()[0]["Locations"] == ["/media/tower"]
        assert items(fake)[0]["Path"] == "/media/tower/Kai/Season 01/Kai S01E01.mp4"
