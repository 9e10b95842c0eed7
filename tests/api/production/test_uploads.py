"""POST /api/anime/media: pictures and music, judged by their content."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from api.app import create_app
from api.http.collaborators import Collaborators
from api.production import uploads
from db.engine import SessionFactory, read_session_factory
from tests.api.framed_service import read_error
from tower.library.example import write_example
from tower.media.roots import media_roots, resolve_media_path
from tower.settings import Settings

LIMIT_BYTES = 2**20


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", upload_max_bytes=LIMIT_BYTES)


@pytest.fixture
def client(settings: Settings, sessions: SessionFactory) -> Iterator[TestClient]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Collaborators]:
        reading = read_session_factory(sessions.kw["bind"])
        yield Collaborators(settings=settings, service="uploads", sessions=sessions, reading=reading)

    limits = {uploads.UPLOAD_PATH: settings.upload_max_bytes + uploads.FORM_BYTES}
    app = create_app(
        title="Uploads", settings=settings, routers=[uploads.router], lifespan=lifespan, body_limits=limits
    )
    with TestClient(app) as made:
        yield made


def picture(form: str = "PNG") -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(kept, form)
    return kept.getvalue()


def huge_picture() -> bytes:
    """The head of a PNG that claims more pixels than are accepted."""
    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))


def files_in(settings: Settings) -> list[Path]:
    return [path for path in settings.data.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("form", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp")])
def test_a_picture_can_be_named_by_other_requests(
    client: TestClient, settings: Settings, form: str, suffix: str
) -> None:
    answer = client.post(uploads.UPLOAD_PATH, files={"file": ("../私の kai.mp3", picture(form))})
    assert answer.status_code == 201, answer.text
    stored = answer.json()
    assert (stored["kind"], stored["width"], stored["height"], stored["duration"]) == ("picture", 40, 30, None)
    path = Path(stored["path"])
    assert path.read_bytes() == picture(form)
    assert (path.parent, path.suffix) == (settings.media / "uploads", suffix)
    assert path.name.startswith("私の_kai-")
    assert resolve_media_path(str(path), roots=media_roots(settings)) == path


def test_music_is_stored_once_for_equal_files(client: TestClient, settings: Settings, tmp_path: Path) -> None:
    music = write_example(tmp_path / "theme.wav", bpm=120, length_s=4).read_bytes()
    first, again = (client.post(uploads.UPLOAD_PATH, files={"file": ("theme.png", music)}) for _ in range(2))
    assert first.status_code == 201, first.text
    assert first.json() == again.json()
    assert (first.json()["kind"], first.json()["duration"]) == ("music", 4.0)
    assert [path.suffix for path in files_in(settings)] == [".wav"]


@pytest.mark.parametrize(
    "content",
    [b"", b"text", picture()[:60], huge_picture(), picture("JPEG")[:300]],
    ids=["empty", "text", "cut", "huge", "cut jpeg"],
)
def test_anything_else_is_refused_and_leaves_nothing(client: TestClient, settings: Settings, content: bytes) -> None:
    refused = client.post(uploads.UPLOAD_PATH, files={"file": ("kai.png", content)})
    assert (refused.status_code, read_error(refused)["code"]) == (422, "MEDIA_UNREADABLE")
    assert files_in(settings) == []


def test_a_larger_file_is_refused(client: TestClient, settings: Settings) -> None:
    refused = client.post(uploads.UPLOAD_PATH, files={"file": ("kai.png", bytes(2 * LIMIT_BYTES))})
    assert (refused.status_code, read_error(refused)["code"]) == (413, "BODY_TOO_LARGE")
    assert files_in(settings) == []


def test_a_body_that_is_no_form_with_one_file_is_refused(client: TestClient) -> None:
    assert client.post(uploads.UPLOAD_PATH, json={"file": "x"}).status_code == 415
    assert client.post(uploads.UPLOAD_PATH, files={"other": ("a.png", picture())}).status_code == 422
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post(uploads.UPLOAD_PATH, content=b"no form", headers=broken).status_code in (400, 422)
    unnamed = client.post(uploads.UPLOAD_PATH, content=b"", headers={"Content-Type": "multipart/form-data"})
    assert unnamed.status_code == 400
    several = [("file", ("a.png", picture())), ("file", ("b.png", picture()))]
    assert client.post(uploads.UPLOAD_PATH, files=several).status_code == 400
