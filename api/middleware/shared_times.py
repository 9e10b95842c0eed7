"""One time for each of many callers, in memory that forked processes share."""

from __future__ import annotations

import hashlib
import mmap

SLOTS = 1 << 14
REACH = 16  # slots that a caller may be in, from its own on


class SharedTimes:
    """A table of fixed size: where all slots of a caller are taken, the one whose time is earliest is forgotten.

    Nothing is locked. Two processes that write one caller's time in the same microsecond keep one of the two.
    """

    def __init__(self) -> None:
        self._callers = memoryview(mmap.mmap(-1, SLOTS * 8)).cast("Q")  # 0: nobody
        self._times = memoryview(mmap.mmap(-1, SLOTS * 8)).cast("d")

    def get(self, caller: str) -> float:
        """0 for one who is not known, or forgotten."""
        name, slots = _place(caller)
        return next((self._times[slot] for slot in slots if self._callers[slot] == name), 0.0)

    def set(self, caller: str, time_s: float) -> None:
        name, slots = _place(caller)
        slot = next((slot for slot in slots if self._callers[slot] == name), None)
        if slot is None:
            slot = min(slots, key=self._times.__getitem__)
            self._callers[slot] = name
        self._times[slot] = time_s


def _place(caller: str) -> tuple[int, list[int]]:
    name = int.from_bytes(hashlib.blake2b(caller.encode(), digest_size=8).digest(), "little") or 1
    return name, [(name + step) % SLOTS for step in range(REACH)]
