"""The external servers that Tower uses if they are configured."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from deployments.checks import Check
from tower.addresses import Address
from tower.clients.jellyfin import JellyfinClient, JellyfinRefusedError
from tower.errors import TowerError
from tower.errors.foreign import reason_of
from tower.publishing.server_paths import PathMap, explain_missing_library, find_library
from tower.settings import Settings


@dataclass(frozen=True)
class ExternalServer:
    """`path` answers without a key, `variable` configures the URL, `fallback` says what happens without the server."""

    name: str
    path: str
    variable: str
    fallback: str
    login_hint: str = ", as in http://user:password@host"


TIMEOUT_S = 5.0
COMFYUI_LOGIN = ", or set TOWER_COMFYUI_USER and TOWER_COMFYUI_PASSWORD, or TOWER_COMFYUI_TOKEN"
COMFYUI = ExternalServer(
    "comfyui", "/system_stats", "TOWER_COMFYUI_URL", "the animatic engine renders", login_hint=COMFYUI_LOGIN
)
OLLAMA = ExternalServer("ollama", "/api/version", "TOWER_OLLAMA_URL", "no step of this version asks it")
JELLYFIN = ExternalServer("jellyfin", "/System/Info/Public", "TOWER_JELLYFIN_URL", "films are published to a folder")


def check_external_servers(settings: Settings) -> list[Check]:
    return [
        check_external_server(COMFYUI, settings.comfyui),
        check_external_server(OLLAMA, settings.ollama_url),
        *check_jellyfin(settings),
    ]


def check_jellyfin(settings: Settings) -> list[Check]:
    """Whether Jellyfin answers, accepts the key, and has a library that looks into the folder of films."""
    server = check_external_server(JELLYFIN, settings.jellyfin_url)
    if settings.jellyfin_url is None or server.status != "ok":
        return [server]
    if settings.jellyfin_key is None:
        remedy = "Make a key in Jellyfin's dashboard and set TOWER_JELLYFIN_KEY."
        return [server, Check("library", "warn", "Jellyfin is not asked: no key is set", remedy)]
    with JellyfinClient(settings.jellyfin_url, key=settings.jellyfin_key, deadline_s=TIMEOUT_S) as client:
        try:
            client.check_key()
        except TowerError as error:
            return [server, Check("jellyfin key", "fail", error.message, "Correct TOWER_JELLYFIN_KEY.")]
        return [server, Check("jellyfin key", "ok", "accepted"), _check_library(client, settings)]


def _check_library(client: JellyfinClient, settings: Settings) -> Check:
    folder = PathMap(settings.jellyfin_folders).to_server(settings.library)
    try:
        libraries = client.list_libraries()
    except JellyfinRefusedError:
        what = "The key is no administrator's: Jellyfin looks at a film a minute after it is announced"
        return Check("library", "warn", what, "Make a key in Jellyfin's dashboard and set TOWER_JELLYFIN_KEY.")
    except TowerError as error:
        return Check("library", "fail", error.message, "Look at the log of Jellyfin.")
    library = find_library(libraries, folder)
    if library is None:
        found, _, remedy = explain_missing_library(libraries, folder).partition(". ")
        return Check("library", "fail", found, f"{remedy}.")
    return Check("library", "ok", f"Jellyfin's library {library.name} looks into {folder}")


def check_external_server(server: ExternalServer, address: Address | None) -> Check:
    if address is None:
        return Check(server.name, "ok", f"not configured: {server.fallback}")
    try:
        with httpx.Client(**address.client_options(), timeout=TIMEOUT_S, trust_env=False) as http:
            status = http.get(server.path).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        remedy = f"Start it, or correct or unset {server.variable}."
        return Check(server.name, "fail", f"{address} does not answer: {reason_of(error)}", remedy)
    if status in (401, 403, 407):
        remedy = f"Put the password into {server.variable}{server.login_hint}."
        return Check(server.name, "fail", f"{address} asks for a password (answer {status})", remedy)
    if status != httpx.codes.OK:
        return Check(server.name, "fail", f"{address} answers {status} to {server.path}", f"Correct {server.variable}.")
    return Check(server.name, "ok", f"answers at {address}")
