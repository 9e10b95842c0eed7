"""Keeps one time per caller, in memory that forked processes share."""

from __future__ import annotations

import hashlib
import mmap

SLOTS = 1 << 14
SLOTS_PER_CALLER = 16  # neighbouring slots that a caller may use


class SharedTimes:
    """A hash table of fixed size. When all slots of a caller are in use, the one with the earliest time is reused.

    There is no lock. If two processes write the time of one caller at the same moment, one of the two times is kept.
    """

    def __init__(self) -> None:
        self._callers = memoryview(mmap.mmap(-1, SLOTS * 8)).cast("Q")  # 0: the slot is free
        self._times = memoryview(mmap.mmap(-1, SLOTS * 8)).cast("d")

    def get(self, caller: str) -> float:
        """The caller's time, or 0 if none is kept."""
        name, slots = _slots(caller)
        return next((self._times[slot] for slot in slots if self._callers[slot] == name), 0.0)

    def set(self, caller: str, time_s: float) -> None:
        name, slots = _slots(caller)
        slot = next((slot for slot in slots if self._callers[slot] == name), None)
        if slot is None:
            slot = min(slots, key=self._times.__getitem__)
            self._callers[slot] = name
        self._times[slot] = time_s


def _slots(caller: str) -> tuple[int, list[int]]:
    name = int.from_bytes(hashlib.blake2b(caller.encode(), digest_size=8).digest(), "little") or 1
    return name, [(name + step) % SLOTS for step in range(SLOTS_PER_CALLER)]
