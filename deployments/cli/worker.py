"""`tower worker`: a machine more."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

import typer

from deployments.cli.exits import Exit
from deployments.cli.settings_option import settings


class Pool(StrEnum):
    CPU = "cpu"
    GPU = "gpu"


def register(app: typer.Typer) -> None:
    app.command()(worker)


def worker(
    pool: Annotated[Pool, typer.Argument(help="cpu: recipes; gpu: renders.")],
    *,
    comfyui: Annotated[str | None, typer.Option(help="The ComfyUI that renders, http://host:8188.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, max=64, help="Renders at once.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Tells it from others on this machine: letters, digits, - _ .")
    ] = None,
) -> None:
    """Run jobs of one pool, for a stack that runs here or elsewhere, until Ctrl-C.

    Needs PREFECT_API_URL and TOWER_DATABASE_URL of that stack (`tower env` prints them there), and the same renders
    folder, shared, under TOWER_DATA_DIR. ComfyUI may be on any machine: its files are fetched.

    Example:  eval "$(tower env)" && tower worker gpu --comfyui http://gpu-box:8188
    """
    from deployments.cli import events
    from deployments.remote_worker import RemoteWorker
    from deployments.supervisor import StopAskedError

    asked = {"comfyui_url": _url(comfyui), "gpu_slots": slots}
    if pool is not Pool.GPU and any(asked.values()):
        raise typer.BadParameter("only a gpu worker has --comfyui and --slots")
    events.configure_logging()
    ours = settings().model_copy(update={setting: value for setting, value in asked.items() if value is not None})
    try:
        RemoteWorker(ours, pool.value, events.say, label=_label(name)).run()
    except StopAskedError:
        events.say("stopped")
        raise typer.Exit(Exit.OK) from None


def _url(said: str | None) -> str | None:
    if said is not None and not said.startswith(("http://", "https://")):
        raise typer.BadParameter("write it as http://host:8188", param_hint="--comfyui")
    return said


def _label(said: str | None) -> str | None:
    if said is not None and not re.fullmatch(r"[\w.-]{1,60}", said):
        raise typer.BadParameter("letters, digits, - _ . only, 60 at most", param_hint="--name")
    return said
