"""Every package that our code imports is a dependency of its own, so that a bare machine installs it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = {"api", "benchmarks", "db", "deployments", "docs", "flows", "tasks", "tests", "tower", "tower_animatic"}
INSTALLED = ("api", "db", "deployments", "flows", "tasks", "tower", "tower_animatic")
REACHED_THROUGH = {"starlette": "fastapi", "pydantic_core": "pydantic"}  # each is a part of the other


def imported_packages() -> Iterator[str]:
    for folder in INSTALLED:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    yield from (alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.partition(".")[0]


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_imported_package_is_declared() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    declared = {normalise(re.split(r"[\[<>=!~; ]", text)[0]) for text in dependencies}
    foreign = set(imported_packages()) - OURS - set(sys.stdlib_module_names) - {"_typeshed"}
    distributions = packages_distributions()
    undeclared = {
        package
        for package in foreign
        if REACHED_THROUGH.get(package) not in declared
        and not declared & {normalise(name) for name in distributions.get(package, [package])}
    }
    assert undeclared == set()
