"""The record of a running stack, `<data>/stack.json`, for other commands and for the next start."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from deployments.process import started_at
from deployments.state_files import write_private

FILE = "stack.json"


@dataclass(frozen=True)
class Addresses:
    """The addresses of the parts of a stack."""

    production_url: str
    music_url: str
    prefect_api_url: str
    prefect_ui_url: str
    database_url: str
    data_dir: Path


@dataclass(frozen=True)
class Child:
    """A process of the stack. `started` is in seconds since the epoch and detects a reused pid."""

    name: str
    pid: int
    started: float

    def alive(self) -> bool:
        now = started_at(self.pid)
        return now is not None and abs(now - self.started) < 0.05


@dataclass(frozen=True)
class State:
    """`mark` is in the environment of every process of this stack. `ready` means that all parts have answered."""

    supervisor: Child
    mark: str
    port_offset: int
    ready: bool
    addresses: Addresses
    children: tuple[Child, ...] = ()


def write(state: State) -> None:
    write_private(state.addresses.data_dir / FILE, json.dumps(asdict(state), default=str, indent=2) + "\n")


def read(data: Path) -> State | None:
    """The last stack on this data folder; None if there was none or it stopped in order."""
    try:
        document = json.loads((data / FILE).read_text())
        addresses = Addresses(**{**document["addresses"], "data_dir": Path(document["addresses"]["data_dir"])})
        return State(
            supervisor=Child(**document["supervisor"]),
            mark=document["mark"],
            port_offset=document["port_offset"],
            ready=document["ready"],
            addresses=addresses,
            children=tuple(Child(**child) for child in document["children"]),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def forget(data: Path) -> None:
    (data / FILE).unlink(missing_ok=True)
