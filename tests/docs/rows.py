"""Tables of a page whose rows name tests."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


def read_rows(page: Path, *, head: str) -> list[list[str]]:
    """The cells of each row of the tables whose first column is called `head`."""
    lines = (line for line in page.read_text().splitlines() if line.startswith("| "))
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith(f"| {head} ")
    ]


def list_test_names() -> set[str]:
    """The names of all test functions."""
    trees = (ast.parse(path.read_bytes()) for path in (ROOT / "tests").rglob("test_*.py"))
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
