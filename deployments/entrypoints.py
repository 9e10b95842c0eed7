"""The deployments that prefect.yaml lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tower.errors import StackError

PREFECT_YAML = Path(__file__).parent.parent / "prefect.yaml"


def read_deployments(file: Path) -> list[dict[str, Any]]:
    """The entries under `deployments`. Raises StackError if the file cannot be read."""
    try:
        return list(yaml.safe_load(file.read_text())["deployments"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise StackError(f"{file} has no readable list `deployments`: {error!r}") from error


def list_flow_modules(file: Path) -> list[str]:
    """The names of the modules that define the flows."""
    return sorted({str(entry["entrypoint"]).rpartition(".")[0] for entry in read_deployments(file)})
