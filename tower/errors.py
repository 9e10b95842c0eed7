"""The one family of errors that may reach a user. Each has a code, an HTTP status and one sentence."""

from __future__ import annotations

from typing import Any


class TowerError(Exception):
    """An error with a message that is fit for the user.

    `details` goes into the documented envelope as it is; for a refused field it holds `field`, `value` and `expected`.
    """

    code = "INTERNAL_ERROR"
    status = 500

    def __init__(self, message: str, *, details: dict[str, Any] | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        if code is not None:
            self.code = code


class InvalidError(TowerError):
    """A value that Tower cannot accept."""

    code = "VALIDATION_ERROR"
    status = 422

    @classmethod
    def field(cls, field: str, value: object, expected: str) -> InvalidError:
        return cls(
            f"Invalid {field}: expected {expected}", details={"field": field, "value": value, "expected": expected}
        )


class UnauthorizedError(TowerError):
    """No API key, or none that is good."""

    code = "UNAUTHORIZED"
    status = 401


class ForbiddenError(TowerError):
    """A good API key that does not allow this, or a request that only a stranger's page would send."""

    code = "FORBIDDEN"
    status = 403


class NotFoundError(TowerError):
    code = "NOT_FOUND"
    status = 404


class ConflictError(TowerError):
    code = "CONFLICT"
    status = 409


class RateLimitedError(TowerError):
    """Too many requests from one caller."""

    code = "RATE_LIMITED"
    status = 429


class UnavailableError(TowerError):
    """Something that Tower stands on (database, Prefect, ComfyUI) does not answer."""

    code = "UNAVAILABLE"
    status = 503


class SupersededError(TowerError):
    """A late result of an attempt that was given up."""

    code = "ATTEMPT_SUPERSEDED"
    status = 409


class CancelledError(TowerError):
    """The user cancelled the job. Raised inside a run to leave it quickly."""

    code = "CANCELLED"
    status = 409


class RenderError(TowerError):
    """The engine could not make the clip, and said why."""

    code = "RENDER_FAILED"
    status = 502


class MergeError(TowerError):
    """The segments cannot be joined. They are kept, and joining can be tried again without rendering."""

    code = "MERGE_FAILED"
    status = 500


class StackError(TowerError):
    """The stack on this machine cannot start or stop as asked."""

    code = "STACK_ERROR"
    status = 503
