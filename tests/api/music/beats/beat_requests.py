"""Requests for beats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

B = "/api/bpm"


def analysed(beats: TestClient, path: Path, **more: Any) -> dict[str, Any]:
    answer = beats.post(f"{B}/analyze-track", json={"audio_path": str(path), **more})
    assert answer.status_code == 200, answer.text
    analysis: dict[str, Any] = answer.json()
    return analysis
