"""Where the source raises each error code, and with which HTTP status."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from api.errors import CODE_BY_STATUS
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.errors import TowerError
from tower.errors.codes import ErrorCode

ROOT = Path(__file__).parents[2]
DEFINED_IN = ROOT / "tower" / "errors"
PACKAGES = ("api", "deployments", "flows", "tasks", "tower", "tower_animatic")


@dataclass(frozen=True)
class ErrorClass:
    """A class of the TowerError family, as the source defines it."""

    code: ErrorCode
    status: int


@dataclass
class Raising:
    """The statuses that a code is answered with, and the packages that raise it."""

    statuses: set[int] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)


def find_raising() -> Mapping[ErrorCode, Raising]:
    trees = {path: ast.parse(path.read_text()) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    family = _family(node for tree in trees.values() for node in ast.walk(tree))
    found: defaultdict[ErrorCode, Raising] = defaultdict(Raising)
    for status, code in CODE_BY_STATUS.items():
        found[code].statuses.add(status)
    for fault in ComfyUIFault:
        found[ErrorCode[fault.value]].statuses.add(ComfyUIError.status)
    for path, tree in trees.items():
        if path.parent == DEFINED_IN:
            continue
        for code, statuses in _uses(tree, family):
            found[code].packages.add(str(path.parent.relative_to(ROOT)))
            found[code].statuses |= statuses
    return found


def _family(nodes: Iterable[ast.AST]) -> dict[str, ErrorClass]:
    """The family of TowerError by name. A class without a code or a status has that of its base."""
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    family = {TowerError.__name__: ErrorClass(ErrorCode.INTERNAL_ERROR, TowerError.status)}
    while True:
        derived = [node for node in classes if node.name not in family and _base(node) in family]
        if not derived:
            return family
        for node in derived:
            own = {target: value for target, value in map(_assigned, node.body) if target}
            code, status, base = own.get("code"), own.get("status"), family[_base(node)]
            family[node.name] = ErrorClass(
                ErrorCode[code.attr] if isinstance(code, ast.Attribute) else base.code,
                int(ast.unparse(status)) if status else base.status,
            )


def _uses(tree: ast.Module, family: Mapping[str, ErrorClass]) -> Iterator[tuple[ErrorCode, set[int]]]:
    """Calls of the family, and codes that are named without one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (error := family.get(_called(node.func))):
            given = next((word.value for word in node.keywords if word.arg == "code"), None)
            yield _member(given) or _fault_of(node) or error.code, {error.status}
        elif code := _member(node):
            yield code, set()


def _fault_of(call: ast.Call) -> ErrorCode | None:
    return _member(call.args[0]) if call.args else None


def _member(node: ast.AST | None) -> ErrorCode | None:
    """`ErrorCode.X` or `ComfyUIFault.X`."""
    match node:
        case ast.Attribute(value=ast.Name(id="ErrorCode"), attr=name) if name in ErrorCode.__members__:
            return ErrorCode[name]
        case ast.Attribute(value=ast.Name(id="ComfyUIFault"), attr=name) if name in ComfyUIFault.__members__:
            return ErrorCode[ComfyUIFault[name].value]
    return None


def _called(function: ast.expr) -> str:
    """The class of `InvalidError(…)`, `errors.InvalidError(…)` and `InvalidError.field(…)`."""
    match function:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id=name), attr="field") | ast.Attribute(attr=name):
            return name
    return ""


def _base(node: ast.ClassDef) -> str:
    return _called(node.bases[0]) if node.bases else ""


def _assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            return name, value
    return "", None
