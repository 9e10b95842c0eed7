"""Tests against a real ComfyUI: `make test-live COMFYUI_URL=http://…`. Without that variable pytest collects none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.rendering import LiveRender
from tower.clients.comfyui.client import ComfyUIClient

URL = os.environ.get("COMFYUI_URL", "")
SUMMARY_LINES: list[str] = []
collect_ignore_glob = [] if URL else ["test_*.py"]


@pytest.fixture
def client() -> Iterator[ComfyUIClient]:
    with ComfyUIClient(URL) as opened:
        yield opened


@pytest.fixture
def live(client: ComfyUIClient, tmp_path: Path) -> LiveRender:
    return LiveRender(client, tmp_path / "clip.mp4")


@pytest.fixture
def add_to_summary() -> Callable[[str], None]:
    """Add a line about this server to the summary of the tests."""
    return SUMMARY_LINES.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if SUMMARY_LINES:
        terminalreporter.section(f"ComfyUI at {URL}")
        for line in SUMMARY_LINES:
            terminalreporter.line(line)
