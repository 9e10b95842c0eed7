"""`tower serve`, `tower deploy` and `tower health`: the stack one part at a time, for containers and init systems."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from deployments.cli.settings_option import load_settings


class ServerName(StrEnum):
    PREFECT = "prefect"
    PRODUCTION = "production"
    EPISODES = "episodes"
    MUSIC = "music"


class PartName(StrEnum):
    PREFECT = "prefect"
    PRODUCTION = "production"
    EPISODES = "episodes"
    MUSIC = "music"
    CPU = "cpu"
    GPU = "gpu"


def register(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(deploy)
    app.command()(health)


def serve(
    server: Annotated[ServerName, typer.Argument(help="prefect, or one of the APIs.")],
    *,
    prefect_host: Annotated[
        str, typer.Option(help="The address that Prefect listens at. It speaks plain HTTP: keep it private.")
    ] = "127.0.0.1",
) -> None:
    """Run one server of the stack in the foreground, for a container or an init system that restarts it.

    Needs TOWER_DATABASE_URL and PREFECT_API_AUTH_STRING; the APIs also need PREFECT_API_URL. Before the first start
    run `tower migrate`; once Prefect answers, run `tower deploy`. The APIs listen at TOWER_HOST. On one machine
    `tower up` does all of this.

    Example:  TOWER_DATABASE_URL=postgresql://me@db.example/anime_production tower serve prefect
    """
    from deployments.standalone import StandaloneServer
    from deployments.standalone import serve as become

    become(load_settings(), StandaloneServer(server.value), prefect_host=prefect_host)


def deploy() -> None:
    """Register the flows on a Prefect server. `tower up` does this automatically.

    Needs PREFECT_API_URL, PREFECT_API_AUTH_STRING (if the server asks for it) and TOWER_DATABASE_URL.

    Example:  PREFECT_API_URL=http://prefect.example:4200/api tower deploy
    """
    from deployments.standalone import deploy as become

    become(load_settings())


def health(
    part: Annotated[PartName | None, typer.Argument(help="A part that runs here; default: the whole stack.")] = None,
    *,
    name: Annotated[str | None, typer.Option(help="The --name that the worker was started with.")] = None,
) -> None:
    """Exit code 0 if a part that runs here is healthy; else print the reason and exit with 3.

    Example:  tower health production
    """
    from deployments.health import require_part, require_stack

    if part is None:
        require_stack(load_settings())
    else:
        require_part(load_settings(), part.value, label=name)
