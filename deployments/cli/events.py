"""The terminal output of `tower up` and `tower worker`: one line per event, and the table of addresses."""

from __future__ import annotations

import logging
import sys
import time

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployments.state import Addresses
from tower.addresses import Address
from tower.errors.foreign import make_printable
from tower.logs import PrintableFormatter


def configure_logging() -> None:
    """Print Tower's own log records among the events."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(PrintableFormatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("deployments")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def print_event(event: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {make_printable(event)}\n")
    sys.stdout.flush()


def print_addresses(addresses: Addresses, *, took_s: float) -> None:
    table = Table(title=f"Tower is up after {took_s:.1f} s", title_justify="left", show_header=False)
    table.add_row("production API", addresses.production_url)
    table.add_row("episodes API", addresses.episodes_url)
    table.add_row("music API", addresses.music_url)
    table.add_row("Prefect UI", addresses.prefect_ui_url)
    table.add_row("Prefect API", Address(addresses.prefect_api_url))
    table.add_row("data and logs", Text(make_printable(str(addresses.data_dir))))
    table.add_row("database", "see `tower env`")
    if addresses.prefect_auth_string:
        table.add_row("login of the Prefect UI", "PREFECT_API_AUTH_STRING of `tower env`")
    table.add_row("stop", "Ctrl-C")
    console = Console(soft_wrap=True)
    console.print(table)
    sys.stdout.flush()
