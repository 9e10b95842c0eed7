"""Measures the sound quality of a track: clipping, loudness, silence, and whether its content matches its bitrate."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from numpy.typing import NDArray

from tower.library.ffmpeg import ffmpeg_path
from tower.library.reading import find_audio_stream, open_music
from tower.media.decode import MediaUnreadableError

CLIPPING_LEVEL, CLIPPING_RUN_SAMPLES = (
    0.9995,
    3,
)  # of full scale; consecutive samples at that level that count as clipped (one may be a peak)
SILENT_DB = -60.0  # RMS of a tenth of a second, to full scale
WINDOW_SAMPLES, MAX_WINDOWS = 4096, 400  # samples; windows spread over the track
CLIFF_DB = 20.0  # a fall in level by this much within a kilohertz is the edge of a codec
# The lowpass of LAME in Hz, as measured, and the bit rate of the mp3. Recordings end near 20 kHz by themselves.
LOWPASSES = ((12_500, 64_000), (16_300, 96_000), (17_500, 128_000), (18_500, 160_000), (19_500, 192_000))
LOSSLESS = frozenset({"flac", "alac", "pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"})
FORMATS = {"mp3": "mp3", "m4a": "mov", "flac": "flac", "ogg": "ogg", "opus": "ogg", "wav": "wav"}
SUSPECT_RATIO = 1.5  # claimed bit rate over the bit rate of the content
LOUDNESS_TIMEOUT_S = 600.0  # timeout of ffmpeg
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class SoundQuality:
    """The sound quality of a track.

    `loudness_lufs` is integrated (EBU R 128); it, `loudness_range_lu` and `true_peak_dbtp` are None in silence.
    `clipped_samples` counts all channels, in `clipped_places` runs. `silence_share` is 0–1. `cutoff_hz` is the edge
    where an encoder cut the sound, or None. `content_bitrate` is that of an mp3 with this edge; a file that claims
    more is `suspect`. `decoded_s` is the length of the decoded sound. `faults` lists the problems as text.
    """

    loudness_lufs: float | None
    loudness_range_lu: float | None
    true_peak_dbtp: float | None
    clipped_samples: int
    clipped_places: int
    leading_silence_s: float
    trailing_silence_s: float
    silence_share: float
    cutoff_hz: int | None
    content_bitrate: int | None
    claimed_bitrate: int | None
    lossless: bool
    suspect: bool
    decoded_s: float
    faults: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_quality(file: IO[bytes], path: Path, *, kind: str, codec: str, bitrate: int | None) -> SoundQuality:
    """Measure a track. It is decoded twice: here, and by ffmpeg for the loudness.

    `path` is the path of the open `file`. Raises MediaUnreadableError.
    """
    signal = _analyse_signal(file, path.name)
    loudness, spread, peak = _loudness(path, kind)
    cutoff = _cutoff_hz(signal)
    content = next((bits for edge, bits in LOWPASSES if cutoff and cutoff <= edge), None)
    lossless = codec in LOSSLESS
    suspect = content is not None and (lossless or (bitrate or 0) >= content * SUSPECT_RATIO)
    leading, trailing, share = _silences(signal)
    quality = SoundQuality(
        loudness_lufs=loudness,
        loudness_range_lu=spread,
        true_peak_dbtp=peak,
        clipped_samples=signal.clipped,
        clipped_places=signal.places,
        leading_silence_s=leading,
        trailing_silence_s=trailing,
        silence_share=share,
        cutoff_hz=cutoff,
        content_bitrate=content,
        claimed_bitrate=bitrate,
        lossless=lossless,
        suspect=suspect,
        decoded_s=round(signal.samples / signal.rate_hz, 3),
    )
    quality.faults.extend(_describe_faults(quality))
    return quality


@dataclass
class _Signal:
    rate_hz: int
    samples: int = 0
    clipped: int = 0
    places: int = 0
    levels_db: list[float] = field(default_factory=list)  # of tenths of a second
    power: Samples | None = None
    windows: int = 0
    rest: Samples = field(default_factory=lambda: np.zeros(0, np.float32))  # less than a tenth of a second


def _analyse_signal(file: IO[bytes], name: str) -> _Signal:
    with open_music(file, name) as container:
        stream = find_audio_stream(container, name)
        rate = stream.codec_context.sample_rate
        seconds = (container.duration or 0) / av.time_base
        signal = _Signal(rate)
        every_s = max(WINDOW_SAMPLES / rate, seconds / MAX_WINDOWS)
        next_at, at = 0.0, 0.0
        for piece in _pieces(container.decode(stream), rate):
            signal.samples += piece.shape[1]
            _count_clipping(signal, piece)
            mono = piece.mean(axis=0)
            _add_levels(signal, mono)
            if at >= next_at and len(mono) >= WINDOW_SAMPLES:
                _add_spectrum(signal, mono[:WINDOW_SAMPLES])
                next_at = at + every_s
            at += len(mono) / rate
    if not signal.levels_db and not len(signal.rest):
        raise MediaUnreadableError(f"{name} holds no sound that can be decoded")
    return signal


def _pieces(frames: Iterator[Any], rate: int) -> Iterator[Samples]:
    """Pieces of about a second (channels × samples, −1…1) at the file's own rate. Damaged parts are left out."""
    resampler = av.AudioResampler(format="flt")  # packed: PyAV 18 crashes on the planes of eight channels
    waiting: list[Samples] = []
    waiting_samples = 0
    try:
        for frame in frames:
            frame.pts = None
            for run in resampler.resample(frame):
                waiting.append(run.to_ndarray().astype(np.float32, copy=False).reshape(-1, run.layout.nb_channels).T)
                waiting_samples += run.samples
            if waiting_samples >= rate:
                yield np.concatenate(waiting, axis=1)
                waiting, waiting_samples = [], 0
    except av.FFmpegError:
        pass  # a truncated file is measured up to its end
    if waiting_samples:
        yield np.concatenate(waiting, axis=1)


