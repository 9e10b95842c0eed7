"""`tower upload`: brings files into the media folder of the stack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.api_client import JsonOption, connect_running
from deployments.cli.option_words import refusals_name_options
from deployments.cli.printing import print_json, print_line
from tower.errors import InvalidError


def register(app: typer.Typer) -> None:
    app.command()(upload)


def upload(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Pictures (PNG, JPEG, WebP) or music.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Copy files into the media folder of the stack and print their paths there, which other commands take.

    Example:  tower character edit "Kai Nakamura" --image "$(tower upload ~/kai.png)"
    """
    stored = []
    with connect_running() as api, refusals_name_options({"file": "FILE"}):
        for file in files:
            try:
                with file.open("rb") as content:
                    stored.append(api.upload(file.name, content))
            except OSError as error:
                raise InvalidError(f"{file}: {error.strerror or error}") from error
            if not as_json:
                print_line(stored[-1]["path"])
    if as_json:
        print_json(stored)
