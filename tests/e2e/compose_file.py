"""Reads compose.yaml as Docker does: commands with the environment of image and file, on one machine."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@dataclass(frozen=True)
class ComposeService:
    """`argv` and `health` are the commands of the container, `needs` the services that it waits for."""

    name: str
    argv: list[str]
    env: dict[str, str]
    health: list[str]
    needs: frozenset[str]
    profiles: tuple[str, ...]


def read_services(variables: dict[str, str]) -> dict[str, ComposeService]:
    """The services of our image. Raises KeyError for a required variable that is missing in `variables`."""
    text = interpolate((ROOT / "compose.yaml").read_text(), variables)
    read: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
    ours = {name: service for name, service in read.items() if service.get("image") == "tower"}
    image = read_image_config()
    return {name: _service(name, service, image) for name, service in ours.items()}


def read_image_config() -> dict[str, Any]:
    """ENTRYPOINT, CMD, HEALTHCHECK and ENV of the last stage of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    stage = text[text.rindex("\nFROM ") :]
    instructions = {name: rest for name, _, rest in (line.partition(" ") for line in stage.splitlines())}
    return {
        "user": instructions["USER"],
        "entrypoint": json.loads(instructions["ENTRYPOINT"]),
        "command": json.loads(instructions["CMD"]),
        "health": json.loads(instructions["HEALTHCHECK"].partition("CMD ")[2]),
        "env": dict(pair.split("=", 1) for pair in shlex.split(instructions["ENV"])),
    }


def interpolate(text: str, variables: dict[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}` and `${NAME:?reason}` replaced, outside comments."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        return variables.get(name, rest) if kind == "-" else variables[name]

    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return _VARIABLE.sub(value, "\n".join(lines))


def _service(name: str, service: dict[str, Any], image: dict[str, Any]) -> ComposeService:
    check = service.get("healthcheck", {})
    return ComposeService(
        name=name,
        argv=[*image["entrypoint"], *service["command"]],
        env={**image["env"], **service["environment"]},
        health=[] if check.get("disable") else check["test"][1:],
        needs=frozenset(service["depends_on"]),
        profiles=tuple(service.get("profiles", ())),
    )
