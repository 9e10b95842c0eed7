"""The command `tower`. Each subcommand is a module; slow imports stay inside the function that needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from deployments.cli import (
    addresses,
    batch,
    branch,
    character,
    doctor,
    env,
    episode,
    fsck,
    jobs,
    keys,
    migrate,
    music,
    project,
    publications,
    purge,
    render,
    scene,
    schedule,
    serve,
    up,
    upload,
    verify,
    webhook,
    worker,
    workflows,
)
from deployments.cli.exits import ExitCode
from deployments.cli.printing import print_line
from deployments.data_folder import PRIVATE_UMASK
from tower.errors import TowerError

app = typer.Typer(
    help="""Tower makes anime shots on your own machine: rendered under Prefect, checked, and kept in versions.

    Begin with  tower generate "a samurai under cherry trees"  or, to keep everything running,  tower up  and then
    tower project create.

    Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 the stack does not run or cannot start, 4 not found,
    130 interrupted. Settings are environment variables: TOWER_DATA_DIR, TOWER_PORT_OFFSET (0 to 20000), and the others
    in docs/settings.md.""",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def tower(
    version: Annotated[
        bool,
        typer.Option("--version", callback=addresses.print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


MODULES = (
    *(up, jobs, render, project, character, scene, episode, branch, schedule, batch),
    *(workflows, music, upload, publications, verify, webhook),
    *(addresses, purge, keys, doctor, env, migrate, fsck, serve, worker),
)
for module in MODULES:
    module.register(app)

_EXITS = {
    400: ExitCode.USAGE,
    404: ExitCode.NOT_FOUND,
    422: ExitCode.USAGE,
    503: ExitCode.NO_STACK,
}  # by HTTP status of the error


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line with these arguments or those of the process.

    A TowerError is printed as one sentence on stderr and sets the exit code.
    """
    callers_umask = os.umask(PRIVATE_UMASK)
    try:
        build_command()(arguments)
    except TowerError as error:
        print_line(f"tower: {error.message}", err=True)
        sys.exit(exit_code_for(error))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    finally:
        os.umask(callers_umask)


def build_command() -> Any:
    """The command line. Its help shows an option without a value as `--json`, where Typer adds its type, `<bool>`."""
    command = typer.main.get_command(app)
    _hide_types_of_flags(command)
    return command


def exit_code_for(error: TowerError) -> ExitCode:
    return _EXITS.get(error.status, ExitCode.FAILED)


def _hide_types_of_flags(command: Any) -> None:
    for parameter in command.get_params(typer.Context(command)):
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    for inner in getattr(command, "commands", {}).values():
        _hide_types_of_flags(inner)
