"""Chooses the gain of a mix and the ceilings of its peaks, so that the encoded track has its loudness.

The mix is measured, and then the encoded track, as encoding moves both loudness and peaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from tower.assembly.errors import AssemblyError
from tower.assembly.meter import integrate
from tower.assembly.slices import SLICE_PACKETS, Level
from tower.assembly.track import EncodedTrack, TrackEncoder

TARGET_LUFS, TOLERANCE_LU = -16.0, 0.5
PEAK_DBTP = -1.0
CEILING_DB = PEAK_DBTP - 0.3  # AAC overshoots a little
MAX_GAIN_DB = 30.0  # more would make noise of what was meant to be silence
MAX_LIMITING_DB = 12.0  # more would be audible
NEAR_LU = 0.3  # of the target, for the encoded track
STEP_DB = 0.1  # of the gain
KEPT_STEPS = 2  # by which the gain may differ, if slices are cached with another one
TRIES = 6
SHORT_TRACK = "The sound is shorter than 0.4 s or below -70 LUFS, so it has no loudness and is left as it is."
DYNAMIC_TRACK = "Its peaks stand too far above the rest: at -16 LUFS they would have to be lowered by more than 12 dB."
FAINT_TRACK = "It is so quiet that more than 30 dB of gain would be needed."


@dataclass(frozen=True)
class LevelledTrack:
    """An encoded track. `note` says why it has not its target loudness.

    `lufs` and `peak_dbtp` are None if there is too little sound to have a loudness.
    """

    track: EncodedTrack
    lufs: float | None
    peak_dbtp: float | None
    gain_db: float
    note: str | None


def encode_on_target(encoder: TrackEncoder, *, per_piece: float) -> LevelledTrack:
    """Encode the mix until it is on target. Raises AssemblyError if it never is. `per_piece` is as in `encode`."""
    mix = encoder.measure_mix()
    mix_lufs = integrate(chain.from_iterable(one.blocks_lufs for one in mix))
    mix_peaks_db = [one.peak_db for one in mix]
    if mix_lufs is None:
        track = encoder.encode(Level(0.0, (0.0,) * len(mix)), per_piece=per_piece)
        return LevelledTrack(track, None, None, 0.0, SHORT_TRACK)
    gain_db, note = _first_gain(mix_lufs, max(mix_peaks_db))
    ceilings_db, step = [CEILING_DB] * len(mix), 0.5
    for number in range(1, TRIES + 1):
        gain_db = _choose_gain(gain_db, ceilings_db, encoder, is_free=note is None)
        track = encoder.encode(Level(gain_db, tuple(ceilings_db)), per_piece=per_piece)
        lufs, peaks_db = track.lufs, track.peaks_db()
        if lufs is None:
            break
        off_lu, over_db = TARGET_LUFS - lufs, max(peaks_db) - PEAK_DBTP
        is_near = abs(off_lu) <= NEAR_LU
        if over_db <= 0 and (note or is_near or number == TRIES):
            return LevelledTrack(track, lufs, max(peaks_db), gain_db, note if note or is_near else DYNAMIC_TRACK)
        _lower_ceilings(ceilings_db, track, peaks_db, [peak + gain_db for peak in mix_peaks_db])
        if note is None and not is_near:
            step = min(4.0, step * 2)  # the limiter takes a part of each gain
            gain_db += step * off_lu
            note = DYNAMIC_TRACK if max(mix_peaks_db) + gain_db - min(ceilings_db) > MAX_LIMITING_DB else None
    raise AssemblyError(f"The sound cannot be encoded at {TARGET_LUFS:g} LUFS with peaks below {PEAK_DBTP:g} dBTP")


def _first_gain(lufs: float, peak_dbtp: float) -> tuple[float, str | None]:
    """The gain to the target, within what sounds well, and the reason if it is less."""
    most_by_peak = CEILING_DB - peak_dbtp + MAX_LIMITING_DB
    limits = [(TARGET_LUFS - lufs, None), (MAX_GAIN_DB, FAINT_TRACK), (most_by_peak, DYNAMIC_TRACK)]
    return min(limits, key=lambda limit: limit[0])


def _choose_gain(wanted_db: float, ceilings_db: Sequence[float], encoder: TrackEncoder, *, is_free: bool) -> float:
    """The gain in whole steps. Among those that are near enough, the one with which most slices are cached.

    So an edit that changes the loudness of the film by a hair changes no other slice.
    """
    nearest = round(wanted_db / STEP_DB)
    reach = KEPT_STEPS if is_free else 0
    gains = [round(steps * STEP_DB, 1) for steps in range(nearest - reach, nearest + reach + 1)]
    return max(
        gains,
        key=lambda gain: (encoder.count_cached(Level(gain, tuple(ceilings_db))), -abs(gain - wanted_db)),
    )


def _lower_ceilings(
    ceilings_db: list[float], track: EncodedTrack, peaks_db: Sequence[float], raised_db: Sequence[float]
) -> None:
    """Lower the ceilings of the slices with too high peaks. `raised_db` are the peaks of the mix with its gain."""
    for one, peak_db in zip(track.slices, peaks_db, strict=True):
        over_db = peak_db - PEAK_DBTP
        first = one.part.first // SLICE_PACKETS
        end = max(first + 1, min(len(ceilings_db), one.part.end // SLICE_PACKETS))
        for place in range(first, end):
            if over_db > 0:
                ceilings_db[place] = min(ceilings_db[place], raised_db[place]) - over_db - 0.1
