"""`tower env`: the running stack's addresses, for a shell."""

from __future__ import annotations

import typer

from deployments.cli.settings_option import load_settings


def register(app: typer.Typer) -> None:
    app.command()(env)


def env() -> None:
    """Print the addresses of the running stack as shell exports. Exit code 3 if none runs.

    The lines contain the password of the database and the secret of Prefect: keep them private. The Prefect UI asks for
    the value of PREFECT_API_AUTH_STRING.

    Example:  eval "$(tower env)" && prefect flow-run ls
    """
    from deployments.exports import list_exports

    for line in list_exports(load_settings()):
        typer.echo(line)