def _count_clipping(signal: _Signal, piece: Samples) -> None:
    for channel in piece:
        full = np.concatenate(([False], np.abs(channel) >= CLIPPING_LEVEL, [False]))
        edges = np.flatnonzero(full[1:] != full[:-1])
        lengths = edges[1::2] - edges[::2]
        long = lengths[lengths >= CLIPPING_RUN_SAMPLES]
        signal.clipped += int(long.sum())
        signal.places += len(long)


def _add_levels(signal: _Signal, mono: Samples) -> None:
    size = max(1, signal.rate_hz // 10)
    samples = np.concatenate((signal.rest, mono))
    whole = len(samples) // size * size
    signal.rest = samples[whole:]
    rms = np.sqrt(np.mean(samples[:whole].reshape(-1, size).astype(np.float64) ** 2, axis=1))
    signal.levels_db += [float(level) for level in 20 * np.log10(np.maximum(rms, 1e-6))]


def _add_spectrum(signal: _Signal, window: Samples) -> None:
    power = np.abs(np.fft.rfft(window * np.hanning(WINDOW_SAMPLES))) ** 2
    signal.power = power if signal.power is None else signal.power + power
    signal.windows += 1


def _silences(signal: _Signal) -> tuple[float, float, float]:
    quiet = [level < SILENT_DB for level in signal.levels_db] or [False]
    if all(quiet):
        return len(quiet) / 10, len(quiet) / 10, 1.0
    leading, trailing = quiet.index(False) / 10, quiet[::-1].index(False) / 10
    return leading, trailing, round(sum(quiet) / len(quiet), 4)


def _cutoff_hz(signal: _Signal) -> int | None:
    """The steepest edge above 9 kHz where the level falls by CLIFF_DB within a kilohertz and stays low."""
    if signal.power is None or not signal.power.any():
        return None
    hz = signal.rate_hz / WINDOW_SAMPLES
    band = max(1, round(500 / hz))
    power = signal.power / signal.windows
    level = 10 * np.log10(np.maximum(np.convolve(power, np.ones(band) / band, "same"), 1e-14))
    first, last = round(9000 / hz), min(len(level) - 2 * band, round(20_600 / hz))
    if last <= first:
        return None
    falls = level[first - band : last - band] - level[first + band : last + band]
    steepest = int(np.argmax(falls))
    after = level[first + steepest + 2 * band :]
    before = level[first + steepest - band]
    if falls[steepest] < CLIFF_DB or (len(after) and after.max() > before - CLIFF_DB):
        return None
    return round((first + steepest) * hz / 100) * 100


def _loudness(path: Path, kind: str) -> tuple[float | None, float | None, float | None]:
    """Loudness, loudness range and true peak by ffmpeg's ebur128, restricted to this local file and its format."""
    safe = ("-protocol_whitelist", "file", "-f", FORMATS[kind])
    argv = [ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", *safe, "-i", f"file:{path}", "-map", "0:a:0"]
    argv += ["-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
    try:
        completed = subprocess.run(argv, capture_output=True, timeout=LOUDNESS_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise MediaUnreadableError(
            f"The loudness of {path.name} took longer than {LOUDNESS_TIMEOUT_S:.0f} s"
        ) from error
    summary = completed.stderr.decode(errors="replace").rpartition("Summary:")[2]
    if not summary or completed.returncode:
        raise MediaUnreadableError(f"{path.name} cannot be measured: ffmpeg ended with {completed.returncode}")
    return (
        _summary_value(summary, "I", "LUFS"),
        _summary_value(summary, "LRA", "LU"),
        _summary_value(summary, "Peak", "dBFS"),
    )


def _summary_value(summary: str, name: str, unit: str) -> float | None:
    match = re.search(rf"^\s*{name}:\s*(-?[\d.]+|-?inf|nan)\s*{unit}\s*$", summary, re.MULTILINE)
    if not match or not re.fullmatch(r"-?[\d.]+", match[1]):
        return None
    value = float(match[1])
    return None if name == "I" and value <= -70.0 else value  # the gate of EBU R 128: all of it is quieter


def _describe_faults(quality: SoundQuality) -> Sequence[str]:
    faults = []
    if quality.clipped_places:
        faults.append(f"clipped in {quality.clipped_places} places")
    if quality.silence_share == 1:
        faults.append("silent throughout")
    elif max(quality.leading_silence_s, quality.trailing_silence_s) >= 5:
        faults.append(f"{quality.leading_silence_s:.1f} s of silence before, {quality.trailing_silence_s:.1f} s after")
    if quality.suspect and quality.cutoff_hz and quality.content_bitrate:
        encoded = f"an mp3 of {quality.content_bitrate // 1000} kbit/s"
        edge = f"its sound ends at {quality.cutoff_hz / 1000:.1f} kHz, as that of {encoded}"
        claim = "lossless" if quality.lossless else f"of {(quality.claimed_bitrate or 0) // 1000} kbit/s"
        faults.append(f"{edge}; the file claims to be {claim}")
    return faults
