"""The entry point of the comfyui engine."""

from __future__ import annotations

from tower.engines.base import Engine, EngineEntry
from tower.errors import UnavailableError
from tower.errors.codes import ErrorCode
from tower.settings import Settings

NAME = "comfyui"
VERSION = "1"
"""The version of this code, not of the server: an update of ComfyUI must not make every take stale. The graph and the
names of its models are part of the shot, and so of the fingerprint."""
REMEDY = "set TOWER_COMFYUI_URL, or start `tower worker gpu --comfyui URL`"


def _open(settings: Settings) -> Engine:
    from tower.clients.comfyui.client import ComfyUIClient  # imported late: it loads a websocket library
    from tower.engines.comfyui.engine import ComfyUIEngine

    if settings.comfyui is None:
        raise UnavailableError(f"This machine has no ComfyUI: {REMEDY}", code=ErrorCode.COMFYUI_UNREACHABLE)
    return ComfyUIEngine(ComfyUIClient(settings.comfyui))


def _lacks(settings: Settings) -> str | None:
    return None if settings.comfyui_url else f"There is no ComfyUI to render with: {REMEDY}"


ENTRY = EngineEntry(NAME, VERSION, _open, lacks=_lacks, unavailable_code=ErrorCode.NO_COMFYUI, draws_graphs=True)
