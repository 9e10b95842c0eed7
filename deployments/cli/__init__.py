"""The command `tower`. Each subcommand is a module; slow imports stay inside the function that needs them."""

from __future__ import annotations

import sys

import typer

from deployments.cli import (
    doctor,
    env,
    fsck,
    jobs,
    keys,
    migrate,
    music,
    project,
    purge,
    serve,
    up,
    worker,
    workflows,
)
from deployments.cli.exits import ExitCode
from tower.errors import TowerError

app = typer.Typer(
    help="""Tower makes anime episodes on your own machine: shots rendered under Prefect, checked, cut, published.

    Begin with  tower generate "a samurai under cherry trees"  or, to keep everything running,  tower up.

    Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 the stack does not run or cannot start, 4 not found,
    130 interrupted. Settings are environment variables, TOWER_DATA_DIR and TOWER_PORT_OFFSET first of all.""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (up, jobs, workflows, music, project, purge, keys, doctor, env, migrate, fsck, serve, worker):
    module.register(app)

_EXITS = {
    400: ExitCode.USAGE,
    404: ExitCode.NOT_FOUND,
    422: ExitCode.USAGE,
    503: ExitCode.NO_STACK,
}  # by HTTP status of the error


def main() -> None:
    """Run the command line. A TowerError is printed as one sentence on stderr and sets the exit code."""
    try:
        app()
    except TowerError as error:
        typer.echo(f"tower: {error.message}", err=True)
        sys.exit(exit_code_for(error))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


def exit_code_for(error: TowerError) -> ExitCode:
    return _EXITS.get(error.status, ExitCode.FAILED)
