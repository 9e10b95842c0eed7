"""Requests that several tests of the library share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

LONGEST_S = 60


def scanned(music: TestClient) -> dict[str, Any]:
    """Start a scan and wait until it has ended."""
    answer = music.post("/api/library/scan", json={})
    assert answer.status_code == 202, answer.text
    url = f"/api/library/scans/{answer.json()['id']}"
    ended = until(lambda: music.get(url).json(), lambda scan: scan["state"] not in ("queued", "running"))
    assert isinstance(ended, dict)
    return ended


def by_title(music: TestClient) -> dict[str, dict[str, Any]]:
    return {track["title"]: track for track in music.get("/api/tracks").json()}


def until(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + LONGEST_S
    while not good(value := ask()):
        assert time.monotonic() < deadline, value
        time.sleep(0.05)
    return value
