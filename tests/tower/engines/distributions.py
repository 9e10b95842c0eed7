"""Distributions with engines, written as pip would install them, for processes that find them on PYTHONPATH."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs" / "engines.md"
ENTRY = 'from tower.engines.base import EngineEntry\nENTRY = EngineEntry("{name}", "{version}", print)\n'


def documented() -> dict[str, str]:
    """The files of the example in docs/engines.md, by name."""
    return dict(re.findall(r"```\w+\n# (\S+)\n(.*?)```", DOCS.read_text(), re.DOTALL))


def lay_down(folder: Path, files: Mapping[str, str]) -> Path:
    """Return the folder with the files and the metadata that their pyproject.toml asks for."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["tower.engines"].items()
    (info / "entry_points.txt").write_text(
        "[tower.engines]\n" + "".join(f"{name} = {target}\n" for name, target in points)
    )
    return folder


def declaring(folder: Path, name: str, entry: str, *, by: str = "odd") -> Path:
    """A distribution named `by`. Its module of the same name declares the engine `name` with the source `entry`."""
    project = f'[project]\nname = "{by}"\nversion = "1"\n'
    points = f'[project.entry-points."tower.engines"]\n{name} = "{by}:ENTRY"\n'
    return lay_down(folder, {"pyproject.toml": project + points, f"{by}.py": entry})


def python(code: str, *folders: Path, **env: str) -> str:
    """The output of a new process that has these folders on its path."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("TOWER_")}
    env = {**outer, "PYTHONPATH": os.pathsep.join(map(str, folders)), **env}
    result = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
