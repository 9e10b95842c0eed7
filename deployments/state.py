"""The record of a running stack, `<data>/stack.json`, for other commands and for the next start."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deployments.process import process_started_at
from deployments.state_files import write_private
from tower.clients.prefect import PrefectClient

FILE_NAME = "stack.json"


@dataclass(frozen=True)
class Addresses:
    """The addresses of the parts of a stack, in the form to connect with. The file that has them is private."""

    production_url: str
    music_url: str
    prefect_api_url: str
    prefect_ui_url: str
    database_url: str
    data_dir: Path
    prefect_auth_string: str | None = field(default=None, repr=False)  # older records have neither this
    episodes_url: str = ""  # nor this

    @property
    def api_urls(self) -> dict[str, str]:
        """The base URL of each API by its name."""
        return {"production": self.production_url, "episodes": self.episodes_url, "music": self.music_url}

    def open_prefect(self, *, timeout_s: float = 5.0) -> PrefectClient:
        return PrefectClient(self.prefect_api_url, auth_string=self.prefect_auth_string, timeout_s=timeout_s)


@dataclass(frozen=True)
class ChildProcess:
    """A process of the stack. `started` is in seconds since the epoch and detects a reused pid."""

    name: str
    pid: int
    started: float

    def is_alive(self) -> bool:
        now = process_started_at(self.pid)
        return now is not None and abs(now - self.started) < 0.05


@dataclass(frozen=True)
class StackState:
    """`mark` is in the environment of every process of this stack. `ready` means that all parts have answered."""

    supervisor: ChildProcess
    mark: str
    port_offset: int
    ready: bool
    addresses: Addresses
    children: tuple[ChildProcess, ...] = ()


def write(state: StackState) -> None:
    write_private(state.addresses.data_dir / FILE_NAME, json.dumps(asdict(state), default=str, indent=2) + "\n")


def read(data: Path) -> StackState | None:
    """The last stack on this data folder; None if there was none or it stopped in order."""
    try:
        document = json.loads((data / FILE_NAME).read_text())
        addresses = Addresses(**{**document["addresses"], "data_dir": Path(document["addresses"]["data_dir"])})
        return StackState(
            supervisor=ChildProcess(**document["supervisor"]),
            mark=document["mark"],
            port_offset=document["port_offset"],
            ready=document["ready"],
            addresses=addresses,
            children=tuple(ChildProcess(**child) for child in document["children"]),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def delete(data: Path) -> None:
    (data / FILE_NAME).unlink(missing_ok=True)
