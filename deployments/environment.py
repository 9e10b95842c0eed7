"""The environment variables that configure every part of the stack. There is no other channel."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import certifi

from deployments import prefect_secret
from deployments.data_folder import make_private_folder
from deployments.orphaned_processes import MARK_VARIABLE
from deployments.state import Addresses
from deployments.state_files import write_private
from deployments.warm.launcher import SOCKET_VARIABLE
from tower.addresses import used_form
from tower.settings import Settings

_RUNS = {
    "PREFECT_RUNNER_HEARTBEAT_FREQUENCY": "30",  # the zombie automation waits for thirty of them
    "PREFECT_LOGGING_EXTRA_LOGGERS": "tower",
    "PREFECT_WORKER_QUERY_SECONDS": "0.5",
    "PREFECT_WORKER_PREFETCH_SECONDS": "0",
}
_QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_LOGGING_COLORS": "false",
    "NO_COLOR": "1",
    "OPENBLAS_NUM_THREADS": "1",  # the zygote cannot fork safely if an import has started a thread
}
_SERVER = {
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",  # its pages contact an external host even with analytics disabled
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_CANCELLING_TIMEOUT_SECONDS": "60",  # the default is five minutes
}


def build_environment(settings: Settings, addresses: Addresses, *, mark: str) -> dict[str, str]:
    """The environment of every part that runs Tower's code. Creates PREFECT_HOME."""
    home = settings.data / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    return {
        **os.environ,
        **_QUIET,
        **_RUNS,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        **settings_as_variables(settings),
        "TOWER_DATABASE_URL": addresses.database_url,
        "PREFECT_API_URL": addresses.prefect_api_url,
        "PREFECT_UI_URL": addresses.prefect_ui_url,
        **_auth_string("PREFECT_API_AUTH_STRING", addresses.prefect_auth_string),
        "PREFECT_HOME": str(home),
        SOCKET_VARIABLE: str(warm_socket_path(settings.data)),
        MARK_VARIABLE: mark,
        **_single_certificate(home, addresses.prefect_api_url),
    }


def settings_as_variables(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, so that a child process reads the same settings."""
    values = {
        **settings.model_dump(mode="json", exclude_none=True, exclude={"prefect_api_url", "prefect_api_auth_string"}),
        "data_dir": settings.data,
        "media_roots": os.pathsep.join(str(root) for root in settings.media_roots),
        "music_dirs": os.pathsep.join(str(folder) for folder in settings.music_dirs),
    }
    shared = {f"TOWER_{name.upper()}": str(value) for name, value in values.items()}
    if settings.prefect_api_url:
        shared["PREFECT_API_URL"] = used_form(settings.prefect_api_url)
    return {**shared, **_auth_string("PREFECT_API_AUTH_STRING", settings.prefect_api_auth_string)}


def build_prefect_environment(shared: Mapping[str, str], addresses: Addresses, *, database_url: str) -> dict[str, str]:
    """The environment of the Prefect server: that of all parts and its own settings."""
    return {
        **shared,
        **_SERVER,
        **_auth_string("PREFECT_SERVER_API_AUTH_STRING", addresses.prefect_auth_string),
        "PREFECT_SERVER_UI_API_URL": addresses.prefect_api_url,
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": addresses.prefect_ui_url,
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": _replace_parts(database_url, scheme="postgresql+asyncpg"),
    }


def replace_database(url: str, database: str) -> str:
    """The URL with the name of its database replaced."""
    return _replace_parts(url, path=f"/{database}")


def build_addresses(settings: Settings, database_url: str) -> Addresses:
    """The addresses of all parts of this stack, embedded or external. Makes the secret of an embedded Prefect."""
    prefect = settings.prefect_url
    return Addresses(
        production_url=settings.production_url,
        music_url=settings.music_url,
        prefect_api_url=prefect.used,
        prefect_ui_url=prefect.base_url.removesuffix("/api"),
        database_url=used_form(database_url),
        data_dir=settings.data,
        prefect_auth_string=prefect_secret.find_or_make(settings),
        episodes_url=settings.episodes_url,
    )


def warm_socket_path(data: Path, *, worker: str = "") -> Path:
    """The socket of the zygote of this data folder, or of one standalone worker.

    The path is short because Unix limits the path of a socket to 107 bytes. Raises StackError if its folder belongs to
    another user.
    """
    folder = make_private_folder(Path(tempfile.gettempdir()) / f"tower-{os.getuid()}")
    return folder / f"{_short_hash(str(data), worker)}.sock"


def build_worker_name(label: str, data: Path, *distinctions: str) -> str:
    """A name that is unique to this machine, data folder, label and the parts in `distinctions`.

    It is stable across restarts, because the worker's runs and its database row refer to it.
    """
    host = socket.gethostname()
    return f"{label}@{host}-{_short_hash(host, platform.machine(), _machine_id(), str(data), *distinctions)[:6]}"


def _machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""


def _short_hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _replace_parts(url: str, **changed: str) -> str:
    return urlunsplit(urlsplit(url)._replace(**changed))


def _auth_string(variable: str, secret: str | None) -> dict[str, str]:
    return {variable: secret} if secret else {}


def _single_certificate(home: Path, prefect_api_url: str) -> dict[str, str]:
    """Every Prefect client loads all certificates, even for http. Loading only one saves a tenth of a second."""
    if prefect_api_url.startswith("https"):
        return {}
    file, end = home / "one-certificate.pem", "-----END CERTIFICATE-----\n"
    first = Path(certifi.where()).read_text().split(end)[0]
    write_private(file, first + end)
    return {"PREFECT_API_SSL_CERT_FILE": str(file)}
