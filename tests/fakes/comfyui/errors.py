"""The ways in which the run of a prompt ends early."""

from __future__ import annotations


class EndedError(Exception):
    """The run of a prompt is over."""


class NodeError(EndedError):
    """A node raised: execution_error, with the class and the message as the real server names them."""

    def __init__(self, exception_type: str, message: str) -> None:
        super().__init__(message)
        self.exception_type, self.message = exception_type, message


class InterruptedRunError(EndedError):
    """The run was interrupted."""


class WorkerDiedError(EndedError):
    """The worker thread ends here, and the process goes on without one."""


class ProcessEndedError(EndedError):
    """The whole server process is going down."""
