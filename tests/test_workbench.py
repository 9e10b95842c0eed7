"""The tools of a contributor: every command exists, every hook runs an installed program, every package is typed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
TARGETS = {"setup", "fmt", "lint", "types", "contracts", "unit", "quick", "test", "check", "coverage", "bench", "hooks"}


@pytest.fixture(scope="module")
def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M))


def test_make_has_every_target_of_the_contributors_guide(targets: set[str]) -> None:
    named = set(re.findall(r"`make ([a-z-]+)`", (ROOT / "CONTRIBUTING.md").read_text()))
    assert targets >= TARGETS
    assert named <= targets


def test_ci_runs_the_same_check_as_a_contributor() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert [step.get("run") for step in workflow["jobs"]["check"]["steps"]][-1] == ".ci/run"
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("exec make check")


def test_make_check_runs_each_step_once() -> None:
    output = subprocess.run(["make", "-n", "check"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for step in ("ruff format --check", "ruff check", "mypy", "lint-imports", "-m pytest"):
        assert output.count(f"/{step}") + output.count(f"python {step}") == 1, step


def test_the_hooks_are_valid_and_run_from_the_virtual_environment() -> None:
    file = ROOT / ".pre-commit-config.yaml"
    subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", file], check=True)
    hooks = [hook for repo in yaml.safe_load(file.read_text())["repos"] for hook in repo["hooks"]]
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks)


def test_every_package_is_marked_as_typed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = [folder.parent for pattern in patterns for folder in ROOT.glob(f"{pattern}/__init__.py")]
    assert len(packages) >= 7
    assert not [package.name for package in packages if not (package / "py.typed").exists()]
