"""`tower worker`: runs one more worker, on this or another machine."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.exits import ExitCode
from deployments.cli.settings_option import load_settings

if TYPE_CHECKING:
    from tower.addresses import Address


class Pool(StrEnum):
    CPU = "cpu"
    GPU = "gpu"


def register(app: typer.Typer) -> None:
    app.command()(worker)


def worker(
    pool: Annotated[Pool, typer.Argument(help="cpu: recipes; gpu: renders.")],
    *,
    comfyui: Annotated[str | None, typer.Option(help="The ComfyUI that renders, http://host:8188.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, max=64, help="The number of concurrent renders.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Distinguishes workers of this machine: letters, digits, - _ .")
    ] = None,
) -> None:
    """Run jobs of one pool, for a stack that runs here or elsewhere, until Ctrl-C.

    Needs PREFECT_API_URL, PREFECT_API_AUTH_STRING and TOWER_DATABASE_URL of that stack (`tower env` prints them),
    and its renders folder, shared, under TOWER_DATA_DIR. ComfyUI may run on any machine: its files are downloaded.

    Example:  eval "$(tower env)" && tower worker gpu --comfyui http://gpu-box:8188
    """
    from deployments.cli import events
    from deployments.remote_worker import RemoteWorker
    from deployments.supervisor import StopRequestedError

    options = {"comfyui_url": _checked_url(comfyui), "gpu_slots": slots}
    if pool is not Pool.GPU and any(options.values()):
        raise typer.BadParameter("--comfyui and --slots need the pool gpu")
    events.configure_logging()
    updated = load_settings().model_copy(
        update={setting: value for setting, value in options.items() if value is not None}
    )
    try:
        RemoteWorker(updated, pool.value, events.print_event, label=_checked_label(name)).run()
    except StopRequestedError:
        events.print_event("stopped")
        raise typer.Exit(ExitCode.OK) from None


def _checked_url(url: str | None) -> Address | None:
    if url is not None and not url.startswith(("http://", "https://")):
        raise typer.BadParameter("write it as http://host:8188", param_hint="--comfyui")
    if url is None:
        return None
    from tower.addresses import Address  # imported here to keep `tower --help` fast

    return Address(url)


def _checked_label(label: str | None) -> str | None:
    if label is not None and not re.fullmatch(r"[\w.-]{1,60}", label):
        raise typer.BadParameter("use at most 60 letters, digits, - _ .", param_hint="--name")
    return label
