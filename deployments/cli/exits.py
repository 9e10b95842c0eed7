"""The exit codes of `tower`, as docs/cli.md lists them."""

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    FAILED = 1  # the work was tried and failed
    USAGE = 2  # the command was called wrongly
    NO_STACK = 3  # the stack does not run, or cannot start
    NOT_FOUND = 4  # no such job
    INTERRUPTED = 130  # Ctrl-C, or the job was cancelled
