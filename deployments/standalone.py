"""Runs one part of the stack in the foreground, under a container or an init system."""

from __future__ import annotations

import os
import secrets
from enum import StrEnum
from typing import NoReturn

from deployments import environment, external
from deployments.data_folder import prepare_data_folder
from deployments.process import Command
from deployments.services import NO_SECRET, StackServices
from tower.errors import StackError
from tower.settings import LOOPBACK_HOST, Settings


class StandaloneServer(StrEnum):
    PREFECT = "prefect"
    PRODUCTION = "production"
    EPISODES = "episodes"
    MUSIC = "music"


def serve(settings: Settings, server: StandaloneServer, *, prefect_host: str = LOOPBACK_HOST) -> NoReturn:
    """Replace this process with the server.

    The APIs listen at the host of the settings. Raises StackError if the database cannot be used or the port is in use.
    """
    if server is StandaloneServer.PREFECT and settings.prefect_api_auth_string is None:
        raise StackError(NO_SECRET)
    parts, database_url = _open_parts(settings)
    if server is StandaloneServer.PREFECT:
        service = parts.prefect(external.prepare_prefect_database(database_url, exists=False), host=prefect_host)
    else:
        service = parts.apis([server.value])
    _exec(service.prepare().command)


def deploy(settings: Settings) -> NoReturn:
    """Replace this process with one that registers the flows. Raises StackError if a server cannot be reached."""
    if settings.prefect_api_url is None:
        raise StackError("Deploying needs PREFECT_API_URL; `tower up` deploys to its own Prefect server.")
    external.require_prefect(settings.prefect_api_url, settings.prefect_api_auth_string)
    parts, _ = _open_parts(settings)
    _exec(parts.deploy_command(None))


def _open_parts(settings: Settings) -> tuple[StackServices, str]:
    """The services on the external database of the settings, and its URL."""
    if settings.database_url is None:
        raise StackError("A standalone part needs TOWER_DATABASE_URL; `tower up` starts its own database.")
    external.require_database(settings.database_url)
    prepare_data_folder(settings.data)
    addresses = environment.build_addresses(settings, settings.database_url)
    env = environment.build_environment(settings, addresses, mark=secrets.token_hex(8))
    return StackServices(settings, addresses, env), addresses.database_url


def _exec(command: Command) -> NoReturn:
    os.execve(command.argv[0], command.argv, dict(command.env))
