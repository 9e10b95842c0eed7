"""`tower up`: runs the whole stack until Ctrl-C."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from deployments.cli.exits import ExitCode
from deployments.cli.settings_option import load_settings

if TYPE_CHECKING:
    from deployments.state import Addresses


def register(app: typer.Typer) -> None:
    app.command()(up)


def up() -> None:
    """Start everything that Tower needs and keep it running until Ctrl-C.

    PostgreSQL, Prefect with its UI, the workers of the pools cpu and gpu, and the APIs, in order, each with its log in
    the data folder. A part that ends is restarted. TOWER_DATABASE_URL and PREFECT_API_URL replace the embedded servers.

    Examples:

      tower up

      TOWER_DATA_DIR=/srv/second TOWER_PORT_OFFSET=100 tower up    a second stack
    """
    from deployments.cli import events
    from deployments.stack import Stack
    from deployments.supervisor import StopRequestedError

    events.configure_logging()
    started_at = time.monotonic()
    was_ready = False

    def ready(addresses: Addresses) -> None:
        nonlocal was_ready
        was_ready = True
        events.print_addresses(addresses, took_s=time.monotonic() - started_at)

    try:
        Stack(load_settings(), events.print_event).run(ready)
    except StopRequestedError:
        events.print_event("stopped")
        raise typer.Exit(ExitCode.OK if was_ready else ExitCode.INTERRUPTED) from None
