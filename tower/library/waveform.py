"""A waveform as SVG: the sound, its beats, its downbeats, its tempo, its sections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from tower.beats.results import Analysis
from tower.beats.structure.results import Structure
from tower.errors.foreign import make_printable
from tower.library.peaks import Peaks

WIDTH, HEIGHT, LABEL_HEIGHT = 1200, 200, 18  # pixels; LABEL_HEIGHT is the line above the sound
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#334}"
    ".sound{fill:#6b7fd7}.beat{stroke:#0008;stroke-width:.5}.downbeat{stroke:#c0392b;stroke-width:1}"
    ".tempo{stroke:#1e8449;stroke-width:1;stroke-dasharray:4 2}"
    ".section{fill:#f5b041;opacity:.16}.section.odd{fill:#5dade2}.drop{stroke:#8e44ad;stroke-width:2}"
)


def draw_waveform(title: str, peaks: Peaks, analysis: Analysis | None, structure: Structure | None = None) -> str:
    """Draw a waveform. `analysis` is None if the track has not been analysed, which the label then says.

    Without a `structure` no sections, drops and key are drawn.
    """
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" data-duration="{peaks.duration_s:.3f}">',
        f"<title>{escape(make_printable(title))}</title><style>{STYLE}</style>",
        *_sections(peaks.duration_s, structure),
        f'<path class="sound" d="{_outline(peaks)}"/>',
        *_beats(peaks.duration_s, analysis),
        *_drops(peaks.duration_s, structure),
        f'<text x="4" y="13" class="label">{escape(_label(analysis) + _key(structure))}</text></svg>',
    ]
    return "\n".join(parts)


def _outline(peaks: Peaks) -> str:
    middle, half = LABEL_HEIGHT + (HEIGHT - LABEL_HEIGHT) / 2, (HEIGHT - LABEL_HEIGHT) / 2
    step = WIDTH / max(1, len(peaks.high))
    above = [(i * step, middle - value * half) for i, value in enumerate(peaks.high)]
    below = [(i * step, middle - value * half) for i, value in enumerate(peaks.low)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (*above, *reversed(below))) + "Z"


def _beats(duration_s: float, analysis: Analysis | None) -> Iterator[str]:
    if analysis is None or not duration_s:
        return
    down = set(analysis.downbeat_times_s)
    yield _lines("beat", (time for time in analysis.beat_times_s if time not in down), duration_s)
    yield _lines("downbeat", analysis.downbeat_times_s, duration_s)
    yield _lines("tempo", (change.time_s for change in analysis.tempo_changes[1:]), duration_s)
    for change in analysis.tempo_changes[1:]:
        yield f'<text x="{change.time_s / duration_s * WIDTH + 3:.1f}" y="{HEIGHT - 4}">{change.bpm:.1f}</text>'


def _sections(duration_s: float, structure: Structure | None) -> Iterator[str]:
    """Bands behind the sound, and their letters below the words above it."""
    if structure is None or not duration_s:
        return
    for number, section in enumerate(structure.sections):
        start, end = (min(time_s / duration_s, 1) * WIDTH for time_s in (section.start_s, section.end_s))
        kind = "section odd" if number % 2 else "section"
        size = f'width="{end - start:.1f}" height="{HEIGHT - LABEL_HEIGHT}"'
        yield f'<rect class="{kind}" x="{start:.1f}" y="{LABEL_HEIGHT}" {size}/>'
        yield f'<text x="{start + 3:.1f}" y="{LABEL_HEIGHT + 12}" class="letter">{escape(section.label)}</text>'


def _drops(duration_s: float, structure: Structure | None) -> Iterator[str]:
    if structure is not None and duration_s:
        yield _lines("drop", (drop.time_s for drop in structure.drops), duration_s)


def _lines(kind: str, times_s: Iterable[float], duration_s: float) -> str:
    drawn = "".join(
        f"M{time / duration_s * WIDTH:.1f} {LABEL_HEIGHT}V{HEIGHT}" for time in times_s if time <= duration_s
    )
    return f'<path class="{kind}" d="{drawn}"/>' if drawn else ""


def _label(analysis: Analysis | None) -> str:
    if analysis is None:
        return "beats: not analysed yet (POST /api/bpm/analyze-track)"
    if analysis.bpm is None:
        return f"beats: none found ({analysis.reason})"
    beats = f"{len(analysis.beat_times_s)} beats, {len(analysis.downbeat_times_s)} downbeats"
    return f"{analysis.bpm:.1f} BPM, confidence {analysis.confidence:.2f}, {beats}"


def _key(structure: Structure | None) -> str:
    if structure is None or structure.key is None:
        return ""
    return f", {structure.key.tonic} {structure.key.mode} ({structure.key.confidence:.2f})"
