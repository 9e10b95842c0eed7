"""Makes the sound track of a film: mixed, brought to its loudness, encoded and measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tower.assembly.aac import write_silence, write_track
from tower.assembly.cut import EpisodeCut, Item, Shot, SoundRule
from tower.assembly.keys import content_key
from tower.assembly.levels import TARGET_LUFS, TOLERANCE_LU, encode_on_target
from tower.assembly.mix import CHUNK_SAMPLES, mix_sources
from tower.assembly.progress import Progress
from tower.assembly.rawmix import RawMix, write_mix
from tower.assembly.sources import Source, list_sources, to_samples
from tower.assembly.track import TrackEncoder
from tower.media.files import touch_if_present, write_atomically

WORK = 0.3  # of a frame of pictures, for the sound of one frame
QUIET_TRACK = "The film is silent: its sound track is empty."


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
    progress.end_step(f"wrote {report.parent.name}/{report.name}")
    return master


def _make(sources: Sequence[Source], total: int, cut: EpisodeCut, track: Path, progress: Progress) -> Master:
    mix = RawMix(track.with_suffix(".f32"), total)
    per_piece = WORK / 2 * CHUNK_SAMPLES / total * cut.frames
    try:
        if sources and not touch_if_present(mix.path):
            write_mix(mix_sources(sources, total), mix.path, progress, per_piece)
        if not sources or mix.is_silent():
            with write_atomically(track) as part:
                write_silence(total, part)
            return Master(track, None, None, 0.0, QUIET_TRACK)
        return _encode(mix, track, progress, per_piece)
    finally:
        if track.is_file():
            mix.path.unlink(missing_ok=True)


def _encode(mix: RawMix, track: Path, progress: Progress, per_piece: float) -> Master:
    found = encode_on_target(TrackEncoder(mix, track.parent.parent, progress), per_piece=per_piece)
    with write_atomically(track) as part:
        write_track(found.track.packets(), mix.samples, part)
    progress.end_step(f"wrote {track.parent.name}/{track.name}")
    return Master(track, found.lufs, found.peak_dbtp, found.gain_db, found.note)


def _sound_parts(item: Item, start: int) -> object:
    if not isinstance(item, Shot) or item.sound is SoundRule.DROP:
        return None
    return (start, item.take, item.first_frame, item.source_frames, item.speed, item.sound, item.gain_db)


def _report(key: str, folder: Path) -> Path:
    return folder / "sound" / f"{key}.json"
