"""Public names speak the field's English: a class is a noun, a function a verb with its object, one word per thing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("flows", "tasks", "tower", "tower_animatic", "api", "deployments", "db")
DIALECT = {
    *("anew", "asked", "begun", "bury", "deaf", "evened", "felt", "given", "heard", "hung", "lies", "mend", "mends"),
    *("nobody", "said", "settle", "shown", "stubbornness", "taken", "telling", "told", "touched", "wanted"),
    *("whoever", "wish"),
}
# Fields of requests, answers, columns and stored JSON, and a code on the wire.
ON_THE_WIRE = {"mend", "asked", "cancel_asked", "taken_from_scenes", "wish", "NOT_AS_ASKED"}
FORBIDDEN_MODULES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "service", "misc"}


def test_no_public_name_is_of_the_dialect() -> None:
    names = [(path, name) for path, name in _public_names() if name not in ON_THE_WIRE]
    assert [f"{path}: {name}" for path, name in names if DIALECT & set(_words(name))] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_is_a_drawer_for_everything(folder: str) -> None:
    assert [path for path in (ROOT / folder).rglob("*.py") if path.stem in FORBIDDEN_MODULES] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_repeats_the_name_of_its_folder(folder: str) -> None:
    def repeats(path: Path) -> bool:
        return path.stem == path.parent.name or path.stem.startswith(f"{path.parent.name}_")

    assert [path for path in (ROOT / folder).rglob("*.py") if repeats(path)] == []


def _public_names() -> Iterator[tuple[Path, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text())
            for name in _names_in(tree.body):
                yield path.relative_to(ROOT), name


def _names_in(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not statement.name.startswith("_"):
                yield statement.name
                if isinstance(statement, ast.ClassDef):
                    yield from _names_in(statement.body)
        elif isinstance(statement, ast.AnnAssign | ast.Assign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name) and target.id[0] != "_")


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
