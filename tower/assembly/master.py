"""Makes the sound track of a film: mixed, brought to its loudness, encoded, and measured as it is encoded.

Measured twice, the mix and the encoded track, as encoding moves both loudness and peaks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tower.assembly.aac import encode_track, write_silence
from tower.assembly.cut import EpisodeCut, Item, Shot, SoundRule
from tower.assembly.errors import AssemblyError
from tower.assembly.keys import content_key
from tower.assembly.limiter import limit_peaks
from tower.assembly.mix import CHUNK_SAMPLES, mix_sources
from tower.assembly.progress import Progress
from tower.assembly.sources import Source, list_sources, to_samples
from tower.conform.loudness import Loudness, measure_loudness
from tower.conform.sound import Samples
from tower.media.files import touch_if_present, write_atomically

TARGET_LUFS, TOLERANCE_LU = -16.0, 0.5
PEAK_DBTP = -1.0
MAX_GAIN_DB = 30.0  # more would make noise of what was meant to be silence
MAX_LIMITING_DB = 12.0  # more would be audible
TRIES = 6
WORK = 0.3  # of a frame of pictures, for the sound of one frame
QUIET_TRACK = "The film is silent: its sound track is empty."
SHORT_TRACK = "The sound is shorter than 0.4 s or below -70 LUFS, so it has no loudness and is left as it is."
DYNAMIC_TRACK = "Its peaks stand too far above the rest: at -16 LUFS they would have to be lowered by more than 12 dB."
FAINT_TRACK = "It is so quiet that more than 30 dB of gain would be needed."


@dataclass(frozen=True)
class Master:
    """The encoded sound track. `lufs` and `peak_dbtp` are measured on it; None for silence.

    `gain_db` is what the mix was raised by. `note` says why the track has not its target loudness.
    """

    path: Path
    lufs: float | None
    peak_dbtp: float | None
    gain_db: float
    note: str | None

    @property
    def is_on_target(self) -> bool:
        return self.lufs is not None and abs(self.lufs - TARGET_LUFS) <= TOLERANCE_LU


def is_cached(key: str, folder: Path) -> bool:
    return _report(key, folder).is_file()


def master_key(cut: EpisodeCut) -> str:
    """The key of everything in the sound track."""
    sounds = [_sound_parts(item, start) for item, start in zip(cut.items, cut.starts, strict=True)]
    return content_key("sound", cut.form.fps, cut.frames, sounds, cut.transitions, cut.music, cut.speech)


def make_master(cut: EpisodeCut, folder: Path, progress: Progress) -> Master:
    """The sound track, from the cache if none of its sounds has changed."""
    key = master_key(cut)
    track, report = folder / "sound" / f"{key}.m4a", _report(key, folder)
    if touch_if_present(report) and touch_if_present(track):
        return Master(path=track, **json.loads(report.read_text()))
    master = _make(list_sources(cut), to_samples(cut, cut.frames), cut, track, progress)
    with write_atomically(report) as part:
        part.write_text(json.dumps({name: value for name, value in asdict(master).items() if name != "path"}))
    return master


def _make(sources: Sequence[Source], total: int, cut: EpisodeCut, track: Path, progress: Progress) -> Master:
    if not sources:
        with write_atomically(track) as part:
            write_silence(total, part)
        return Master(track, None, None, 0.0, QUIET_TRACK)
    raw = track.with_suffix(".f32")
    per_piece = WORK / 2 * CHUNK_SAMPLES / total * cut.frames
    try:
        if not raw.is_file():
            with write_atomically(raw) as part:
                _write_raw(mix_sources(sources, total), part, progress, per_piece)
        return _encode(raw, track, progress, per_piece)
    finally:
        if track.is_file():
            raw.unlink(missing_ok=True)


def _write_raw(pieces: Iterable[Samples], part: Path, progress: Progress, per_piece: float) -> None:
    with part.open("wb") as file:
        for piece in pieces:
            file.write(np.ascontiguousarray(piece.T, np.float32).tobytes())
            progress.advance(per_piece)


def _read_raw(raw: Path) -> Iterator[Samples]:
    with raw.open("rb") as file:
        while data := file.read(CHUNK_SAMPLES * 8):
            yield np.frombuffer(data, np.float32).reshape(-1, 2).T


def _encode(raw: Path, track: Path, progress: Progress, per_piece: float) -> Master:
    mix = measure_loudness(_read_raw(raw), check_alive=progress.advance)
    if mix.lufs is None or mix.peak_dbtp is None:
        is_silent = not any(piece.any() for piece in _read_raw(raw))
        _write_track(_read_raw(raw), track, progress, per_piece)
        return Master(track, None, mix.peak_dbtp, 0.0, QUIET_TRACK if is_silent else SHORT_TRACK)
    gain_db, note = _first_gain(mix.lufs, mix.peak_dbtp)
    ceiling_db = PEAK_DBTP - 0.3  # AAC overshoots a little
    step = 0.5
    for number in range(1, TRIES + 1):
        pieces = _with_gain(_read_raw(raw), gain_db, ceiling_db)
        found = _write_track(pieces, track, progress, per_piece)
        if found.lufs is None or found.peak_dbtp is None:
            break
        off_lu, over_db = TARGET_LUFS - found.lufs, found.peak_dbtp - PEAK_DBTP
        is_near = abs(off_lu) <= TOLERANCE_LU - 0.2
        if over_db <= 0 and (note or is_near or number == TRIES):
            return Master(track, found.lufs, found.peak_dbtp, gain_db, note if note or is_near else DYNAMIC_TRACK)
        if over_db > 0:
            ceiling_db = min(ceiling_db, mix.peak_dbtp + gain_db) - over_db - 0.1
        if note is None and not is_near:
            step = min(4.0, step * 2)  # the limiter takes a part of each gain
            gain_db += step * off_lu
            note = DYNAMIC_TRACK if mix.peak_dbtp + gain_db - ceiling_db > MAX_LIMITING_DB else None
    track.unlink(missing_ok=True)
    raise AssemblyError(f"The sound cannot be encoded at {TARGET_LUFS:g} LUFS with peaks below {PEAK_DBTP:g} dBTP")


def _first_gain(lufs: float, peak_dbtp: float) -> tuple[float, str | None]:
    """The gain to the target, within what sounds well, and the reason if it is less."""
    wanted = TARGET_LUFS - lufs
    most_by_peak = PEAK_DBTP - 0.3 - peak_dbtp + MAX_LIMITING_DB
    limits = [(wanted, None), (MAX_GAIN_DB, FAINT_TRACK), (most_by_peak, DYNAMIC_TRACK)]
    return min(limits, key=lambda limit: limit[0])


def _with_gain(pieces: Iterable[Samples], gain_db: float, ceiling_db: float) -> Iterator[Samples]:
    factor = np.float32(10 ** (gain_db / 20))
    return limit_peaks((piece * factor for piece in pieces), float(10 ** (ceiling_db / 20)))


def _write_track(pieces: Iterable[Samples], track: Path, progress: Progress, per_piece: float) -> Loudness:
    """Encode the samples, and measure what a player decodes, while it is encoded."""

    def counted() -> Iterator[Samples]:
        for piece in pieces:
            progress.advance(per_piece)
            yield piece

    with write_atomically(track) as part:
        return measure_loudness(encode_track(counted(), part), check_alive=progress.advance)


def _sound_parts(item: Item, start: int) -> object:
    if not isinstance(item, Shot) or item.sound is SoundRule.DROP:
        return None
    return (start, item.take, item.first_frame, item.source_frames, item.speed, item.sound, item.gain_db)


def _report(key: str, folder: Path) -> Path:
    return folder / "sound" / f"{key}.json"
