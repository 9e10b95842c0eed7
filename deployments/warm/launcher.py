"""`tower-warm-run`: the command of Tower's process pools.

Asks the zygote to fork a `prefect.engine`, forwards SIGTERM and SIGINT to it, and exits with its status. Without a
zygote it becomes a `prefect.engine` itself, which takes two seconds longer. It imports little: it starts once per run.
"""

import json
import os
import select
import signal
import socket
import sys
from types import FrameType
from typing import NoReturn

SOCKET_VARIABLE = "TOWER_WARM_SOCKET"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_ANSWER_S = 5.0


def main() -> None:
    """Run to the end of the flow run and exit with its status. Never returns."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # blocked until there is a run to forward them to
    worker = os.getppid()
    if SOCKET_VARIABLE not in os.environ or sys.platform != "linux":
        _start_cold()
    try:
        zygote, run = _request_run(os.environ[SOCKET_VARIABLE])
    except (OSError, ValueError) as error:
        print(f"tower-warm-run: no zygote, starting cold: {error}", file=sys.stderr, flush=True)  # noqa: T201 - the worker logs it
        _start_cold()
    _forward_signals(zygote, run)
    _exit_with(_wait_for_status(zygote, run, worker=worker))


def _start_cold() -> NoReturn:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    os.execv(sys.executable, [sys.executable, "-m", "prefect.engine"])


def _request_run(address: str) -> tuple[socket.socket, int]:
    """The connection to the zygote, and a pidfd of the run that it forked."""
    zygote = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    zygote.settimeout(_ANSWER_S)
    zygote.connect(address)
    zygote.send(json.dumps({"env": dict(os.environ), "cwd": os.getcwd()}).encode())  # noqa: PTH109 - pathlib costs 10 ms
    _, (run,), _, _ = socket.recv_fds(zygote, 64, 1)
    return zygote, run


def _forward_signals(zygote: socket.socket, run: int) -> None:
    def forward(number: int, _frame: FrameType | None) -> None:
        try:
            signal.pidfd_send_signal(run, number)
            zygote.send(b"T")
        except OSError:
            pass  # the run has ended, and _wait_for_status is about to read its status

    for number in _SIGNALS:
        signal.signal(number, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _wait_for_status(zygote: socket.socket, run: int, *, worker: int) -> int:
    """The exit code of the run, or minus the signal that ended it."""
    while not select.select([zygote], [], [], 1.0)[0]:
        if os.getppid() != worker:
            return 1  # the worker was killed: closing the connection makes the zygote end the run
    status = zygote.recv(64)
    if status:
        return os.waitstatus_to_exitcode(int(status))
    select.select([run], [], [])  # the zygote was killed: the run continues, wait for its end
    return 1  # the status is unknown; Prefect uses the state that the run reported


def _exit_with(code: int) -> None:
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
