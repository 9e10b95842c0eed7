"""Styles of synthesised music: the pattern of each instrument in a bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Genre:
    """Patterns of a bar in sixteenths: `x` strong, `o` soft, `?` sometimes. `swing` is the position of an off-beat
    eighth in its beat (0.5 is straight), `loose_ms` the players' timing error, `attack_s` the attack of chords."""

    kick: tuple[str, ...]
    snare: tuple[str, ...]
    hat: tuple[str, ...]
    bass: tuple[str, ...]
    chord: tuple[str, ...]
    melody: float  # notes in a beat; 0: none
    swing: float = 0.5
    swing_16: float = 0.5
    loose_ms: float = 4
    attack_s: float = 0.01
    beats: int = 4
    drums: float = 1.0


NONE = ("................",)
GENRES = {
    "rock": Genre(
        ("x.......x.......", "x.....x.x......."),
        ("....x.......x...",),
        ("x.x.x.x.x.x.x.x.",),
        ("x.x.x.x.x.x.x.x.",),
        ("x.......x...?...",),
        1.0,
    ),
    "house": Genre(
        ("x...x...x...x...",),
        ("....x.......x...",),
        ("..x...x...x...x.",),
        ("..x...x...x...x.", "x.?x..x.x.?x..x."),
        ("..x..x....x..x..",),
        0.5,
        loose_ms=1,
    ),
    "ballad": Genre(
        ("x.........o.....",),
        ("........x.......", "....o.......o..."),
        ("x.o.x.o.x.o.x.o.",),
        ("x.......x.......",),
        ("x...?...x...?...",),
        1.2,
        loose_ms=9,
        attack_s=0.02,
        drums=0.5,
    ),
    "swing": Genre(
        ("o...o...o...o...",),
        ("....o.......o...",),
        ("x...x.x.x...x.x.",),
        ("x...x...x...x...",),
        ("......x.........", "..x...........x."),
        1.5,
        swing=0.66,
        loose_ms=8,
        drums=0.8,
    ),
    "drum and bass": Genre(
        ("x.........x.....", "x..x......x....."),
        ("....x.......x...", "....x..o.o..x..."),
        ("x.x.x.x.x.x.x.x.",),
        ("x.....x...x.....",),
        ("x...............",),
        0.6,
        loose_ms=2,
    ),
    "anime pop": Genre(
        ("x..x..x.x..x..x.", "x...x...x...x..."),
        ("....x.......x...", "....x..o....x.o."),
        ("x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo"),
        ("x.x.x.x.x.x.x.x.",),
        ("x..x..x...x.x...",),
        2.2,
        loose_ms=3,
    ),
    "hip hop": Genre(
        ("x..?..x..x......", "x.....xx........"),
        ("....x.......x...",),
        ("x.x.x.xxx.x.x.x.",),
        ("x.....x..x......",),
        ("x.......o.......",),
        0.6,
        swing_16=0.6,
        loose_ms=6,
    ),
    "orchestra": Genre(
        NONE,
        NONE,
        NONE,
        ("x...x...x...x...", "x.......x......."),
        ("x.......x.......",),
        1.6,
        loose_ms=12,
        attack_s=0.05,
        drums=0.4,
    ),
    "metal": Genre(
        ("xxxxxxxxxxxxxxxx", "x.xxx.xxx.xxx.xx"),
        ("....x.......x...",),
        ("x...x...x...x...",),
        ("xxxxxxxxxxxxxxxx",),
        ("x.xxx.x.x.xxx.x.",),
        0.8,
        loose_ms=3,
    ),
    "latin": Genre(
        ("x..x....x..x....",),
        ("...o..x....o..x.",),
        ("x.xxx.xxx.xxx.xx",),
        ("x..x..x.x..x..x.",),
        ("x..x..x...x.x...",),
        1.2,
        loose_ms=5,
    ),
    "piano": Genre(NONE, NONE, NONE, ("x.......x.......",), ("x.x.x.x.x.x.x.x.", "x..x..x.x..x..x."), 1.5, loose_ms=8),
    # only in the held-back set
    "waltz": Genre(
        ("x...........",),
        ("....o...o...",),
        ("x...x...x...",),
        ("x...........",),
        ("....x...x...",),
        1.2,
        loose_ms=8,
        beats=3,
        drums=0.6,
    ),
    "reggae": Genre(
        ("........x.......", "x.......x......."),
        ("........x.......",),
        ("x.x.x.x.x.x.x.x.",),
        ("x..x..x...x.....",),
        ("....x.......x...", "..x...x...x...x."),
        0.6,
        loose_ms=6,
    ),
    "funk": Genre(
        ("x..x......x..x..", "x.x....x..x....."),
        ("....x..o.o..x..o",),
        ("xoxoxoxoxoxoxoxo",),
        ("x..x..x....x.x..",),
        ("..x..x....x..x..",),
        0.8,
        loose_ms=4,
    ),
    "synthwave": Genre(
        ("x...x...x...x...", "x.......x......."),
        ("....x.......x...",),
        ("x.x.x.x.x.x.x.x.",),
        ("xxxxxxxxxxxxxxxx", "x.x.x.x.x.x.x.x."),
        ("x...............",),
        1.0,
        loose_ms=1,
        attack_s=0.08,
    ),
}
GROOVE = "groove"  # random patterns, with the syncopation of no style
MIXED = "mixed"  # instruments of several styles, for tuning only


def random_groove(rng: np.random.Generator) -> Genre:
    """A backbeat with random further strokes."""

    def strokes(share: float, first: float) -> tuple[str]:
        return ("".join("x" if rng.random() < (first if step == 0 else share) else "." for step in range(16)),)

    ghosts = "".join("o" if rng.random() < 0.15 else "." for _ in range(16))
    snare = "".join("x" if step in (4, 12) else ghost for step, ghost in enumerate(ghosts))
    hat = str(rng.choice(["x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo", "..x...x...x...x."]))
    busy = rng.uniform(0.15, 0.4)
    return Genre(
        strokes(busy, 0.95),
        (snare,),
        (hat,),
        strokes(busy, 0.9),
        strokes(busy / 1.5, 0.4),
        rng.uniform(0.3, 1.8),
        loose_ms=rng.uniform(1, 8),
        attack_s=rng.uniform(0.005, 0.05),
        drums=rng.uniform(0.6, 1),
    )


def mix_genres(rng: np.random.Generator, genres: Sequence[str]) -> Genre:
    """A style that takes each instrument from another genre, in four or sometimes in three."""

    kick, snare, hat, bass, chord = (GENRES[str(rng.choice(genres))] for _ in range(5))
    return Genre(
        kick.kick,
        snare.snare,
        hat.hat,
        bass.bass,
        chord.chord,
        melody=rng.uniform(0.3, 2),
        swing=rng.choice([0.5, rng.uniform(0.55, 0.67)], p=(0.8, 0.2)),
        loose_ms=rng.uniform(1, 10),
        attack_s=rng.uniform(0.005, 0.06),
        drums=rng.choice([0.3, 0.6, 1]),
        beats=4 if rng.random() < 0.85 else 3,
    )
