"""The sounds of a film: parts of files at their places, each with its level over time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tower.assembly.clips import head_frames, tail_frames
from tower.assembly.cut import CUT, SAMPLE_RATE_HZ, EpisodeCut, MusicCue, Shot, SoundRule, SpeechCue
from tower.assembly.decoding import SoundPart, count_samples

CLICK_FREE_S = 0.002  # a sound that begins in the middle of a wave would click
DUCK_DB = -12.0  # a clip below music and speech
ATTACK_S, RELEASE_S = 0.2, 0.5  # of ducking, before and after the sound above
MERGED_GAP_S = 0.8  # the level does not rise between two lines that are closer

Span = tuple[int, int]  # samples of the film: the first, and the one after the last
Levels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Curve:
    """A level over the film: straight lines between points at ascending samples, in dB or as factors."""

    samples: tuple[int, ...]
    values: tuple[float, ...]
    is_db: bool = False

    def levels(self, start: int, count: int) -> Levels:
        """The factors of `count` samples. Most seconds of a film have one level, which is found without each sample."""
        inside = self.values[bisect_right(self.samples, start) : bisect_left(self.samples, start + count - 1)]
        ends = np.interp((start, start + count - 1), self.samples, self.values)
        if len({*ends, *inside}) == 1:
            return np.full(count, self._factors(ends[:1]))
        return self._factors(np.interp(np.arange(start, start + count), self.samples, self.values))

    def _factors(self, values: npt.NDArray[np.float64]) -> Levels:
        return np.asarray(10 ** (values / 20) if self.is_db else values, np.float32)


@dataclass(frozen=True)
class Source:
    """A part of a file that sounds for `span`."""

    part: SoundPart
    span: Span
    gain_db: float
    curves: tuple[Curve, ...]


def list_sources(cut: EpisodeCut) -> list[Source]:
    """All sounds of the film, in the order of their beginning."""
    whole = to_samples(cut, cut.frames)
    speech = [(cue, _speech_span(cut, cue, whole)) for cue in cut.speech]
    spoken = [span for _, span in speech if span[1] > span[0]]
    scored = [_music_span(cut, cue, whole) for cue in cut.music]
    sources = [
        *_clip_sources(cut, [*spoken, *scored]),
        *(_music_source(cue, span, spoken) for cue, span in zip(cut.music, scored, strict=True)),
        *(Source(SoundPart(cue.sound.path, 0.0, None), span, cue.gain_db, ()) for cue, span in speech),
    ]
    return sorted((source for source in sources if source.span[1] > source.span[0]), key=lambda one: one.span)


def to_samples(cut: EpisodeCut, frame: int) -> int:
    return round(frame * SAMPLE_RATE_HZ / cut.form.fps)


def duck(spans: Sequence[Span], level_db: float) -> Curve | None:
    """`level_db` during any of the spans, and 0 dB elsewhere."""
    attack, release = round(ATTACK_S * SAMPLE_RATE_HZ), round(RELEASE_S * SAMPLE_RATE_HZ)
    points: list[tuple[int, float]] = []
    for start, end in _merged(spans):
        points += [(start - attack, 0.0), (start, level_db), (end, level_db), (end + release, 0.0)]
    if not points:
        return None
    return Curve(tuple(at for at, _ in points), tuple(value for _, value in points), is_db=True)


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    gap = round(MERGED_GAP_S * SAMPLE_RATE_HZ)
    for start, end in sorted(spans):
        if merged and start - merged[-1][1] <= gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _clip_sources(cut: EpisodeCut, louder: Sequence[Span]) -> Iterator[Source]:
    sides = pairwise((CUT, *cut.transitions, CUT))
    for item, start, (before, after) in zip(cut.items, cut.starts, sides, strict=True):
        if not isinstance(item, Shot) or item.sound is SoundRule.DROP:
            continue
        span = (to_samples(cut, start), to_samples(cut, start + item.moving_frames))
        ducked = duck(louder, DUCK_DB) if item.sound is SoundRule.DUCK else None
        offset_s = float(item.first_frame / cut.form.fps)
        part = SoundPart(item.take.path, offset_s, float(item.source_frames / cut.form.fps), item.speed, is_take=True)
        edges = _edges(cut, span, head_frames(before), max(0, tail_frames(after) - item.frozen_frames))
        yield Source(part, span, item.gain_db, (edges, ducked) if ducked else (edges,))


def _edges(cut: EpisodeCut, span: Span, head: int, tail: int) -> Curve:
    """Rises over the frames of the transition before the shot and falls over those after it, as its pictures do."""
    least = round(CLICK_FREE_S * SAMPLE_RATE_HZ)
    rise = max(to_samples(cut, head), least if span[0] else 0)
    fall = max(to_samples(cut, tail), least)
    return _faded(span, rise, fall)


def _faded(span: Span, rise: int, fall: int) -> Curve:
    start, end = span
    top = start + min(rise, end - start)
    bottom = max(end - fall, top)
    points = [(start, 0.0 if rise else 1.0), (top, 1.0), (bottom, 1.0), (end, 0.0 if fall else 1.0)]
    return Curve(tuple(at for at, _ in points), tuple(value for _, value in points))


def _music_span(cut: EpisodeCut, cue: MusicCue, whole: int) -> Span:
    return to_samples(cut, cue.start_frame), min(whole, to_samples(cut, cue.start_frame + cue.frames))


def _music_source(cue: MusicCue, span: Span, spoken: Sequence[Span]) -> Source:
    least = CLICK_FREE_S if span[0] or cue.offset_s else 0.0
    rise, fall = max(cue.fade_in_s, least), max(cue.fade_out_s, CLICK_FREE_S)
    edges = _faded(span, round(rise * SAMPLE_RATE_HZ), round(fall * SAMPLE_RATE_HZ))
    ducked = duck(spoken, cue.duck_db)
    lasts_s = (span[1] - span[0]) / SAMPLE_RATE_HZ
    return Source(
        SoundPart(cue.track.path, cue.offset_s, lasts_s), span, cue.gain_db, (edges, ducked) if ducked else (edges,)
    )


def _speech_span(cut: EpisodeCut, cue: SpeechCue, whole: int) -> Span:
    start = to_samples(cut, cue.start_frame)
    return start, min(whole, start + count_samples(cue.sound.path))
