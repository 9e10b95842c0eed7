"""The one family of errors that may reach a user. Each has a code, an HTTP status and one sentence."""

from __future__ import annotations

from typing import Any

from tower.errors.codes import ErrorCode


class TowerError(Exception):
    """An error with a message that is fit for the user.

    `details` goes into the documented envelope as it is; for a refused field it holds `field`, `value` and `expected`.
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
        return cls(
            f"Invalid {field}: expected {expected}", details={"field": field, "value": value, "expected": expected}
        )


class UnauthorizedError(TowerError):
    """No API key, or none that is good."""

    code = ErrorCode.UNAUTHORIZED
    status = 401


class ForbiddenError(TowerError):
    """A good API key that does not allow this, or a request that only a stranger's page would send."""

    code = ErrorCode.FORBIDDEN
    status = 403


class NotFoundError(TowerError):
    code = ErrorCode.NOT_FOUND
    status = 404


class ConflictError(TowerError):
    code = ErrorCode.CONFLICT
    status = 409


class RateLimitedError(TowerError):
    """Too many requests from one caller."""

    code = ErrorCode.RATE_LIMITED
    status = 429


class UnavailableError(TowerError):
    """Something that Tower stands on (database, Prefect, ComfyUI) does not answer."""

    code = ErrorCode.UNAVAILABLE
    status = 503


class SupersededError(TowerError):
    """A late result of an attempt that was given up."""

    code = ErrorCode.ATTEMPT_SUPERSEDED
    status = 409


class CancelledError(TowerError):
    """The user cancelled the job. Raised inside a run to leave it quickly."""

    code = ErrorCode.CANCELLED
    status = 409


class RenderError(TowerError):
    """The engine could not make the clip, and said why."""

    code: str = ErrorCode.RENDER_FAILED
    status = 502


class MergeError(TowerError):
    """The segments cannot be joined. They are kept, and joining can be tried again without rendering."""

    code = ErrorCode.MERGE_FAILED
    status = 500


class StackError(TowerError):
    """The stack on this machine cannot start or stop as asked."""

    code = ErrorCode.STACK_ERROR
    status = 503
