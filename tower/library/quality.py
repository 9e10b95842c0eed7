"""How good the sound of a track is: clipping, loudness, silence, and whether its bitrate holds what it claims."""

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

from tower.library.ffmpeg import ffmpeg
from tower.library.reading import opened_music, sound_of
from tower.media.decode import MediaUnreadableError

FULL, RUN = 0.9995, 3  # of full scale; samples in a row that are there: one alone may be a peak
SILENT_DB = -60.0  # RMS of a tenth of a second, to full scale
WINDOW, MOST_WINDOWS = 4096, 400  # samples; spread over the track
CLIFF_DB = 20.0  # by which the level must fall within a kilohertz to be a codec's doing
# Where LAME cuts off, in Hz, by the bit rate of the mp3, measured. Nearer to 20 kHz recordings end by themselves.
LOWPASSES = ((12_500, 64_000), (16_300, 96_000), (17_500, 128_000), (18_500, 160_000), (19_500, 192_000))
LOSSLESS = frozenset({"flac", "alac", "pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"})
FORMATS = {"mp3": "mp3", "m4a": "mov", "flac": "flac", "ogg": "ogg", "opus": "ogg", "wav": "wav"}
CLAIMS_TOO_MUCH = 1.5
LOUDNESS_S = 600.0
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Quality:
    """`loudness_lufs` integrated (EBU R 128), `loudness_range_lu`, `true_peak_dbtp`: null in silence.

    `clipped_samples` over all channels, in `clipped_places` runs; silences in seconds, `silence_share` 0–1.
    `cutoff_hz`: where the sound ends as an encoder ends it; null: no such edge. `content_bitrate`: of an mp3 with that
    edge. `suspect`: the file claims more than that. `faults`: all that, in words.
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
    faults: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(file: IO[bytes], path: Path, *, kind: str, codec: str, bitrate: int | None) -> Quality:
    """Decodes the whole track, twice: here, and in ffmpeg for its loudness. `path` names what `file` has open.

    Raises MediaUnreadableError.
    """
    ear = _listen(file, path.name)
    loudness, spread, peak = _loudness(path, kind)
    cutoff = _cutoff_hz(ear)
    content = next((bits for edge, bits in LOWPASSES if cutoff and cutoff <= edge), None)
    lossless = codec in LOSSLESS
    suspect = content is not None and (lossless or (bitrate or 0) >= content * CLAIMS_TOO_MUCH)
    leading, trailing, share = _silences(ear)
    found = Quality(
        loudness_lufs=loudness,
        loudness_range_lu=spread,
        true_peak_dbtp=peak,
        clipped_samples=ear.clipped,
        clipped_places=ear.places,
        leading_silence_s=leading,
        trailing_silence_s=trailing,
        silence_share=share,
        cutoff_hz=cutoff,
        content_bitrate=content,
        claimed_bitrate=bitrate,
        lossless=lossless,
        suspect=suspect,
    )
    found.faults.extend(_in_words(found))
    return found


@dataclass
class _Ear:
    rate_hz: int
    clipped: int = 0
    places: int = 0
    levels_db: list[float] = field(default_factory=list)  # of tenths of a second
    power: Samples | None = None
    windows: int = 0
    rest: Samples = field(default_factory=lambda: np.zeros(0, np.float32))  # less than a tenth of a second


def _listen(file: IO[bytes], name: str) -> _Ear:
    with opened_music(file, name) as container:
        stream = sound_of(container, name)
        rate = stream.codec_context.sample_rate
        seconds = (container.duration or 0) / av.time_base
        ear = _Ear(rate)
        every_s = max(WINDOW / rate, seconds / MOST_WINDOWS)
        next_at, at = 0.0, 0.0
        for piece in _pieces(container.decode(stream), rate):
            _clipping(ear, piece)
            mono = piece.mean(axis=0)
            _hear_levels(ear, mono)
            if at >= next_at and len(mono) >= WINDOW:
                _add_spectrum(ear, mono[:WINDOW])
                next_at = at + every_s
            at += len(mono) / rate
    if not ear.levels_db and not len(ear.rest):
        raise MediaUnreadableError(f"{name} holds no sound that can be decoded")
    return ear


def _pieces(frames: Iterator[Any], rate: int) -> Iterator[Samples]:
    """About a second each (channels × samples, −1…1), at the file's own rate. What does not decode is left out."""
    resampler = av.AudioResampler(format="flt")  # packed: PyAV 18 crashes on the planes of eight channels
    waiting: list[Samples] = []
    held = 0
    try:
        for frame in frames:
            frame.pts = None
            for run in resampler.resample(frame):
                waiting.append(run.to_ndarray().astype(np.float32, copy=False).reshape(-1, run.layout.nb_channels).T)
                held += run.samples
            if held >= rate:
                yield np.concatenate(waiting, axis=1)
                waiting, held = [], 0
    except av.FFmpegError:
        pass  # cut off: what came before is measured
    if held:
        yield np.concatenate(waiting, axis=1)


