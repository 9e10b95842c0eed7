"""One part of the stack by itself, in the foreground, for machines where something else keeps it up."""

from __future__ import annotations

import os
import secrets
from enum import StrEnum
from typing import NoReturn

from deployments import environment, external
from deployments.process import Command
from deployments.services import Parts
from deployments.state_files import require_writable
from tower.errors import StackError
from tower.settings import HOST, Settings


class Server(StrEnum):
    PREFECT = "prefect"
    PRODUCTION = "production"
    MUSIC = "music"


def serve(settings: Settings, server: Server, *, prefect_host: str = HOST) -> NoReturn:
    """Become the server: this very process runs it, with its output and its signals.

    The APIs listen at the host of the settings. StackError if the database does not let us in or the port is in use.
    """
    parts, database_url = _parts(settings)
    if server is Server.PREFECT:
        service = parts.prefect(external.prefect_database(database_url, made=False), host=prefect_host)
    else:
        service = parts.apis([server.value])
    _become(service.prepare().command)


def deploy(settings: Settings) -> NoReturn:
    """Become the process that tells Prefect which flows there are. StackError if a server cannot be reached."""
    if settings.prefect_api_url is None:
        raise StackError("Deploying needs PREFECT_API_URL; `tower up` deploys to a Prefect server of its own.")
    external.require_prefect(settings.prefect_api_url)
    parts, _ = _parts(settings)
    _become(parts.deploy(None))


def _parts(settings: Settings) -> tuple[Parts, str]:
    """The parts of a stack on the database of the settings, and its URL."""
    if settings.database_url is None:
        raise StackError("A part by itself needs TOWER_DATABASE_URL; `tower up` starts a database of its own.")
    external.require_database(settings.database_url)
    require_writable(settings.data)
    addresses = environment.addresses(settings, settings.database_url)
    env = environment.for_parts(settings, addresses, mark=secrets.token_hex(8))
    return Parts(settings, addresses, env), settings.database_url


def _become(command: Command) -> NoReturn:
    os.execve(command.argv[0], command.argv, dict(command.env))
