"""The exit codes of `tower`, also used to generate docs/cli-reference.md."""

from collections.abc import Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NO_STACK = 3
    NOT_FOUND = 4
    INTERRUPTED = 130


EXIT_MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "the work failed, or the request came too late",
    ExitCode.USAGE: "wrong usage: an option, a value or a file that Tower cannot accept",
    ExitCode.NO_STACK: "the stack does not run, or cannot start",
    ExitCode.NOT_FOUND: "there is no such job, project, scene, character, branch or workflow",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C, or the job was cancelled",
}
