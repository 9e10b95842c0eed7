"""Health and status: figures from the database, and the reason for each part that does not answer."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.production.app import create_app
from api.production.status.probes import (
    ComfyUIStatus,
    DatabaseStatus,
    EngineStatus,
    PartStatus,
    PrefectStatus,
    WorkersStatus,
)
from db.engine import SessionFactory
from tests.api.api_requests import insert_worker
from tests.api.small_servers import FakePrefect, reserve_refusing_address, serve, serve_silence
from tests.fakes.comfyui.server import FakeComfyUI
from tests.tower.engines.comfyui.comfyui_shots import DOCUMENTED_MODELS
from tower.errors import StackError
from tower.settings import Settings

A = "/api/anime"


def test_health_as_documented(client: TestClient) -> None:
    assert client.get(f"{A}/health").json() == {"status": "healthy", "service": "tower-anime-production"}
    assert client.get("/api/anime-enhanced/health").json() == {
        "status": "healthy",
        "service": "tower-anime-production",
        "enhanced": True,
    }


def test_health_is_503_without_a_database() -> None:
    with reserve_refusing_address() as refusing_url:
        settings = Settings(
            database_url=f"postgresql://{refusing_url.removeprefix('http://')}/x", prefect_api_url=refusing_url
        )
        with TestClient(create_app(settings)) as client:
            for path in (f"{A}/health", "/api/anime-enhanced/health"):
                answer = client.get(path)
                assert answer.status_code == 503
                assert answer.json()["error"]["code"] == "UNAVAILABLE"
                assert answer.json()["error"]["details"]["status"] == "unhealthy"
            opened = client.post(f"{A}/generate", json={"prompt": "test"})
            assert (opened.status_code, opened.json()["error"]["code"]) == (503, "UNAVAILABLE")
            status = client.get(f"{A}/status")
            assert status.status_code == 200
            assert status.json()["status"] == "degraded"
            assert status.json()["database"]["jobs"] is None
            assert status.json()["database"]["reason"]


def test_service_without_a_database_url_does_not_start() -> None:
    with pytest.raises(StackError, match="TOWER_DATABASE_URL"):
        create_app(Settings(database_url=None))


def test_status_without_prefect_and_comfyui_gives_the_reasons(client: TestClient) -> None:
    answer = client.get(f"{A}/status")
    assert answer.status_code == 200
    status = answer.json()
    assert status["status"] == "degraded"
    assert status["database"]["reachable"] is True
    assert status["database"]["version"].split(".")[0].isdigit()
    assert status["database"]["size_bytes"] > 1_000_000
    assert set(status["database"]["jobs"]) >= {"processing", "completed", "failed", "cancelled"}
    assert status["prefect"]["reachable"] is False
    assert status["prefect"]["version"] is None
    assert "does not answer" in status["prefect"]["reason"]
    assert status["workers"]["pools"] is None
    assert status["workers"]["reason"]
    assert status["readiness"]["reason"] == status["prefect"]["reason"]
    assert status["readiness"]["reason"] in status["reason"]
    assert status["comfyui"] == {
        "reachable": None,
        "reason": "TOWER_COMFYUI_URL is not set",
        "url": None,
        "version": None,
    }
    assert (status["engine"]["name"], status["engine"]["reason"]) == ("animatic", None)
    assert status["engine"]["version"] == status["engine"]["installed"]["animatic"]
    assert (status["engine"]["installed"].keys(), status["engine"]["broken"]) == ({"animatic", "comfyui"}, {})
    example = EngineStatus.model_fields["installed"].examples
    assert example == [{"animatic": status["engine"]["version"]}]


@pytest.mark.parametrize("part", [DatabaseStatus, PrefectStatus, WorkersStatus, EngineStatus, ComfyUIStatus])
def test_a_part_that_does_not_answer_in_time_has_only_a_reason(part: type[PartStatus]) -> None:
    known = part(reason="no answer within 2 s").model_dump(exclude_none=True)
    assert known == {"reason": "no answer within 2 s"}


def test_status_lists_the_existing_endpoints(client: TestClient) -> None:
    endpoints = client.get(f"{A}/status").json()["endpoints"]
    assert f"POST {A}/generate" in endpoints
    assert "GET /api/anime-enhanced/health" in endpoints
    for endpoint in endpoints:
        method, path = endpoint.split(" ")
        assert client.request(method, path.replace("{generation}", "1"), json={}).status_code != 405


def test_status_counts_jobs(client: TestClient) -> None:
    before = client.get(f"{A}/status").json()["database"]["jobs"]["processing"]
    assert client.post(f"{A}/generate", json={"prompt": "test"}).status_code == 202
    assert client.get(f"{A}/status").json()["database"]["jobs"]["processing"] == before + 1


def wait_until_healthy(client: TestClient) -> dict[str, Any]:
    """On a busy machine an answer can come before all probes have ended."""
    deadline = time.monotonic() + 60
    while (status := client.get(f"{A}/status").json())["status"] != "healthy":
        assert time.monotonic() < deadline, status
    healthy: dict[str, Any] = status
    return healthy


def test_status_with_prefect_and_comfyui(api_database_url: str, sessions: SessionFactory) -> None:
    fake = FakePrefect()
    with serve(fake) as prefect, FakeComfyUI(models=DOCUMENTED_MODELS) as comfyui:
        insert_worker(sessions, engine="comfyui", engines=["animatic", "comfyui"], comfyui_url=comfyui.url)
        settings = Settings(database_url=api_database_url, prefect_api_url=f"{prefect}/api", comfyui_url=comfyui.url)
        with TestClient(create_app(settings)) as client:
            status = wait_until_healthy(client)
            del comfyui.object_info["VHS_VideoCombine"]
            deadline = time.monotonic() + 60
            while "VHS_VideoCombine" not in str((degraded := client.get(f"{A}/status").json())["readiness"]["reason"]):
                assert time.monotonic() < deadline, "the lost class is not noticed"
                time.sleep(0.2)
            [worker] = [one for one in client.get(f"{A}/workers").json()["workers"] if one["name"] == "gpu@box"]
    assert (status["prefect"]["version"], status["prefect"]["url"]) == ("3.8.8", f"{prefect}/api")
    prefect_worker = {"name": "gpu-1", "status": "ONLINE", "last_heartbeat": fake.heartbeat}
    assert status["workers"]["pools"]["gpu"] == [prefect_worker]
    assert (status["comfyui"]["reachable"], status["comfyui"]["version"]) == (True, "0.33.0")
    assert (status["readiness"]["reachable"], status["reason"]) == (True, None)
    assert status["readiness"]["workers"] == {"gpu@box": None}
    assert degraded["status"] == "degraded"
    assert degraded["readiness"]["reason"] in degraded["reason"]
    assert (worker["can_render"], worker["reason"]) == (False, degraded["readiness"]["reason"])


def test_status_with_animatics_only_is_healthy_and_says_so(api_database_url: str, sessions: SessionFactory) -> None:
    insert_worker(sessions)
    with serve(FakePrefect()) as prefect:
        settings = Settings(database_url=api_database_url, prefect_api_url=f"{prefect}/api")
        with TestClient(create_app(settings)) as client:
            status = wait_until_healthy(client)
    assert "animatics" in status["readiness"]["note"]


def test_status_does_not_wait_for_a_silent_server_and_detects_a_wrong_one(
    api_database_url: str,
) -> None:
    def other(method: str, path: str, body: object) -> tuple[int, object]:
        return 200, ["hello"]

    with serve_silence() as prefect, serve(other) as no_comfyui:
        settings = Settings(database_url=api_database_url, prefect_api_url=f"{prefect}/api", comfyui_url=no_comfyui)
        with TestClient(create_app(settings)) as client:
            start_s = time.monotonic()
            status = client.get(f"{A}/status").json()
            assert time.monotonic() - start_s < 4
    assert status["prefect"]["reason"] == status["workers"]["reason"] == "no answer within 2 s"
    assert "not ComfyUI" in status["comfyui"]["reason"]
    assert status["database"]["reachable"] is True
