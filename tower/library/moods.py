"""The moods of music: the range of tempos of each, and the words to look for in tags."""

from __future__ import annotations

from dataclasses import dataclass

from tower.library.text import normalise


@dataclass(frozen=True)
class Mood:
    """A mood of music.

    `words` are looked for in genres, titles and albums. `names` are other words for the mood, in English and Japanese.
    """

    name: str
    low_bpm: float
    high_bpm: float
    words: tuple[str, ...]
    names: tuple[str, ...]


def _mood(name: str, low_bpm: float, high_bpm: float, *, words: str, names: str) -> Mood:
    return Mood(name, low_bpm, high_bpm, tuple(words.split(", ")), tuple(names.split(", ")))


MOODS = (
    _mood(
        "epic",
        80,
        160,
        words="epic, orchestral, cinematic, soundtrack, trailer, symphonic, ost, 壮大",
        names="heroic, grand, majestic, orchestral, cinematic, 壮大, 勇壮, 英雄, 荘厳",
    ),
    _mood(
        "calm",
        50,
        90,
        words="calm, ambient, relax, lofi, lo fi, new age, acoustic, healing, 癒し, 静か",
        names="peaceful, quiet, relaxed, relaxing, gentle, serene, 穏やか, 静か, 落ち着いた, 癒し, のどか",
    ),
    _mood(
        "sad",
        50,
        95,
        words="sad, ballad, blues, melancholy, piano, tears, 悲しみ, 涙",
        names="melancholic, melancholy, sorrowful, lonely, 悲しい, 切ない, 寂しい, 哀しい, 涙",
    ),
    _mood(
        "happy",
        105,
        150,
        words="happy, pop, j pop, ska, funk, disco, 楽しい",
        names="cheerful, joyful, bright, fun, comedy, 楽しい, 嬉しい, 明るい, 元気, 陽気",
    ),
    _mood(
        "energetic",
        130,
        200,
        words="rock, metal, punk, dance, edm, techno, drum and bass, hardcore, アニソン",
        names="action, fast, exciting, upbeat, powerful, battle, fight, 激しい, 熱い, 興奮, バトル, 戦闘, 疾走",
    ),
    _mood(
        "tense",
        90,
        150,
        words="tension, suspense, thriller, horror, industrial, 緊張, 緊迫",
        names="suspenseful, anxious, nervous, thrilling, 緊張, 緊迫, 不安, 焦り",
    ),
    _mood(
        "romantic",
        60,
        110,
        words="romantic, love, romance, r b, soul, bossa nova, jazz, 恋, 愛",
        names="love, tender, sweet, warm, 恋, 恋愛, ロマンチック, 甘い, 優しい",
    ),
    _mood(
        "dark",
        60,
        120,
        words="dark, gothic, doom, darkwave, horror, 闇",
        names="gloomy, ominous, sinister, scary, horror, 暗い, 闇, 怖い, 不気味, 陰鬱",
    ),
    _mood(
        "dreamy",
        60,
        110,
        words="dream, dream pop, shoegaze, ambient, ethereal, chillwave, 夢",
        names="ethereal, magical, floating, nostalgic, 夢, 幻想的, ふわふわ, 懐かしい, 神秘的",
    ),
    _mood(
        "mysterious",
        60,
        115,
        words="mystery, mystic, enigma, trip hop, ethnic, 謎",
        names="mystery, mystical, enigmatic, 謎, ミステリアス, 不思議",
    ),
)
_BY_NAME = {normalise(name): mood for mood in MOODS for name in (mood.name, *mood.names)}
MOOD_NAMES = tuple(mood.name for mood in MOODS)


def find_mood(word: str) -> Mood | None:
    """The mood that a word names, in any case and character width; None for an unknown word."""
    return _BY_NAME.get(normalise(word))
