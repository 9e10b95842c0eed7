"""Sends requests for beat analyses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

BPM_ROOT = "/api/bpm"


def analyse_track(beats: TestClient, path: Path, **more: Any) -> dict[str, Any]:
    answer = beats.post(f"{BPM_ROOT}/analyze-track", json={"audio_path": str(path), **more})
    assert answer.status_code == 200, answer.text
    analysis: dict[str, Any] = answer.json()
    return analysis
