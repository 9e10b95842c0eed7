"""docs/errors.md: every code of ErrorCode."""

from __future__ import annotations

from docs.reference.raising import Raising, find_raising
from tower.errors.codes import ErrorCode

HEAD = """# Error codes

Made by `make docs` from `tower/errors/codes.py`.

Both APIs answer every failure as `{"error": {"code", "message", "details", "timestamp", "request_id"}}`. A generation
that failed has the code and the message in its `error`; a code without a status appears only there. Codes stay the
same; messages may change. "Raised in" lists packages.

| code | status | meaning | what to do | raised in |
|---|---|---|---|---|
"""


def page() -> str:
    raising = find_raising()
    return HEAD + "".join(_row(code, raising[code]) for code in sorted(ErrorCode))


def _row(code: ErrorCode, raising: Raising) -> str:
    statuses = ", ".join(map(str, sorted(raising.statuses))) or "–"
    packages = ", ".join(f"`{package}`" for package in sorted(raising.packages))
    return f"| `{code}` | {statuses} | {code.meaning} | {code.remedy} | {packages} |\n"
