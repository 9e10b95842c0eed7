"""A track that is encoded in slices sounds as one that is encoded in one piece, and an edit costs only its slices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tower.assembly.aac import FRAME_SAMPLES, can_follow, count_packets, decode_packets, encode_packets
from tower.assembly.levels import TARGET_LUFS, encode_on_target
from tower.assembly.meter import integrate
from tower.assembly.mix import CHUNK_SAMPLES
from tower.assembly.progress import Progress
from tower.assembly.rawmix import RawMix, write_mix
from tower.assembly.slices import SPARE_PACKETS, Level, Slice, merge_slices, plan_slices
from tower.assembly.track import EncodedTrack, TrackEncoder
from tower.conform.loudness import measure_loudness
from tower.conform.sound import Samples
from tower.errors import CancelledError

IDLE = Progress(lambda _: None, lambda: False)
SLICE_PACKETS = 150  # a whole number of the meter's steps, as the real ones
SAMPLES = 3 * SLICE_PACKETS * FRAME_SAMPLES + 700
JOIN = SLICE_PACKETS * FRAME_SAMPLES
LOUD = Level(0.0, (6.0,))
TIMES_S = np.arange(SAMPLES) / 48_000


def sine() -> Samples:
    return np.asarray(np.stack([0.3 * np.sin(2 * np.pi * hertz * TIMES_S) for hertz in (997, 440)]), np.float32)


def noise() -> Samples:
    return np.asarray(np.random.default_rng(1).standard_normal((2, SAMPLES)) * 0.1, np.float32)


def click() -> Samples:
    samples = sine() * np.float32(0.1)
    for start in (JOIN - 900, 2 * JOIN + 100):
        samples[:, start : start + 30] = 0.8
    return samples


def limited() -> Samples:
    """Noise of which the limiter lowers every piece."""
    return noise() * np.float32(4)


def write_raw(samples: Samples, path: Path) -> RawMix:
    pieces = (samples[:, at : at + CHUNK_SAMPLES] for at in range(0, samples.shape[1], CHUNK_SAMPLES))
    write_mix(pieces, path, IDLE, 0.0)
    return RawMix(path, samples.shape[1])


def open_encoder(samples: Samples, folder: Path, progress: Progress = IDLE) -> TrackEncoder:
    return TrackEncoder(write_raw(samples, folder / "mix.f32"), folder, progress, slice_packets=SLICE_PACKETS)


def encode(samples: Samples, folder: Path) -> EncodedTrack:
    return open_encoder(samples, folder).encode(LOUD, per_piece=0.0)


def decode(packets: list[bytes]) -> Samples:
    return np.concatenate(list(decode_packets(packets)), axis=1)[:, FRAME_SAMPLES:][:, :SAMPLES]


def frame_levels(samples: Samples) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The level of each packet's samples."""
    whole = samples.shape[1] // FRAME_SAMPLES * FRAME_SAMPLES
    frames = samples[:, :whole].reshape(2, -1, FRAME_SAMPLES)
    return np.asarray(np.sqrt((frames**2).mean(axis=(0, 2))), np.float64)


@pytest.mark.parametrize("make", [sine, noise, click])
def test_a_join_has_no_more_error_than_the_same_place_in_one_piece(make: Callable[[], Samples], tmp_path: Path) -> None:
    samples = make()
    track = encode(samples, tmp_path)
    joined, whole = decode(list(track.packets())), decode(encode_packets([samples]))
    assert track.joins == (SLICE_PACKETS, 2 * SLICE_PACKETS)
    assert joined.shape == whole.shape == samples.shape
    wrong, expected = frame_levels(joined - samples), frame_levels(whole - samples)
    for join in track.joins:
        near = slice(join - 3, join + 3)
        assert np.all(wrong[near] <= 1.3 * expected[near] + 1e-5)
    jumps, usual = (np.abs(np.diff(found - samples, n=2)).max(axis=0) for found in (joined, whole))
    for join in track.joins:
        near = slice(join * FRAME_SAMPLES - 1500, join * FRAME_SAMPLES + 1500)
        assert jumps[near].max() <= 1.3 * usual[5 * FRAME_SAMPLES : -5 * FRAME_SAMPLES].max()


def test_slices_are_limited_as_the_whole_is(tmp_path: Path) -> None:
    track = encode(limited(), tmp_path)
    alone = TrackEncoder(write_raw(limited(), tmp_path / "mix.f32"), tmp_path, IDLE).encode(LOUD, per_piece=0.0)
    assert len(alone.slices) == 1
    joined, whole = decode(list(track.packets())), decode(list(alone.packets()))
    difference, error = frame_levels(joined - whole), frame_levels(whole - limited())
    for join in track.joins:
        assert difference[join - 3 : join + 3].max() <= error.max()


