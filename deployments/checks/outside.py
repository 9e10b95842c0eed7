"""The external servers that Tower uses if they are configured."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from deployments.checks import Check
from tower.settings import Settings


@dataclass(frozen=True)
class ExternalServer:
    """`path` answers without a key, `variable` configures the URL, `fallback` says what happens without the server."""

    name: str
    path: str
    variable: str
    fallback: str


COMFYUI = ExternalServer("comfyui", "/system_stats", "TOWER_COMFYUI_URL", "the animatic engine renders")
OLLAMA = ExternalServer("ollama", "/api/version", "TOWER_OLLAMA_URL", "prompts are enhanced by rules")
JELLYFIN = ExternalServer(
    "jellyfin", "/System/Info/Public", "TOWER_JELLYFIN_URL", "episodes go to a plain library folder"
)


def check_external_servers(settings: Settings) -> list[Check]:
    return [
        check_external_server(COMFYUI, settings.comfyui_url),
        check_external_server(OLLAMA, settings.ollama_url),
        check_external_server(JELLYFIN, settings.jellyfin_url),
    ]


def check_external_server(server: ExternalServer, url: str | None) -> Check:
    if url is None:
        return Check(server.name, "ok", f"not configured: {server.fallback}")
    try:
        answer = httpx.get(url.rstrip("/") + server.path, timeout=5.0)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        remedy = f"Start it, or correct or unset {server.variable}."
        return Check(server.name, "fail", f"{url} does not answer: {error}", remedy)
    return Check(server.name, "ok", f"answers at {url}")
