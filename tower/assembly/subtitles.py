"""Subtitles as files and as lines for the film. Tested with two other readers of these formats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from tower.assembly.cut import SubtitleCue

_BRACES = str.maketrans({"{": "｛", "}": "｝", "\\": "＼"})  # ASS reads {…} and \N as commands
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class SubtitleFormat(StrEnum):
    SRT = "srt"
    VTT = "vtt"
    ASS = "ass"


@dataclass(frozen=True)
class SubtitleLine:
    """Text that is seen from `start_frame` until `end_frame`. No two lines of one language are seen at once."""

    start_frame: int
    end_frame: int
    text: str


def cue_ms(frame: int, fps: Fraction) -> int:
    """The time of a cue that is seen from `frame`: half a frame early, as one on the edge of a frame is often late."""
    return max(0, round(1000 * (frame - Fraction(1, 2)) / fps))


def languages(cues: Iterable[SubtitleCue]) -> list[str]:
    """The languages in the order of their first cues."""
    return list(dict.fromkeys(cue.language for cue in cues))


def write_subtitles(cues: Iterable[SubtitleCue], fps: Fraction, kind: SubtitleFormat) -> str:
    """The text of a subtitle file with cues of one language, in the order of their times."""
    import pysubs2  # only files of subtitles need it

    subtitles = pysubs2.SSAFile()
    subtitles.info["ScriptType"] = "v4.00+"
    for cue in clean_cues(cues):
        start, end = cue_ms(cue.start_frame, fps), cue_ms(cue.end_frame, fps)
        text = _escape(cue.text, kind).replace("\n", "\\N")
        event = pysubs2.SSAEvent(start=start, end=end, text=text)
        event.name = _escape(cue.speaker or "", kind).replace(",", " ").replace("\n", " ")
        subtitles.append(event)
    return str(subtitles.to_string(kind.value))


def clean_cues(cues: Iterable[SubtitleCue]) -> list[SubtitleCue]:
    """The cues in the order of their times, without empty ones and without blank lines, which would end a cue."""
    cleaned = (replace(cue, text=_lines(cue.text)) for cue in cues)
    kept = [cue for cue in cleaned if cue.text and cue.end_frame > cue.start_frame]
    return sorted(kept, key=lambda cue: (cue.start_frame, cue.end_frame))


def split_overlaps(cues: Iterable[SubtitleCue]) -> list[SubtitleLine]:
    """Lines of which only one is seen at a time. Where cues overlap, their texts stand below each other."""
    kept = clean_cues(cues)
    edges = sorted({edge for cue in kept for edge in (cue.start_frame, cue.end_frame)})
    lines: list[SubtitleLine] = []
    for start, end in pairwise(edges):
        text = "\n".join(cue.text for cue in kept if cue.start_frame <= start < cue.end_frame)
        if text and lines and lines[-1].text == text and lines[-1].end_frame == start and not _begins(kept, start):
            lines[-1] = replace(lines[-1], end_frame=end)
        elif text:
            lines.append(SubtitleLine(start, end, text))
    return lines


def lines_between(lines: Sequence[SubtitleLine], start: int, end: int) -> tuple[SubtitleLine, ...]:
    """The lines that are seen in these frames, with times from `start`."""
    seen = (line for line in lines if line.start_frame < end and line.end_frame > start)
    return tuple(
        SubtitleLine(max(line.start_frame, start) - start, min(line.end_frame, end) - start, line.text) for line in seen
    )


def _begins(cues: Sequence[SubtitleCue], frame: int) -> bool:
    return any(cue.start_frame == frame for cue in cues)


def _lines(text: str) -> str:
    return "\n".join(line for line in (" ".join(line.split()) for line in text.splitlines()) if line)


def _escape(text: str, kind: SubtitleFormat) -> str:
    if kind is SubtitleFormat.ASS:
        return text.translate(_BRACES)
    arrows = text.replace("-->", "→").translate(_BRACES)  # "-->" would be read as a time
    return arrows.translate(_MARKUP) if kind is SubtitleFormat.VTT else arrows
