"""Connects a command to the production API of the running stack, and prints its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.printing import print_line
from deployments.cli.settings_option import load_settings

if TYPE_CHECKING:
    from deployments.state import Addresses
    from tower.clients.story import StoryClient
    from tower.settings import Settings

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, nothing else on stdout.")]


@contextmanager
def connect_or_start(on_event: Callable[[str], None] | None) -> Iterator[StoryClient]:
    """The API of the running stack, or of a stack started for the duration."""
    from deployments import stack
    from tower.clients.story import StoryClient

    loaded = load_settings()
    addresses_found = stack.find_running(loaded)
    if addresses_found is not None:
        with StoryClient(addresses_found.production_url, key=loaded.api_key) as api:
            yield api
        return
    with (
        stack.start_temporarily(loaded, on_event or (lambda _: None)) as own,
        StoryClient(own.production_url, key=loaded.api_key) as api,
    ):
        yield api


@contextmanager
def connect_running() -> Iterator[StoryClient]:
    """The running stack's API. Raises StackError if none runs."""
    from tower.clients.story import StoryClient

    loaded = load_settings()
    with StoryClient(require_addresses(loaded).production_url, key=loaded.api_key) as api:
        yield api


def require_addresses(settings: Settings) -> Addresses:
    """The addresses of the running stack. Raises StackError if none runs."""
    from deployments import stack
    from tower.errors import StackError

    found = stack.find_running(settings)
    if found is None:
        raise StackError(
            f"No stack is running on the data folder {settings.data}: start it with `tower up`, or set TOWER_DATA_DIR"
        )
    return found


def print_note(sentence: str) -> None:
    print_line(sentence, err=True)
