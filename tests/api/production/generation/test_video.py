"""GET and HEAD of a generation's video, whole and in ranges."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from db.engine import SessionFactory
from db.models.jobs import JobStatus, JobType, ProductionJob
from tower.jobs.lifecycle import open_job
from tower.jobs.spec import GenerationSpec

VIDEO = bytes(range(256)) * 1000


def job(sessions: SessionFactory, **columns: object) -> ProductionJob:
    with sessions.begin() as session:
        job = open_job(session, GenerationSpec(prompt="test"), job_type=JobType.STANDARD)
        for name, value in columns.items():
            setattr(job, name, value)
    return job


@pytest.fixture
def completed_job(sessions: SessionFactory, tmp_path: Path) -> ProductionJob:
    path = tmp_path / "take.mp4"
    path.write_bytes(VIDEO)
    return job(sessions, status=JobStatus.COMPLETED, output_path=str(path), progress=1.0)


@pytest.fixture
def url(completed_job: ProductionJob) -> str:
    return f"/api/anime/generation/{completed_job.id}/video"


def test_the_whole_video_is_sent(client: TestClient, url: str, completed_job: ProductionJob) -> None:
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.content == VIDEO
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == f'inline; filename="tower-{completed_job.id}.mp4"'
    assert answer.headers["accept-ranges"] == "bytes"
    status = client.get(url.replace("/video", "/status")).json()
    assert (status["video_url"], status["progress"]) == (url, 1)


def test_head_returns_the_size_without_a_body(client: TestClient, url: str) -> None:
    answer = client.head(url)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(VIDEO))
    part = client.head(url, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-length"], part.content) == (206, "10", b"")


@pytest.mark.parametrize(
    ("requested", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-299", 100, 299),
        ("bytes=255990-", 255_990, 255_999),
        ("bytes=-500", 255_500, 255_999),
        ("bytes=0-999999999", 0, 255_999),
        ("bytes=-999999999", 0, 255_999),
    ],
)
def test_a_range_of_the_video_is_sent(client: TestClient, url: str, requested: str, first: int, last: int) -> None:
    answer = client.get(url, headers={"Range": requested})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(VIDEO)}"
    assert answer.content == VIDEO[first : last + 1]
    assert answer.headers["content-length"] == str(last - first + 1)


@pytest.mark.parametrize("requested", ["bytes=256000-", "bytes=999999-1000000", "bytes=-0"])
def test_range_beyond_the_end_is_416_in_the_envelope(client: TestClient, url: str, requested: str) -> None:
    answer = client.get(url, headers={"Range": requested})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(VIDEO)}"
    assert answer.json()["error"]["code"] == "RANGE_NOT_SATISFIABLE"


@pytest.mark.parametrize(
    "requested", ["bytes=9-3", "bytes=-", "bytes=a-b", "frames=1-2", "bytes=0-1,5-6", "x", "bytes=" * 99]
)
def test_range_that_is_broken_or_of_another_kind_is_ignored(client: TestClient, url: str, requested: str) -> None:
    answer = client.get(url, headers={"Range": requested})
    assert (answer.status_code, len(answer.content)) == (200, len(VIDEO))


def test_if_range_of_another_file_gets_the_whole(client: TestClient, url: str) -> None:
    etag = client.head(url).headers["etag"]
    same = client.get(url, headers={"Range": "bytes=0-9", "If-Range": etag})
    other = client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


def test_a_missing_video_is_404_with_the_reason(client: TestClient, sessions: SessionFactory) -> None:
    cases = (
        (job(sessions, progress=0.25), "VIDEO_NOT_READY", "25 %"),
        (job(sessions, status=JobStatus.FAILED, error_code="X", error_message="Disk full"), "NO_VIDEO", "Disk full"),
        (job(sessions, status=JobStatus.CANCELLED), "NO_VIDEO", "cancelled"),
        (job(sessions, status=JobStatus.COMPLETED, output_path="/nowhere/x.mp4"), "VIDEO_MISSING", "/nowhere/x.mp4"),
    )
    for row, code, expected_text in cases:
        answer = client.get(f"/api/anime/generation/{row.id}/video")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == code
        assert expected_text in answer.json()["error"]["message"]
