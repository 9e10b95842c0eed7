"""The external servers that Tower uses if they are configured."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from deployments.checks import Check
from tower.settings import Settings


@dataclass(frozen=True)
class Outside:
    """`path` answers without a key, `variable` configures the URL, `instead` says what happens without the server."""

    name: str
    path: str
    variable: str
    instead: str


COMFYUI = Outside("comfyui", "/system_stats", "TOWER_COMFYUI_URL", "the animatic engine renders")
OLLAMA = Outside("ollama", "/api/version", "TOWER_OLLAMA_URL", "prompts are enhanced by rules")
JELLYFIN = Outside("jellyfin", "/System/Info/Public", "TOWER_JELLYFIN_URL", "episodes go to a plain library folder")


def outside(settings: Settings) -> list[Check]:
    return [
        reach(COMFYUI, settings.comfyui_url),
        reach(OLLAMA, settings.ollama_url),
        reach(JELLYFIN, settings.jellyfin_url),
    ]


def reach(server: Outside, url: str | None) -> Check:
    if url is None:
        return Check(server.name, "ok", f"not configured: {server.instead}")
    try:
        answer = httpx.get(url.rstrip("/") + server.path, timeout=5.0)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        remedy = f"Start it, or correct or unset {server.variable}."
        return Check(server.name, "fail", f"{url} does not answer: {error}", remedy)
    return Check(server.name, "ok", f"answers at {url}")