def _clipping(ear: _Ear, piece: Samples) -> None:
    for channel in piece:
        full = np.concatenate(([False], np.abs(channel) >= FULL, [False]))
        edges = np.flatnonzero(full[1:] != full[:-1])
        lengths = edges[1::2] - edges[::2]
        long = lengths[lengths >= RUN]
        ear.clipped += int(long.sum())
        ear.places += len(long)


def _hear_levels(ear: _Ear, mono: Samples) -> None:
    size = max(1, ear.rate_hz // 10)
    heard = np.concatenate((ear.rest, mono))
    whole = len(heard) // size * size
    ear.rest = heard[whole:]
    rms = np.sqrt(np.mean(heard[:whole].reshape(-1, size).astype(np.float64) ** 2, axis=1))
    ear.levels_db += [float(level) for level in 20 * np.log10(np.maximum(rms, 1e-6))]


def _add_spectrum(ear: _Ear, window: Samples) -> None:
    power = np.abs(np.fft.rfft(window * np.hanning(WINDOW))) ** 2
    ear.power = power if ear.power is None else ear.power + power
    ear.windows += 1


def _silences(ear: _Ear) -> tuple[float, float, float]:
    quiet = [level < SILENT_DB for level in ear.levels_db] or [False]
    if all(quiet):
        return len(quiet) / 10, len(quiet) / 10, 1.0
    leading, trailing = quiet.index(False) / 10, quiet[::-1].index(False) / 10
    return leading, trailing, round(sum(quiet) / len(quiet), 4)


def _cutoff_hz(ear: _Ear) -> int | None:
    """The highest edge above 9 kHz where the level falls by CLIFF_DB within a kilohertz, with nothing after it."""
    if ear.power is None or not ear.power.any():
        return None
    hz = ear.rate_hz / WINDOW
    band = max(1, round(500 / hz))
    power = ear.power / ear.windows
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
    """By ffmpeg's ebur128, of this one local file in this one format."""
    safe = ("-protocol_whitelist", "file", "-f", FORMATS[kind])
    argv = [ffmpeg(), "-hide_banner", "-nostdin", "-nostats", *safe, "-i", f"file:{path}", "-map", "0:a:0"]
    argv += ["-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
    try:
        said = subprocess.run(argv, capture_output=True, timeout=LOUDNESS_S, check=False)
    except subprocess.TimeoutExpired as slow:
        raise MediaUnreadableError(f"The loudness of {path.name} took longer than {LOUDNESS_S:.0f} s") from slow
    summary = said.stderr.decode(errors="replace").rpartition("Summary:")[2]
    if not summary or said.returncode:
        raise MediaUnreadableError(f"{path.name} cannot be measured: ffmpeg ended with {said.returncode}")
    return _said(summary, "I", "LUFS"), _said(summary, "LRA", "LU"), _said(summary, "Peak", "dBFS")


def _said(summary: str, name: str, unit: str) -> float | None:
    found = re.search(rf"^\s*{name}:\s*(-?[\d.]+|-?inf|nan)\s*{unit}\s*$", summary, re.MULTILINE)
    if not found or not re.fullmatch(r"-?[\d.]+", found[1]):
        return None
    value = float(found[1])
    return None if name == "I" and value <= -70.0 else value  # the gate: there was nothing louder


def _in_words(found: Quality) -> Sequence[str]:
    said = []
    if found.clipped_places:
        said.append(f"clipped in {found.clipped_places} places")
    if found.silence_share == 1:
        said.append("silent throughout")
    elif max(found.leading_silence_s, found.trailing_silence_s) >= 5:
        said.append(f"{found.leading_silence_s:.1f} s of silence before, {found.trailing_silence_s:.1f} s after")
    if found.suspect and found.cutoff_hz and found.content_bitrate:
        encoded = f"an mp3 of {found.content_bitrate // 1000} kbit/s"
        edge = f"its sound ends at {found.cutoff_hz / 1000:.1f} kHz, as that of {encoded}"
        claim = "lossless" if found.lossless else f"of {(found.claimed_bitrate or 0) // 1000} kbit/s"
        said.append(f"{edge}; the file claims to be {claim}")
    return said
