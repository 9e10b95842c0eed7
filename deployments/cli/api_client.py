"""How a command finds the running stack and its production API, and how it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.settings_option import settings

if TYPE_CHECKING:
    from deployments.state import Addresses
    from tower.clients.production import ProductionClient
    from tower.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, nothing else on stdout.")]


@contextmanager
def production(tell: Callable[[str], None] | None) -> Iterator[ProductionClient]:
    """The running stack's API, or that of a stack started for the occasion."""
    from deployments import stack
    from tower.clients.production import ProductionClient

    mine = settings()
    found = stack.running(mine)
    if found is not None:
        with ProductionClient(found.production_url, key=mine.api_key) as api:
            yield api
        return
    with (
        stack.started(mine, tell or (lambda _: None)) as made,
        ProductionClient(made.production_url, key=mine.api_key) as api,
    ):
        yield api


@contextmanager
def running() -> Iterator[ProductionClient]:
    """The running stack's API. StackError if none runs."""
    from tower.clients.production import ProductionClient

    mine = settings()
    with ProductionClient(addresses(mine).production_url, key=mine.api_key) as api:
        yield api


def addresses(mine: Settings) -> Addresses:
    """Where the running stack answers. StackError if none runs."""
    from deployments import stack
    from tower.errors import StackError

    found = stack.running(mine)
    if found is None:
        raise StackError("No stack is running on this data folder: start it with `tower up`")
    return found


def print_json(answer: object) -> None:
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))


def say(sentence: str) -> None:
    typer.echo(sentence, err=True)
