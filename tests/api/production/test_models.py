"""The list of models comes from ComfyUI or a folder, or is empty with the reason."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.production.app import create_app
from db.engine import SessionFactory
from db.models.learning import LearningModel
from tests.api.api_requests import API_ROOT, status_and_code
from tests.api.small_servers import reserve_refusing_address
from tests.fakes.comfyui.http import MODEL_BYTES
from tests.fakes.comfyui.server import FakeComfyUI
from tower.settings import Settings

CHECKPOINT = "counterfeit_v3.safetensors"


@contextmanager
def service(database_url: str, **settings: Any) -> Iterator[TestClient]:
    with reserve_refusing_address() as prefect:
        service_settings = Settings(database_url=database_url, prefect_api_url=prefect, **settings)
        with TestClient(create_app(service_settings)) as client:
            yield client


def list_models(client: TestClient, **query: str) -> dict[str, dict[str, Any]]:
    answer = client.get(f"{API_ROOT}/models", params=query)
    assert answer.status_code == 200, answer.text
    return {model["name"]: model for model in answer.json()["models"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in (f"checkpoints/{CHECKPOINT}", "vae/sub/odd.pt", "loras/notes.txt", "loose.ckpt"):
        file = tmp_path / "models" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.encode())
    (tmp_path / "models" / "vae" / "empty.safetensors").touch()
    (tmp_path / "models" / "vae" / "back").symlink_to(tmp_path / "models")
    return tmp_path / "models"


def test_without_comfyui_and_folder_the_list_is_empty_with_the_reason(client: TestClient) -> None:
    answer = client.get(f"{API_ROOT}/models").json()
    assert (answer["source"], answer["models"]) == (None, [])
    assert "TOWER_COMFYUI_URL" in answer["reason"]


def test_models_come_from_comfyui_and_unknown_fields_are_null_with_reasons(api_database_url: str) -> None:
    files = {"checkpoints": [CHECKPOINT, "sub\\own.ckpt"], "animatediff_models": ["mm-Stabilized_high.pth"]}
    with FakeComfyUI(models=files) as comfyui, service(api_database_url, comfyui_url=comfyui.url) as client:
        assert client.get(f"{API_ROOT}/models").json()["source"] == comfyui.url
        models = list_models(client)
        assert set(list_models(client, kind="motion")) >= {"mm-Stabilized_high.pth"}
        assert CHECKPOINT not in list_models(client, kind="motion")
    model = models[CHECKPOINT]
    assert (model["kind"], model["size_bytes"], model["sha256"]) == ("checkpoint", MODEL_BYTES, None)
    assert "Anime" in model["recommended_use"]
    assert set(model["reasons"]) == {"sha256", "quality_rating"}
    assert models["sub\\own.ckpt"]["reasons"]["recommended_use"]


def test_a_comfyui_that_tells_no_sizes_leaves_them_null_with_the_reason(api_database_url: str) -> None:
    with FakeComfyUI(version="0.3.40") as comfyui, service(api_database_url, comfyui_url=comfyui.url) as client:
        model = list_models(client)[CHECKPOINT]
    assert model["size_bytes"] is None
    assert "size" in model["reasons"]["size_bytes"]


def test_a_folder_is_scanned_with_sizes_and_kinds(api_database_url: str, folder: Path) -> None:
    with service(api_database_url, models_dir=folder) as client:
        models = list_models(client)
    assert {name: model["kind"] for name, model in models.items()} == {
        CHECKPOINT: "checkpoint",
        "sub/odd.pt": "vae",
        "loose.ckpt": "other",
    }
    assert models[CHECKPOINT]["size_bytes"] == (folder / "checkpoints" / CHECKPOINT).stat().st_size


def test_a_silent_comfyui_is_replaced_by_the_folder_and_an_absent_folder_is_a_reason(
    api_database_url: str, folder: Path
) -> None:
    with reserve_refusing_address() as refusing_url:
        with service(api_database_url, comfyui_url=refusing_url, models_dir=folder) as client:
            answer = client.get(f"{API_ROOT}/models").json()
            assert (answer["source"], len(answer["models"])) == (str(folder), 3)
            assert refusing_url in answer["reason"]
        with service(api_database_url, comfyui_url=refusing_url) as client:
            answer = client.get(f"{API_ROOT}/models").json()
            assert (answer["models"], answer["source"]) == ([], None)
            assert refusing_url in answer["reason"]
    with service(api_database_url, models_dir=folder / "absent") as client:
        assert "cannot be read" in client.get(f"{API_ROOT}/models").json()["reason"]


def wait_for_hash(client: TestClient, name: str) -> str:
    deadline = time.monotonic() + 60
    while (sha256 := list_models(client)[name]["sha256"]) is None:
        assert time.monotonic() < deadline, "not hashed"
        time.sleep(0.02)
    return str(sha256)


def test_hashes_are_computed_in_the_background_and_again_when_the_file_changes(
    api_database_url: str, folder: Path
) -> None:
    file = folder / "checkpoints" / CHECKPOINT
    with service(api_database_url, models_dir=folder) as client:
        assert wait_for_hash(client, CHECKPOINT) == hashlib.sha256(file.read_bytes()).hexdigest()
        content, times = file.read_bytes()[::-1], file.stat()
        time.sleep(0.02)
        file.write_bytes(content)
        os.utime(
            file, ns=(times.st_atime_ns, times.st_mtime_ns)
        )  # a change with the same size and time is detected too
        assert wait_for_hash(client, CHECKPOINT) == hashlib.sha256(content).hexdigest()


def test_stored_rating_and_use_are_listed_and_deleted_files_are_not(
    api_database_url: str, folder: Path, sessions: SessionFactory
) -> None:
    with service(api_database_url, models_dir=folder) as client:
        assert set(list_models(client)[CHECKPOINT]["reasons"]) >= {"quality_rating"}
        with sessions.begin() as session:
            row = session.scalars(select(LearningModel).filter_by(name=CHECKPOINT)).one()
            row.rating, row.recommended_use = 8.5, "My hero's close-ups"
        (folder / "loose.ckpt").unlink()
        models = list_models(client)
        (folder / "loose.ckpt").write_bytes(b"back")
        rehashed = list_models(client)
    assert (models[CHECKPOINT]["quality_rating"], models[CHECKPOINT]["recommended_use"]) == (8.5, "My hero's close-ups")
    assert "loose.ckpt" not in models
    assert rehashed["loose.ckpt"]["size_bytes"] == 4


def test_an_unknown_kind_is_refused(client: TestClient) -> None:
    assert status_and_code(client.get(f"{API_ROOT}/models", params={"kind": "hat"})) == (422, "VALIDATION_ERROR")
