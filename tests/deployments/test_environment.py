"""The environment of child processes, and whether they accept it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deployments import environment
from deployments.environment import (
    build_addresses,
    build_environment,
    build_prefect_environment,
    build_worker_name,
    settings_as_variables,
    warm_socket_path,
)
from deployments.state import Addresses
from tower.settings import Settings

DATABASE = "postgresql://tower:secret@127.0.0.1:5833/anime_production"
PRINT_SETTINGS = """
from prefect.settings.models.root import Settings
for name, value in Settings().to_environment_variables(exclude_unset=True).items():
    print(f"{name}={value}")
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, port_offset=400)


@pytest.fixture
def addresses(settings: Settings) -> Addresses:
    return build_addresses(settings, DATABASE)


def test_prefect_knows_every_prefect_setting(settings: Settings, addresses: Addresses) -> None:
    parts = build_environment(settings, addresses, mark="m")
    server = build_prefect_environment(parts, addresses, database_url=environment.replace_database(DATABASE, "prefect"))
    out = subprocess.run([sys.executable, "-c", PRINT_SETTINGS], env=server, capture_output=True, text=True, check=True)
    understood = dict(line.split("=", 1) for line in out.stdout.splitlines())
    renamed = {"PREFECT_RUNNER_HEARTBEAT_FREQUENCY": "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"}
    names = {renamed.get(name, name) for name in server if name.startswith("PREFECT_")}
    assert names - set(understood) == set()
    assert understood["PREFECT_SERVER_ANALYTICS_ENABLED"] == "False"
    assert understood["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"
    assert float(understood["PREFECT_WORKER_QUERY_SECONDS"]) == 0.5


def test_prefect_keeps_its_own_database_on_the_same_server(settings: Settings, addresses: Addresses) -> None:
    url = environment.replace_database(DATABASE, "prefect")
    server = build_prefect_environment(build_environment(settings, addresses, mark="m"), addresses, database_url=url)
    expected = "postgresql+asyncpg://tower:secret@127.0.0.1:5833/prefect"
    assert server["PREFECT_SERVER_DATABASE_CONNECTION_URL"] == expected
    assert "PREFECT_SERVER_DATABASE_CONNECTION_URL" not in build_environment(settings, addresses, mark="m")


def test_children_read_the_same_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_as_variables(
        settings.model_copy(update={"gpu_slots": 3, "media_roots": (Path("/a"),)})
    ).items():
        monkeypatch.setenv(name, value)
    child_settings = Settings()
    assert (child_settings.data, child_settings.port_offset, child_settings.gpu_slots, child_settings.media_roots) == (
        settings.data,
        400,
        3,
        (Path("/a"),),
    )
    assert child_settings.database_url is None


def test_all_addresses_shift_together(addresses: Addresses) -> None:
    assert addresses.production_url == "http://127.0.0.1:8728/api/anime"
    assert addresses.episodes_url == "http://127.0.0.1:8723/api/anime"
    assert addresses.music_url == "http://127.0.0.1:8715/api"
    assert addresses.prefect_api_url == "http://127.0.0.1:4600/api"
    assert addresses.prefect_ui_url == "http://127.0.0.1:4600"


def test_an_external_prefect_keeps_its_address(tmp_path: Path) -> None:
    external = Settings(data_dir=tmp_path, prefect_api_url="https://prefect.example/api")
    addresses = build_addresses(external, DATABASE)
    assert (addresses.prefect_api_url, addresses.prefect_ui_url) == (
        "https://prefect.example/api",
        "https://prefect.example",
    )
    assert "PREFECT_API_SSL_CERT_FILE" not in build_environment(external, addresses, mark="m")


def test_each_data_folder_has_its_own_short_private_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 200)
    socket = warm_socket_path(deep)
    assert len(str(socket).encode()) <= 107
    assert socket.parent.stat().st_mode & 0o077 == 0
    assert len({socket, warm_socket_path(tmp_path), warm_socket_path(deep, worker="gpu@box")}) == 3


def test_a_worker_keeps_its_name_over_restarts_and_shares_it_with_no_other_folder(tmp_path: Path) -> None:
    assert build_worker_name("cpu", tmp_path) == build_worker_name("cpu", tmp_path)
    assert build_worker_name("cpu", tmp_path) != build_worker_name("cpu", tmp_path / "second")
    assert build_worker_name("cpu", tmp_path) != build_worker_name("cpu", tmp_path, "beside it")
    assert build_worker_name("cpu", tmp_path).startswith("cpu@")
