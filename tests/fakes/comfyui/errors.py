"""The ways in which the run of a prompt ends early."""

from __future__ import annotations


class RunEndedError(Exception):
    """The run of a prompt is over."""


class NodeError(RunEndedError):
    """A node raised: execution_error, with the class and the message as the real server names them."""

    def __init__(self, exception_type: str, message: str) -> None:
        super().__init__(message)
        self.exception_type, self.message = exception_type, message


class InterruptedRunError(RunEndedError):
    """The run was interrupted."""


class WorkerDiedError(RunEndedError):
    """The worker thread ends here, and the process continues without one."""


class ServerStoppedError(RunEndedError):
    """The whole server process is going down."""
