"""Settings that control access."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tower.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_requires_no_keys(host: str) -> None:
    assert not Settings(host=host).keys_required
    assert Settings(host=host, require_keys=True).keys_required


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "box.local", "localhost.evil.example", "127.0.0.1.x"])
def test_every_other_host_requires_keys(host: str) -> None:
    assert Settings(host=host).keys_required


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8328/api/anime"),
        ("0.0.0.0", "http://127.0.0.1:8328/api/anime"),
        ("::", "http://[::1]:8328/api/anime"),
        ("192.168.1.5", "http://192.168.1.5:8328/api/anime"),
    ],
)
def test_the_api_url_is_the_address_it_listens_on(host: str, url: str) -> None:
    assert Settings(host=host).production_url == url


def test_allowed_origins_are_the_dashboard_and_the_configured_ones() -> None:
    origins = Settings(port_offset=100, cors_origins="https://studio.example, http://[::1]:3000").allowed_origins
    dashboard = ("http://localhost:8428", "http://127.0.0.1:8428")
    assert origins == (*dashboard, "https://studio.example", "http://[::1]:3000")


@pytest.mark.parametrize(
    "origins", ["*", "https://a.example/path", "a.example", "null", "https://*.example", "http://"]
)
def test_origins_must_be_complete(origins: str) -> None:
    with pytest.raises(ValidationError, match="name each origin in full"):
        Settings(cors_origins=origins)


@pytest.mark.parametrize("rate", ["0/minute", "many/minute", "5/fortnight", "5", "-1/hour", ""])
def test_invalid_rates_are_refused(rate: str) -> None:
    with pytest.raises(ValidationError):
        Settings(rate_limit=rate)


def test_the_path_map_pairs_folders_here_with_those_at_jellyfin() -> None:
    settings = Settings(jellyfin_path_map="/srv/library=/media/anime, /mnt/a=M:/a")
    assert settings.jellyfin_folders == ((Path("/srv/library"), "/media/anime"), (Path("/mnt/a"), "M:/a"))
    with pytest.raises(ValidationError, match="expected pairs like"):
        Settings(jellyfin_path_map="/srv/library")


def test_films_are_published_into_the_data_folder_unless_another_is_set(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path).library == tmp_path / "library"
    assert Settings(library_dir=tmp_path / "anime").library == tmp_path / "anime"
