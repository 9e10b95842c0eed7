"""The cut of an episode: its pictures and sound, frame by frame, before anything is encoded.

All positions are frames of the episode at its constant rate, so equal cuts give equal files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from tower.errors import InvalidError

MIN_SPEED, MAX_SPEED = Fraction(1, 4), Fraction(4)
MAX_SCALE = 2.0
KEYED_IF_SET = {"keyed_if_set": True}  # of a field that came later: where it is None, keys are as they were before it
SAMPLE_RATE_HZ = 48_000


@dataclass(frozen=True)
class FilmForm:
    """The form that every shot is conformed to: even pixels, a constant rate, sound in stereo at 48 kHz."""

    width: int
    height: int
    fps: Fraction


@dataclass(frozen=True)
class MediaFile:
    """A file and the sha256 of its content, which names what is cached for it."""

    path: Path
    sha256: str


class SoundRule(StrEnum):
    """What becomes of the sound that a take brings."""

    DROP = "drop"
    KEEP = "keep"
    DUCK = "duck"  # kept below the music and the speech


class EffectKind(StrEnum):
    ZOOM_IN = "zoom_in"
    ZOOM_OUT = "zoom_out"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    PAN_UP = "pan_up"
    PAN_DOWN = "pan_down"
    SHAKE = "shake"  # a blow, after which the picture comes to rest
    FLASH = "flash"  # white, which fades
    BLACK_AND_WHITE = "black_and_white"
    MIRROR = "mirror"
    FREEZE = "freeze"  # the last picture stands for `frames` more


@dataclass(frozen=True)
class Effect:
    """What is done to the pictures of a shot. `scale`: how much a moving camera enlarges them.

    `start_frame` and `frames` count in the shot in the film: when it shakes or flashes, and for how long.
    """

    kind: EffectKind
    scale: float = 1.0
    start_frame: int = 0
    frames: int = 0


@dataclass(frozen=True)
class Shot:
    """A part of a take. `first_frame` and `source_frames` count in the take at the film's rate, before `speed`."""

    scene_key: UUID
    title: str
    take: MediaFile
    first_frame: int
    source_frames: int
    speed: Fraction = Fraction(1)
    sound: SoundRule = SoundRule.DROP
    gain_db: float = 0.0
    effect: Effect | None = field(default=None, metadata=KEYED_IF_SET)

    @property
    def moving_frames(self) -> int:
        """The frames of the film in which the take plays."""
        return max(1, round(self.source_frames / self.speed))

    @property
    def frozen_frames(self) -> int:
        """The frames after them, in which its last picture stands."""
        return self.effect.frames if self.effect and self.effect.kind is EffectKind.FREEZE else 0

    @property
    def frames(self) -> int:
        """The frames of the shot in the film."""
        return self.moving_frames + self.frozen_frames


class CardKind(StrEnum):
    TITLE = "title"
    END = "end"


@dataclass(frozen=True)
class Card:
    """A still with lines of text, composed for the film: the title of the episode, or its end credits."""

    kind: CardKind
    lines: tuple[str, ...]
    frames: int
    background: MediaFile | None = None


Item = Shot | Card


class TransitionKind(StrEnum):
    CUT = "cut"
    DISSOLVE = "dissolve"  # both items are seen at once for `frames`, which shortens the film by them
    FADE = "fade"  # to black for half of `frames`, and from black for the rest


@dataclass(frozen=True)
class Transition:
    """How one item is followed by the next."""

    kind: TransitionKind = TransitionKind.CUT
    frames: int = 0

    @property
    def overlap(self) -> int:
        """The frames that both items share."""
        return self.frames if self.kind is TransitionKind.DISSOLVE else 0


CUT = Transition()


@dataclass(frozen=True)
class MusicCue:
    """A part of a track from `start_frame` of the film. `duck_db`: its level under speech, relative to its own."""

    track: MediaFile
    start_frame: int
    frames: int
    offset_s: float = 0.0
    gain_db: float = 0.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    duck_db: float = -9.0


@dataclass(frozen=True)
class SpeechCue:
    """A spoken line that begins at `start_frame`."""

    sound: MediaFile
    start_frame: int
    gain_db: float = 0.0


