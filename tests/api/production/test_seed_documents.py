"""Sends every request of the two seed documents to the real service and its database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.production.app import create_app
from tests.api.production.seed_curls import DOCUMENTS, SEEDS, Curl, extract_curls, load_curls
from tests.api.production.seed_proofs import PROOFS
from tests.api.production.seed_world import SeedWorld
from tests.api.small_servers import reserve_refusing_address
from tower.settings import Settings

PRODUCTION, MUSIC = 8328, 8315
OTHER_SERVICES = {  # tested with each of these services
    8323: {"GET /api/anime/health", "GET /api/anime/episodes"},
    8309: {
        "GET /api/echo/health",
        "POST /api/echo/query",
        "POST /api/echo/chat",
        "GET /api/echo/system/metrics",
        "GET /api/echo/db/stats",
        "GET /api/echo/status",
    },
    # ComfyUI's own; tests/recordings holds its answers, and tests/fakes replays them
    8188: {"GET /", "POST /prompt", "GET /history/12345-abcde-67890", "GET /queue", "GET /system_stats"},
}
ALL = load_curls()
PROVED = [pytest.param(curl, id=f"{curl.document}: {curl.request_line}") for curl in ALL if curl.request_line in PROOFS]


@pytest.fixture
def world(api_database_url: str, tmp_path: Path) -> Iterator[SeedWorld]:
    """The service with a media folder, a model folder and no content."""
    model = tmp_path / "models" / "checkpoints" / "counterfeit_v3.safetensors"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"weights")
    with reserve_refusing_address() as prefect:
        settings = Settings(
            database_url=api_database_url,
            prefect_api_url=f"{prefect}/api",
            data_dir=tmp_path / "data",
            models_dir=tmp_path / "models",
        )
        with TestClient(create_app(settings)) as client:
            yield SeedWorld(client, settings.media)


@pytest.mark.parametrize("curl", PROVED)
def test_a_documented_request_behaves_as_documented(curl: Curl, world: SeedWorld) -> None:
    proof = PROOFS[curl.request_line]
    proof.prepare(world)
    sent, answer = world.send(curl)
    assert answer.status_code == proof.status, answer.text
    body = answer.json()
    for item in body if isinstance(body, list) else [body]:
        assert set(proof.keys.split()) <= set(item)
    proof.check(world, sent or {}, answer)


def test_every_documented_request_is_tested() -> None:
    production_requests = {curl.request_line for curl in ALL if curl.port == PRODUCTION}
    assert production_requests == set(PROOFS)
    elsewhere = {port: {curl.request_line for curl in ALL if curl.port == port} for port in {curl.port for curl in ALL}}
    assert {port: calls for port, calls in elsewhere.items() if port not in (PRODUCTION, MUSIC)} == OTHER_SERVICES


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed documents lie beside the project, and are not here")
def test_stored_requests_match_the_documents() -> None:
    texts = {name: (SEEDS / name).read_text() for name in DOCUMENTS}
    curls = [curl for name, text in texts.items() for curl in extract_curls(name, text)]
    assert curls == ALL
    assert len(curls) == sum(text.count("\ncurl ") for text in texts.values())
