"""Several machines on one: network namespaces that are joined by a switch, with cables that can be pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

END_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")
SWITCH, SUBNET = "tower-switch", "10.77.0"
ADDRESSES = {name: f"{SUBNET}.{number}" for number, name in enumerate(("stack", "left", "right"), start=1)}


def find_obstacle() -> str | None:
    """Why no machines can be made here; None if they can."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if missing := [tool for tool in ("ip", "tc", "unshare", "setpriv") if shutil.which(tool) is None]:
        return f"{', '.join(missing)} is missing (iproute2, util-linux)"
    tried = subprocess.run(["ip", "netns", "add", "tower-probe"], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"network namespaces are forbidden here: {tried.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", "tower-probe"], check=True)
    return None


@contextmanager
def make_machines() -> Iterator[None]:
    """Make the machines, each with its address. At the end they are removed."""
    _remove_machines()
    try:
        _run("ip", "netns", "add", SWITCH)
        _run("ip", "-n", SWITCH, "link", "add", "bridge", "type", "bridge")
        _run("ip", "-n", SWITCH, "link", "set", "bridge", "up")
        for name, address in ADDRESSES.items():
            _make_machine(name, address)
        yield
    finally:
        _remove_machines()


def list_words(machine: str, command: Sequence[str]) -> list[str]:
    """The command that runs `command` on a machine, with its own name and processes. It ends with its parent."""
    own = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    named = ["sh", "-c", f'hostname {machine} && exec "$@"', "sh"]
    return [*END_WITH_PARENT, "ip", "netns", "exec", f"tower-{machine}", *own, *named, *command]


def cut(machine: str) -> None:
    """Pull the cable at the switch: what the machine sends vanishes."""
    _run("ip", "-n", SWITCH, "link", "set", machine, "down")


def connect(machine: str) -> None:
    _run("ip", "-n", SWITCH, "link", "set", machine, "up")


def slow_down(machine: str, rate: str) -> None:
    """Limit what the machine sends, for example to `40mbit` a second."""
    limit = ("tbf", "rate", rate, "burst", "64k", "latency", "400ms")
    _run("tc", "-n", f"tower-{machine}", "qdisc", "replace", "dev", "eth0", "root", *limit)


@cache
def build_shifted_clock() -> Path | None:
    """The library that shifts the clock of a process; None without a C compiler."""
    if (compiler := shutil.which("cc")) is None:
        return None
    library = Path(tempfile.mkdtemp(prefix="tower-clock-")) / "shifted_clock.so"
    source = Path(__file__).with_name("shifted_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def shift_clock(environment: Mapping[str, str], seconds: int) -> dict[str, str]:
    """The environment of processes whose clock differs by that many seconds."""
    return {**environment, "LD_PRELOAD": str(build_shifted_clock()), "CLOCK_SHIFT_S": str(seconds)}


def _make_machine(name: str, address: str) -> None:
    space = f"tower-{name}"
    _run("ip", "netns", "add", space)
    _run("ip", "-n", SWITCH, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", space)
    _run("ip", "-n", SWITCH, "link", "set", name, "master", "bridge", "up")
    _run("ip", "-n", space, "address", "add", f"{address}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        _run("ip", "-n", space, "link", "set", device, "up")


def _remove_machines() -> None:
    for name in (*(f"tower-{machine}" for machine in ADDRESSES), SWITCH):
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
