"""Reads a systemd unit as systemd does: its command and its environment."""

from __future__ import annotations

import shlex
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deployments" / "systemd"


@dataclass(frozen=True)
class Unit:
    """Its sections with `%i` replaced; keys ignore case. A duplicate key is an error."""

    sections: ConfigParser

    @property
    def argv(self) -> list[str]:
        return shlex.split(self.sections["Service"]["ExecStart"])

    @property
    def env(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for pair in shlex.split(self.sections["Service"]["Environment"]))


def read_unit(name: str, *, instance: str = "") -> Unit:
    sections = ConfigParser(interpolation=None)
    sections.read_string((UNITS / name).read_text().replace("%i", instance))
    return Unit(sections)