@pytest.mark.parametrize("make", [click, limited])
def test_slices_are_measured_as_the_whole_is(make: Callable[[], Samples], tmp_path: Path) -> None:
    track = encode(make(), tmp_path)
    found = measure_loudness([decode(list(track.packets()))], check_alive=lambda: None)
    assert track.lufs == pytest.approx(found.lufs, abs=0.07)
    assert max(track.peaks_db()) == pytest.approx(found.peak_dbtp, abs=0.07)
    mix = open_encoder(make(), tmp_path).measure_mix()
    found = measure_loudness([make()], check_alive=lambda: None)
    assert integrate(block for one in mix for block in one.blocks_lufs) == pytest.approx(found.lufs, abs=0.07)
    assert max(one.peak for one in mix) == pytest.approx(np.abs(make()).max(), abs=0.001)


def inodes(folder: Path) -> set[int]:
    return {path.stat().st_ino for path in (folder / "slices").glob("*.aac")}


def test_an_edit_keeps_the_gain_and_costs_its_slice(tmp_path: Path) -> None:
    samples = noise()
    first = encode_on_target(open_encoder(samples, tmp_path), per_piece=0.0)
    before = inodes(tmp_path)
    samples[:, :CHUNK_SAMPLES] *= 1.2
    edited = encode_on_target(open_encoder(samples, tmp_path), per_piece=0.0)
    assert edited.lufs == pytest.approx(TARGET_LUFS, abs=0.3)
    assert first.lufs is not None
    assert edited.lufs is not None
    assert edited.lufs - first.lufs > 0.1
    assert edited.gain_db == first.gain_db
    assert len(before) == 3
    assert len(inodes(tmp_path) - before) == 1


def test_an_encoding_goes_on_at_the_slices_that_are_missing(tmp_path: Path) -> None:
    track = encode(noise(), tmp_path)
    kept = inodes(tmp_path)
    packets = list(track.packets())
    track.slices[1].path.rename(tmp_path / "away")  # a file that is removed leaves its inode to the next one
    cancelled = open_encoder(noise(), tmp_path, Progress(lambda _: None, lambda: True))
    with pytest.raises(CancelledError):
        cancelled.encode(LOUD, per_piece=0.0)
    assert list(encode(noise(), tmp_path).packets()) == packets
    assert len(inodes(tmp_path) & kept) == 2


def test_a_short_rest_is_part_of_the_last_slice() -> None:
    assert [(one.first, one.end) for one in plan_slices(1024 * 1499)] == [(0, 1500)]
    assert [(one.first, one.end) for one in plan_slices(1024 * 2249)] == [(0, 2250)]
    assert [(one.first, one.end) for one in plan_slices(1024 * 2250)] == [(0, 1500), (1500, 2251)]
    assert plan_slices(100)[0] == Slice(0, 2, 100)


def test_slices_that_cannot_be_joined_are_one() -> None:
    slices = plan_slices(SAMPLES, 100)
    assert [(one.first, one.end) for one in merge_slices(slices, [None, 200, 301, None])] == [
        (0, 200),
        (200, 300),
        (300, count_packets(SAMPLES)),
    ]


def test_a_packet_follows_another_only_with_the_same_window() -> None:
    long, short, apart = b"\x21\x00", b"\x21\x40", b"\x20\x00"
    assert can_follow(long, long)
    assert not can_follow(long, short)
    assert not can_follow(apart, apart)


def test_the_loudest_sound_fits_into_the_packets_that_a_decoder_must_accept() -> None:
    times_s = TIMES_S[:48_000]
    squares = np.stack([np.sign(np.sin(2 * np.pi * hertz * times_s)) for hertz in (1000, 1370)])
    bursts = np.random.default_rng(2).uniform(-1, 1, (2, 48_000)) * (np.arange(48_000) // 4800 % 2)
    for samples in (squares, bursts):
        assert max(map(len, encode_packets([np.asarray(0.86 * samples, np.float32)]))) <= 2 * 6144 // 8


def test_slices_with_other_windows_at_their_join_are_encoded_as_one(tmp_path: Path) -> None:
    samples = noise()
    other = encode(samples, tmp_path).slices[1]
    header, packets = other.path.read_bytes().split(b"\n", 1)
    changed = bytearray(packets)
    for start in np.cumsum([0, *other.sizes[: 2 * SPARE_PACKETS - 1]]):
        changed[start + 1] ^= 0b0001_0000  # the shape of the window
    other.path.write_bytes(header + b"\n" + changed)
    track = encode(samples, tmp_path)
    assert track.joins == (2 * SLICE_PACKETS,)
    assert frame_levels(decode(list(track.packets())) - samples).max() < frame_levels(samples).min()
