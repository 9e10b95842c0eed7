"""`tower open` and `tower version`."""

from __future__ import annotations

import platform
from enum import StrEnum
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.api_client import JsonOption, require_addresses
from deployments.cli.printing import print_answer, print_line
from deployments.cli.settings_option import load_settings

if TYPE_CHECKING:
    from deployments.state import Addresses

DISTRIBUTIONS = ("tower", "prefect", "fastapi", "sqlalchemy")


class PageName(StrEnum):
    """A page of the stack."""

    API = "api"
    EPISODES = "episodes"
    MUSIC = "music"
    PREFECT = "prefect"


def register(app: typer.Typer) -> None:
    app.command("open")(open_)
    app.command()(version)


def open_(
    page: Annotated[PageName | None, typer.Argument(help="The page to open; default: only print all.")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Print the pages of the running stack, and open one of them in the browser.

    Example:  tower open prefect
    """
    pages = list_pages(require_addresses(load_settings()))
    shown = pages if page is None else {page.value: pages[page.value]}
    print_answer(shown, as_json=as_json)
    if page is not None:
        typer.launch(pages[page.value])


def version(*, as_json: JsonOption = False) -> None:
    """Print the version of Tower, of Python and of the libraries that matter most.

    Example:  tower version
    """
    versions = {name: version_of(name) for name in DISTRIBUTIONS} | {"python": platform.python_version()}
    print_answer(versions, as_json=as_json)


def list_pages(addresses: Addresses) -> dict[str, str]:
    """The URL of each page by its name."""
    return {
        PageName.API.value: f"{addresses.production_url.removesuffix('/api/anime')}/docs",
        PageName.EPISODES.value: f"{addresses.episodes_url.removesuffix('/api/anime')}/docs",
        PageName.MUSIC.value: f"{addresses.music_url.removesuffix('/api')}/docs",
        PageName.PREFECT.value: addresses.prefect_ui_url,
    }


def print_version(is_wanted: bool) -> None:
    """The callback of `tower --version`."""
    if is_wanted:
        print_line(f"tower {version_of('tower')}")
        raise typer.Exit
