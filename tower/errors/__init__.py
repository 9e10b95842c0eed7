"""The errors that a user may see. Each has a code, an HTTP status and a message of one sentence."""

from __future__ import annotations

from typing import Any

from tower.errors.codes import ErrorCode

MAX_FIELD_LENGTH = 200  # characters of the path of a refused field


class TowerError(Exception):
    """The base class. Its message is written for the user.

    `details` is copied to the error answer. For an invalid field it holds `field`, `value` and `expected`.
    """

    code: str = ErrorCode.INTERNAL_ERROR
    status = 500

    def __init__(self, message: str, *, details: dict[str, Any] | None = None, code: ErrorCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        if code is not None:
            self.code = code


class InvalidError(TowerError):
    """A value that Tower cannot accept."""

    code = ErrorCode.VALIDATION_ERROR
    status = 422

    @classmethod
    def field(cls, field: str, value: object, expected: str) -> InvalidError:
        """Create the error for one field. `expected` completes the sentence "expected …"."""
        name = field if len(field) <= MAX_FIELD_LENGTH else f"{field[: MAX_FIELD_LENGTH - 1]}…"
        return cls(
            f"Invalid {name}: expected {expected}", details={"field": name, "value": value, "expected": expected}
        )


class UnauthorizedError(TowerError):
    """The request has no API key, or an invalid one."""

    code = ErrorCode.UNAUTHORIZED
    status = 401


class ForbiddenError(TowerError):
    """The API key is valid but lacks the scope, or the request comes from a page that is not allowed."""

    code = ErrorCode.FORBIDDEN
    status = 403


class NotFoundError(TowerError):
    """The named entity does not exist."""

    code = ErrorCode.NOT_FOUND
    status = 404


class ConflictError(TowerError):
    """The current state does not allow the request."""

    code = ErrorCode.CONFLICT
    status = 409


class RateLimitedError(TowerError):
    """One caller sent too many requests."""

    code = ErrorCode.RATE_LIMITED
    status = 429


class UnavailableError(TowerError):
    """A server that Tower depends on (database, Prefect, ComfyUI) does not answer."""

    code = ErrorCode.UNAVAILABLE
    status = 503


class SupersededError(TowerError):
    """A late write of an attempt that another one has replaced, or of a job that has ended."""

    code = ErrorCode.ATTEMPT_SUPERSEDED
    status = 409


class CancelledError(TowerError):
    """The user cancelled the job. It is raised inside a run to stop it quickly."""

    code = ErrorCode.CANCELLED
    status = 409


class RenderError(TowerError):
    """The engine could not render the clip. The message has its reason."""

    code: str = ErrorCode.RENDER_FAILED
    status = 502


class MergeError(TowerError):
    """The segments cannot be joined. They stay, and the join can be retried without rendering."""

    code = ErrorCode.MERGE_FAILED
    status = 500


class StackError(TowerError):
    """The stack on this machine cannot start or stop."""

    code = ErrorCode.STACK_ERROR
    status = 503
