"""The secret that Prefect asks every caller for: of the settings, or one that is made once in the data folder."""

from __future__ import annotations

import secrets
from pathlib import Path

from deployments.data_folder import make_own_folder, read_private
from deployments.state_files import write_private
from tower.settings import Settings

USER = "tower"  # Prefect compares the whole string; this part makes it a user and a password, as of RFC 7617


def find_or_make(settings: Settings) -> str | None:
    """The secret of the Prefect server of these settings; None for an external server without one."""
    if settings.prefect_api_auth_string or settings.prefect_api_url:
        return settings.prefect_api_auth_string
    file = _file(settings)
    if not file.exists():
        make_own_folder(settings.data)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(file, f"{USER}:{secrets.token_urlsafe(32)}\n")
    return read_private(file)


def find(settings: Settings) -> str | None:
    """The same, without making one."""
    if settings.prefect_api_auth_string or settings.prefect_api_url or not _file(settings).exists():
        return settings.prefect_api_auth_string
    return read_private(_file(settings))


def _file(settings: Settings) -> Path:
    return settings.data / "prefect" / "auth-string"
