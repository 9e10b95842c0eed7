"""Measures the loudness of the music (EBU R 128) and the constant factor that brings it to the target.

It is a factor and not a compressor, so the music keeps its timing and its dynamics.
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
from tower.library.ffmpeg import ffmpeg_path

TARGET_LUFS = -14.0  # the playback level of streaming services
PEAK_DBTP = -1.0  # limit of the true peak: AAC overshoots a little
QUIETEST_LUFS = -70.0  # the gate of EBU R 128; FFmpeg reports it for silence
SUMMARY_PATTERN = re.compile(r"Summary:.* I: +(?P<lufs>\S+) LUFS.* Peak: +(?P<peak>\S+) dBFS", re.DOTALL)


class LoudnessError(TowerError):
    code = ErrorCode.LOUDNESS_NOT_MEASURED


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness and true peak. Both are None for silence and for less than 0.4 s of sound."""

    lufs: float | None
    peak_dbtp: float | None

    @property
    def gain_db(self) -> float:
        """The gain to TARGET_LUFS, limited so that no peak exceeds PEAK_DBTP. 0 for silence."""
        if self.lufs is None or self.peak_dbtp is None:
            return 0.0
        return min(TARGET_LUFS - self.lufs, PEAK_DBTP - self.peak_dbtp)

    @property
    def gain(self) -> float:
        """The gain as a factor."""
        return float(10 ** (self.gain_db / 20))


def measure_loudness(pieces: Iterable[Samples], *, check_alive: Callable[[], None]) -> Loudness:
    """Measure samples with FFmpeg, which reads a pipe and opens no file. `check_alive` may raise to end it."""
    form = ["-f", "f32le", "-ar", str(RATE_HZ), "-ac", "2", "-i", "pipe:0"]
    measure = ["-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-protocol_whitelist", "pipe", *form, *measure]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with process:
        output: list[bytes] = []
        reader = threading.Thread(target=lambda: output.append(process.stderr.read() if process.stderr else b""))
        reader.start()
        try:
            _write_samples(pieces, process, check_alive)
        except BaseException:
            process.kill()
            raise
        finally:
            reader.join()
    return _parse_summary(b"".join(output))


def _write_samples(pieces: Iterable[Samples], process: subprocess.Popen[bytes], alive: Callable[[], None]) -> None:
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            for piece in pieces:
                alive()
                pipe.write(np.ascontiguousarray(piece.T).tobytes())
    except BrokenPipeError as error:
        raise LoudnessError("FFmpeg ended before it had read all of the music") from error


def _parse_summary(output: bytes) -> Loudness:
    text = output.decode(errors="replace")
    found = SUMMARY_PATTERN.search(text)
    if found is None:
        raise LoudnessError(f"FFmpeg did not report the loudness of the music: {text[-300:]}")
    lufs, peak = float(found["lufs"]), float(found["peak"])
    silent = lufs <= QUIETEST_LUFS or not math.isfinite(peak)
    return Loudness(None, None) if silent else Loudness(lufs, peak)
