"""Which shots a trailer shows, and how long each is: a choice from numbers alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

SHORTEST_S, USUAL_S, LONGEST_S = 1.0, 2.0, 3.0  # of a shot
OPEN_SHARE = 0.75  # of the story; more would give away its end


@dataclass(frozen=True)
class Scene:
    """A scene of the story: its frames in the film, and the score of its take, 0 to 10. None: it has no score."""

    frames: int
    score: float | None


@dataclass(frozen=True)
class Window:
    """Frames of a scene that can become a shot, counted from its start in the film."""

    scene: int
    first_frame: int
    frames: int


@dataclass(frozen=True)
class Pace:
    """The frames per second of the trailer, and the frames on which beats of its music fall, ascending."""

    fps: Fraction
    beats: Sequence[int] = ()

    def frames(self, seconds: float) -> int:
        return round(seconds * self.fps)

    def end_near(self, wanted: int, *, least: int, most: int) -> int:
        """The frame from `least` to `most` that is nearest to `wanted`: a beat if there is one."""
        among = self.beats[bisect_left(self.beats, least) : bisect_left(self.beats, most + 1)]
        if among:
            return min(among, key=lambda beat: abs(beat - wanted))
        return max(least, min(wanted, most))


def choose_shots(scenes: Sequence[Scene], pace: Pace, *, start: int, end: int) -> list[Window]:
    """The shots that are seen from the frame `start` of the trailer until `end`, or earlier if the scenes have no more.

    The best by score, in the order of the story, and none from its last quarter unless there is too little before it.
    """
    length = end - start
    windows = list(_windows(_before_the_end(scenes), pace))
    if _length(windows) < length:
        windows = list(_windows(scenes, pace))
    ranked = _rank(windows, scenes)
    count = max(1, round(length / pace.frames(USUAL_S)))
    while count < len(ranked) and _length(ranked[:count]) < length:
        count += 1
    in_order = sorted(ranked[:count], key=lambda window: (window.scene, window.first_frame))
    return _cut_to_length(in_order, pace, start=start, end=end)


def _length(windows: Sequence[Window]) -> int:
    return sum(window.frames for window in windows)


def _before_the_end(scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes, shortened to the part of the story that may be shown."""
    left = int(OPEN_SHARE * sum(scene.frames for scene in scenes))
    shown = []
    for scene in scenes:
        shown.append(Scene(min(left, scene.frames), scene.score))
        left -= shown[-1].frames
    return shown


def _windows(scenes: Sequence[Scene], pace: Pace) -> Iterator[Window]:
    """Equal parts of each scene, as long as a shot may be. A scene that is shorter than a shot has none."""
    least, most = pace.frames(SHORTEST_S), pace.frames(LONGEST_S)
    for number, scene in enumerate(scenes):
        parts = -(-scene.frames // most)
        if scene.frames >= least:
            bounds = pairwise(scene.frames * part // parts for part in range(parts + 1))
            yield from (Window(number, first, after - first) for first, after in bounds)


def _rank(windows: Sequence[Window], scenes: Sequence[Scene]) -> list[Window]:
    """By score, but one window of each scene before a second one of any, and the middle of a scene first."""
    ranked: list[tuple[int, float, Window]] = []
    for number, scene in enumerate(scenes):
        own = [window for window in windows if window.scene == number]
        middle = (len(own) - 1) / 2
        from_middle = sorted(range(len(own)), key=lambda place: abs(place - middle))
        score = -1.0 if scene.score is None else scene.score
        ranked += [(turn, -score, own[place]) for turn, place in enumerate(from_middle)]
    return [window for _, _, window in sorted(ranked, key=lambda one: one[:2])]


def _cut_to_length(windows: Sequence[Window], pace: Pace, *, start: int, end: int) -> list[Window]:
    """The middle of each window, for an equal share of the time that is left, to a beat where one is near."""
    shots: list[Window] = []
    at = start
    for number, window in enumerate(windows):
        least = min(pace.frames(SHORTEST_S), window.frames)
        if end - at < least:
            break
        share = round((end - at) / (len(windows) - number))
        until = pace.end_near(at + share, least=at + least, most=min(end, at + window.frames))
        frames = until - at
        shots.append(Window(window.scene, window.first_frame + (window.frames - frames) // 2, frames))
        at = until
    return shots
