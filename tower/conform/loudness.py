"""How loud the music is (EBU R 128), and the one factor that brings it to where it should be.

A factor, not a compressor: nothing moves in time, and the music keeps its dynamics.
"""

from __future__ import annotations

import math
import re
import subprocess
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from tower.conform.sound import RATE_HZ, Samples
from tower.errors import TowerError
from tower.errors.codes import ErrorCode
from tower.library.ffmpeg import ffmpeg

TARGET_LUFS = -14.0  # where streaming services play music
PEAK_DBTP = -1.0  # of the true peak: AAC overshoots a little
QUIETEST_LUFS = -70.0  # what EBU R 128 leaves out; FFmpeg says it for silence
SUMMARY = re.compile(r"Summary:.* I: +(?P<lufs>\S+) LUFS.* Peak: +(?P<peak>\S+) dBFS", re.DOTALL)


class LoudnessError(TowerError):
    code = ErrorCode.LOUDNESS_NOT_MEASURED


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness in LUFS, true peak in dBTP. None: silence, or shorter than 0.4 s."""

    lufs: float | None
    peak_dbtp: float | None

    @property
    def gain_db(self) -> float:
        """To the target, but no peak above PEAK_DBTP. 0 for silence."""
        if self.lufs is None or self.peak_dbtp is None:
            return 0.0
        return min(TARGET_LUFS - self.lufs, PEAK_DBTP - self.peak_dbtp)

    @property
    def gain(self) -> float:
        """The same as a factor."""
        return float(10 ** (self.gain_db / 20))


def loudness_of(pieces: Iterable[Samples], *, alive: Callable[[], None]) -> Loudness:
    """Measured by FFmpeg, to which the samples are handed: it opens no file. `alive` may raise to end it early."""
    form = ["-f", "f32le", "-ar", str(RATE_HZ), "-ac", "2", "-i", "pipe:0"]
    measure = ["-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
    command = [ffmpeg(), "-hide_banner", "-nostdin", "-protocol_whitelist", "pipe", *form, *measure]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with process:
        said: list[bytes] = []
        reader = threading.Thread(target=lambda: said.append(process.stderr.read() if process.stderr else b""))
        reader.start()
        try:
            _hand_over(pieces, process, alive)
        except BaseException:
            process.kill()
            raise
        finally:
            reader.join()
    return _read(b"".join(said))


def _hand_over(pieces: Iterable[Samples], process: subprocess.Popen[bytes], alive: Callable[[], None]) -> None:
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            for piece in pieces:
                alive()
                pipe.write(np.ascontiguousarray(piece.T).tobytes())
    except BrokenPipeError as gone:
        raise LoudnessError("FFmpeg ended before it had heard all of the music") from gone


def _read(said: bytes) -> Loudness:
    text = said.decode(errors="replace")
    found = SUMMARY.search(text)
    if found is None:
        raise LoudnessError(f"FFmpeg did not say how loud the music is: {text[-300:]}")
    lufs, peak = float(found["lufs"]), float(found["peak"])
    silent = lufs <= QUIETEST_LUFS or not math.isfinite(peak)
    return Loudness(None, None) if silent else Loudness(lufs, peak)
