"""Paths and modules named in documents, docstrings and comments exist."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("flows", "tasks", "deployments", "db", "tower", "api", "tower_animatic", "tests", "benchmarks", "docs")
PATH = re.compile(rf"(?<![\w/.<>:-])(?:{'|'.join(FOLDERS)})/[\w/.*-]*\w/?(?![\w<{{])")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
MODULE = re.compile(rf"(?:python -m |`)((?:{'|'.join(FOLDERS)})(?:\.\w+)+)(?![\w.])")


def documents() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def sources() -> list[Path]:
    """Only sources with a suspicious name, because parsing all of them takes seven seconds."""
    every = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return [path for path in every if absent_names(path.read_text())]


def prose(source: Path) -> Iterator[str]:
    """Docstrings and comments."""
    with tokenize.open(source) as file:
        yield from (token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT)
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def absent_names(text: str) -> set[str]:
    return absent_paths(text) | absent_modules(text)


def absent_paths(text: str) -> set[str]:
    """A path with * must match something."""
    return {path for path in PATH.findall(text) if not any(ROOT.glob(path.rstrip("/")))}


def absent_links(document: Path) -> set[str]:
    """Links to files, taken from the document's own folder."""
    return {link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()}


def absent_modules(text: str) -> set[str]:
    """Dotted names that are neither a module nor an attribute of a module."""
    return {name for name in MODULE.findall(text) if not is_module(name) and not is_defined(name)}


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def is_defined(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    path = ROOT / module.replace(".", "/")
    files = [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
    return any(re.search(rf"\b{attribute}\b", file.read_text()) for file in files)


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_a_document_names_only_existing_paths(document: Path) -> None:
    assert absent_names(document.read_text()) | absent_links(document) == set()


def test_a_journey_visits_each_file_once() -> None:
    journeys = (ROOT / "ARCHITECTURE.md").read_text().split("## Journeys")[1].split("## Where does X go?")[0]
    for journey in journeys.split("### ")[1:]:
        files = re.findall(r"`([\w/]+\.py)`", journey)
        assert len(files) >= 5, journey
        assert sorted(files) == sorted(set(files)), journey


def test_docstrings_and_comments_name_only_existing_paths() -> None:
    absent = {str(path.relative_to(ROOT)): absent_names("\n".join(prose(path))) for path in sources()}
    assert {path: names for path, names in absent.items() if names} == {}


def test_an_absent_name_is_detected() -> None:
    text = "See `tower/nothing.py`, tests/fakes/comfyui/, `python -m benchmarks.none` and `tower.errors.TowerError`."
    assert absent_paths(text) == {"tower/nothing.py"}
    assert absent_modules(text) == {"benchmarks.none"}