@dataclass(frozen=True)
class SubtitleCue:
    """Lines that are seen from `start_frame` until `end_frame`. `language` is an ISO 639-2 code of three letters."""

    start_frame: int
    end_frame: int
    text: str
    speaker: str | None = None
    language: str = "eng"


@dataclass(frozen=True)
class Chapter:
    start_frame: int
    title: str


@dataclass(frozen=True)
class EpisodeCut:
    """A film before it is made. `transitions` has one entry between each two items.

    `origin` is the text that the film carries of where it comes from. Cuts that differ only in it are equal.
    """

    form: FilmForm
    items: tuple[Item, ...]
    transitions: tuple[Transition, ...]
    music: tuple[MusicCue, ...] = ()
    speech: tuple[SpeechCue, ...] = ()
    subtitles: tuple[SubtitleCue, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    cover: Path | None = None
    burn_subtitles: bool = False
    origin: str | None = None

    @property
    def starts(self) -> tuple[int, ...]:
        """The first frame of each item; the items of a dissolve overlap."""
        starts = [0]
        for item, transition in zip(self.items, self.transitions, strict=False):
            starts.append(starts[-1] + item.frames - transition.overlap)
        return tuple(starts[: len(self.items)])

    @property
    def frames(self) -> int:
        return self.starts[-1] + self.items[-1].frames

    @property
    def duration_s(self) -> float:
        return float(self.frames / self.form.fps)


def check_cut(cut: EpisodeCut) -> None:
    """Raises InvalidError, which names the item, if the cut cannot be made into a film."""
    if not cut.items:
        raise InvalidError.field("items", [], "at least one shot or card")
    if len(cut.transitions) != len(cut.items) - 1:
        raise InvalidError.field(
            "transitions", len(cut.transitions), f"{len(cut.items) - 1}: one between each two items"
        )
    for number, item in enumerate(cut.items):
        _check_item(f"items.{number}", item)
    _check_transitions(cut)
    for number, chapter in enumerate(cut.chapters):
        if not 0 <= chapter.start_frame < cut.frames:
            raise InvalidError.field(f"chapters.{number}.start_frame", chapter.start_frame, f"0 to {cut.frames - 1}")


def _check_item(name: str, item: Item) -> None:
    if item.frames < 1:
        raise InvalidError.field(f"{name}.frames", item.frames, "at least 1")
    if isinstance(item, Shot):
        if not MIN_SPEED <= item.speed <= MAX_SPEED:
            raise InvalidError.field(f"{name}.speed", float(item.speed), "0.25 to 4")
        if item.first_frame < 0 or item.source_frames < 1:
            raise InvalidError.field(
                f"{name}.first_frame", item.first_frame, "a part of the take of at least one frame"
            )
        if item.effect:
            _check_effect(f"{name}.effect", item.effect, item)


def _check_effect(name: str, effect: Effect, shot: Shot) -> None:
    if not 1 <= effect.scale <= MAX_SCALE:
        raise InvalidError.field(f"{name}.scale", effect.scale, f"1 to {MAX_SCALE:g}")
    if not 0 <= effect.start_frame < shot.moving_frames:
        raise InvalidError.field(f"{name}.start_frame", effect.start_frame, f"0 to {shot.moving_frames - 1}")
    least = 1 if effect.kind in (EffectKind.SHAKE, EffectKind.FLASH, EffectKind.FREEZE) else 0
    if effect.frames < least:
        raise InvalidError.field(f"{name}.frames", effect.frames, f"at least {least}")


def _check_transitions(cut: EpisodeCut) -> None:
    for number, transition in enumerate(cut.transitions):
        if transition.frames < 0 or (transition.kind is TransitionKind.CUT) != (transition.frames == 0):
            raise InvalidError.field(f"transitions.{number}.frames", transition.frames, "0 for a cut, or at least 1")
    used = [0, *(transition.frames for transition in cut.transitions), 0]
    for number, (item, (before, after)) in enumerate(zip(cut.items, pairwise(used), strict=True)):
        if before + after > item.frames:
            expected = f"transitions of at most {item.frames} frames in all, as the item has no more"
            raise InvalidError.field(f"items.{number}", before + after, expected)
