"""The error of an assembly."""

from __future__ import annotations

from tower.errors import TowerError
from tower.errors.codes import ErrorCode


class AssemblyError(TowerError):
    """The film cannot be made, or it misses something that was promised. The film before it stays as it was."""

    code = ErrorCode.ASSEMBLY_FAILED
