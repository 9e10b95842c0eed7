"""What prefect.yaml says is deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tower.errors import StackError

PREFECT_YAML = Path(__file__).parent.parent / "prefect.yaml"


def entries(file: Path) -> list[dict[str, Any]]:
    """Its deployments. StackError if it cannot be read."""
    try:
        return list(yaml.safe_load(file.read_text())["deployments"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise StackError(f"{file} does not say what to deploy: {error!r}") from error


def modules(file: Path) -> list[str]:
    """The modules that its flows are in."""
    return sorted({str(entry["entrypoint"]).rpartition(".")[0] for entry in entries(file)})
