"""Requests that several tests of the library share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

TIMEOUT_S = 60


def run_scan(music: TestClient) -> dict[str, Any]:
    """Start a scan and wait until it has ended."""
    answer = music.post("/api/library/scan", json={})
    assert answer.status_code == 202, answer.text
    url = f"/api/library/scans/{answer.json()['id']}"
    finished = poll_until(lambda: music.get(url).json(), lambda scan: scan["state"] not in ("queued", "running"))
    assert isinstance(finished, dict)
    return finished


def tracks_by_title(music: TestClient) -> dict[str, dict[str, Any]]:
    return {track["title"]: track for track in music.get("/api/tracks").json()}


def poll_until(fetch: Callable[[], Any], is_done: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + TIMEOUT_S
    while not is_done(value := fetch()):
        assert time.monotonic() < deadline, value
        time.sleep(0.05)
    return value
