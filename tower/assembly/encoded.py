"""Encodes and measures slices of the sound, which are cached, and finds where two of them join."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from tower.assembly.aac import FRAME_SAMPLES, can_follow, decode_packets, encode_packets
from tower.assembly.keys import content_key
from tower.assembly.limiter import limit_peaks
from tower.assembly.meter import STEP_SAMPLES, Measure, PeakKind, measure_part
from tower.assembly.mix import CHUNK_SAMPLES
from tower.assembly.progress import Progress
from tower.assembly.rawmix import RawMix
from tower.assembly.slices import SPARE_PACKETS, Level, Slice
from tower.conform.sound import Samples
from tower.media.files import touch_if_present, write_atomically

LEAD_STEPS = 4  # in which the meter settles
SILENT_TAIL = np.zeros((2, 2 * STEP_SAMPLES), np.float32)  # after the film, so that the meter finds its last peak


@dataclass(frozen=True)
class EncodedSlice:
    """The file of a slice, with the packets that it keeps."""

    part: Slice
    path: Path
    sizes: tuple[int, ...]
    measure: Measure

    def read(self, first: int, end: int) -> Iterator[bytes]:
        """The packets of the film from `first` until before `end`."""
        skip, past = first - self.part.kept_packets[0], end - self.part.kept_packets[0]
        with self.path.open("rb") as file:
            file.readline()
            file.seek(sum(self.sizes[:skip]), 1)
            for size in self.sizes[skip:past]:
                yield file.read(size)


def slice_path(part: Slice, digest: str, level: Level, folder: Path) -> Path:
    """`digest` is that of the pieces of the mix."""
    ceilings = [level.ceiling_db(piece) for piece in range(*part.pieces)]
    length = part.samples - part.first * FRAME_SAMPLES if part.is_last else part.end - part.first
    key = content_key("slice", digest, level.gain_db, ceilings, part.first == 0, part.is_last, length)
    return folder / "slices" / f"{key}.aac"


def encode_slice(part: Slice, mix: RawMix, level: Level, target: Path, progress: Progress) -> EncodedSlice:
    """Write the packets of a slice, unless they are cached, with what a player decodes from them, measured."""
    if touch_if_present(target):
        return read_slice(part, target)
    start = part.encoded_samples[0] // FRAME_SAMPLES
    packets = encode_packets(_levelled(part, mix, level, progress))
    first, end = part.kept_packets
    measure = _measure(part, packets[: end - start])
    packets = packets[first - start : end - start]
    header = {"sizes": [len(packet) for packet in packets], "lufs": measure.blocks_lufs, "peak": measure.peak}
    with write_atomically(target) as unfinished:
        unfinished.write_bytes(json.dumps(header).encode() + b"\n" + b"".join(packets))
    progress.end_step(f"wrote {target.parent.name}/{target.name}")
    return read_slice(part, target)


def measure_mix(part: Slice, mix: RawMix, digest: str, folder: Path) -> Measure:
    """The mix as it is in a slice, unless that is cached. Its peaks are those of samples.

    The pieces beside it are measured too: in them the meter settles, and finds the last peak.
    """
    first, end = part.pieces
    lead = (part.first * FRAME_SAMPLES - first * CHUNK_SAMPLES) // STEP_SAMPLES
    target = folder / "slices" / f"{content_key('mix', digest, lead, part.steps)}.json"
    if touch_if_present(target):
        found = json.loads(target.read_text())
        return Measure(tuple(found["lufs"]), found["peak"])
    pieces = chain(mix.read(first, end), [SILENT_TAIL] if part.is_last else [])
    measure = measure_part(pieces, skip=lead, steps=part.steps, peaks=PeakKind.SAMPLE)
    with write_atomically(target) as unfinished:
        unfinished.write_text(json.dumps({"lufs": measure.blocks_lufs, "peak": measure.peak}))
    return measure


def read_slice(part: Slice, path: Path) -> EncodedSlice:
    with path.open("rb") as file:
        header = json.loads(file.readline())
    measure = Measure(tuple(header["lufs"]), header["peak"])
    return EncodedSlice(part, path, tuple(header["sizes"]), measure)


def find_join(before: EncodedSlice, after: EncodedSlice) -> int | None:
    """The packet from which on `after` follows `before`, near its first one. None if it cannot."""
    first, end = after.part.first - SPARE_PACKETS, after.part.first + SPARE_PACKETS
    pairs = zip(range(first + 1, end + 1), before.read(first, end), after.read(first, end), strict=True)
    fits = [number for number, old, same in pairs if can_follow(old, same)]
    return min(fits, key=lambda number: abs(number - after.part.first), default=None)


def measure_join(before: EncodedSlice, after: EncodedSlice, number: int) -> float:
    """The true peak around a join, at which half a packet of each slice is added up. In dB."""
    reach = 9  # packets, or about two steps of the meter
    packets = chain(before.read(number - reach, number), after.read(number, number + reach))
    return measure_part(decode_packets(packets), skip=1, steps=2).peak_db


def _levelled(part: Slice, mix: RawMix, level: Level, progress: Progress) -> Iterator[Samples]:
    """The samples that are encoded."""
    factor = np.float32(10 ** (level.gain_db / 20))
    first, end = part.pieces
    ceilings = (float(10 ** (level.ceiling_db(piece) / 20)) for piece in range(first, end))
    raised = ((piece * factor, ceiling) for piece, ceiling in zip(mix.read(first, end), ceilings, strict=True))
    at, (start, past) = first * CHUNK_SAMPLES, part.encoded_samples
    for samples in limit_peaks(raised):
        progress.advance()
        yield samples[:, max(0, start - at) : max(0, past - at)]
        at += samples.shape[1]


def _measure(part: Slice, packets: Sequence[bytes]) -> Measure:
    """Measure what the packets decode to. They are those from the first one that was encoded."""
    decoded = chain(islice(decode_packets(packets), 1, None), [SILENT_TAIL] if part.is_last else [])
    if not part.first:
        return measure_part(decoded, steps=part.steps)
    lead = part.first * FRAME_SAMPLES - part.encoded_samples[0] - LEAD_STEPS * STEP_SAMPLES
    return measure_part(_after(decoded, lead), skip=LEAD_STEPS, steps=part.steps)


def _after(pieces: Iterator[Samples], skip: int) -> Iterator[Samples]:
    for piece in pieces:
        yield piece[:, skip:]
        skip = max(0, skip - piece.shape[1])
