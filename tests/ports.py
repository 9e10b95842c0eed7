"""Port offsets for stacks that run at the same time."""

from __future__ import annotations

import random
import socket
from dataclasses import astuple

from tower.settings import LOOPBACK_HOST, Ports


def find_free_offset() -> int:
    """An offset at which every port of a stack is free now."""
    while True:
        offset = random.randrange(1000, 18_000)
        if all(_free(port) for port in astuple(Ports.shifted(offset))):
            return offset


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK_HOST, port)) != 0
