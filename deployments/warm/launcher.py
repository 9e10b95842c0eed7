"""`tower-warm-run`: the command of Tower's process pools.

Has the zygote fork a `prefect.engine`, hands on SIGTERM and SIGINT to it, and ends as it ends. Without a zygote it
becomes a `prefect.engine` itself, which takes two seconds longer. Imports little: it starts once for each run.
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
    """Never returns: ends as the run ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # held back until there is a run to hand them to
    worker = os.getppid()
    if SOCKET_VARIABLE not in os.environ or sys.platform != "linux":
        _start_cold()
    try:
        zygote, run = _ask(os.environ[SOCKET_VARIABLE])
    except (OSError, ValueError) as error:
        print(f"tower-warm-run: no zygote, starting cold: {error}", file=sys.stderr, flush=True)  # noqa: T201 - the worker logs it
        _start_cold()
    _hand_on_signals(zygote, run)
    _end_as(_outcome(zygote, run, worker=worker))


def _start_cold() -> NoReturn:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    os.execv(sys.executable, [sys.executable, "-m", "prefect.engine"])


def _ask(address: str) -> tuple[socket.socket, int]:
    """The connection to the zygote, and a handle (pidfd) on the run that it forked."""
    zygote = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    zygote.settimeout(_ANSWER_S)
    zygote.connect(address)
    zygote.send(json.dumps({"env": dict(os.environ), "cwd": os.getcwd()}).encode())  # noqa: PTH109 - pathlib costs 10 ms
    _, (run,), _, _ = socket.recv_fds(zygote, 64, 1)
    return zygote, run


def _hand_on_signals(zygote: socket.socket, run: int) -> None:
    def hand_on(number: int, _frame: FrameType | None) -> None:
        try:
            signal.pidfd_send_signal(run, number)
            zygote.send(b"T")
        except OSError:
            pass  # the run has ended already, and we are about to hear of it

    for number in _SIGNALS:
        signal.signal(number, hand_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _outcome(zygote: socket.socket, run: int, *, worker: int) -> int:
    """How the run ended: its exit code, or minus the signal."""
    while not select.select([zygote], [], [], 1.0)[0]:
        if os.getppid() != worker:
            return 1  # the worker was killed: our hang-up makes the zygote end the run, which reports itself crashed
    status = zygote.recv(64)
    if status:
        return os.waitstatus_to_exitcode(int(status))
    select.select([run], [], [])  # the zygote was killed: the run goes on, see it to its end
    return 1  # not known; Prefect looks at what the run itself reported


def _end_as(code: int) -> None:
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
