"""What a format cannot hold at all is refused before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from tower.assembly.cut import EpisodeCut, Shot, TransitionKind
from tower.assembly.editors.media import ItemSource
from tower.assembly.editors.report import ExportFormat
from tower.errors import InvalidError

TIMECODE_RATES = frozenset(
    {*map(Fraction, (24, 25, 30, 48, 50, 60)), *(Fraction(base * 1000, 1001) for base in (24, 30, 48, 60))}
)
MAX_EVENTS = 999  # an EDL numbers them with three digits
DAY_S = 24 * 3600  # timecode starts from 0 again
PLAIN_FORMATS = frozenset({ExportFormat.EDL, ExportFormat.FCPXML7})  # without speeds, and with one rate for all


def check_export(cut: EpisodeCut, form: ExportFormat, sources: Sequence[ItemSource], start_frame: int) -> None:
    """Raises InvalidError, which names the part of the cut that the format cannot hold."""
    if start_frame < 0:
        raise InvalidError.field("start_frame", start_frame, "0 or more")
    _check_transitions(cut, form)
    if form in PLAIN_FORMATS:
        _check_timecode(cut, form, start_frame)
        for source in sources:
            _check_plain(cut, form, source)
    if form is ExportFormat.EDL:
        _check_events(cut)


def count_fades(cut: EpisodeCut) -> int:
    return sum(transition.kind is TransitionKind.FADE for transition in cut.transitions)


def _check_transitions(cut: EpisodeCut, form: ExportFormat) -> None:
    for number, transition in enumerate(cut.transitions):
        name = f"transitions.{number}.frames"
        is_fade, is_dissolve = transition.kind is TransitionKind.FADE, transition.kind is TransitionKind.DISSOLVE
        if transition.frames == 1 and (is_fade or (is_dissolve and form is ExportFormat.FCPXML7)):
            raise InvalidError.field(name, 1, f"at least 2 frames for a {transition.kind} in {form}")
        if is_dissolve and number == 0:
            _check_first_item(cut, form)


def _check_first_item(cut: EpisodeCut, form: ExportFormat) -> None:
    """In an EDL the item before a dissolve has an event of its own, which ends where the dissolve begins."""
    used = cut.transitions[0].frames
    own = 1 if form is ExportFormat.EDL or used == 1 else 0
    if cut.items[0].frames < used + own:
        raise InvalidError.field("items.0", cut.items[0].frames, f"at least {used + own} frames before this dissolve")


def _check_timecode(cut: EpisodeCut, form: ExportFormat, start_frame: int) -> None:
    if cut.form.fps not in TIMECODE_RATES:
        rates = ", ".join(str(rate) for rate in sorted(TIMECODE_RATES))
        raise InvalidError.field("form.fps", str(cut.form.fps), f"a rate that {form} can hold: {rates}; or otio")
    if (start_frame + cut.frames) / cut.form.fps >= DAY_S:
        raise InvalidError.field("start_frame", start_frame, "a film that ends before 24:00:00:00")


def _check_plain(cut: EpisodeCut, form: ExportFormat, source: ItemSource) -> None:
    if source.is_rendered or not isinstance(source.item, Shot):
        return
    remedy = f"in {form}, which needs the clip that the assembly renders; otio holds it"
    if source.speed != 1:
        raise InvalidError.field(f"{source.name}.speed", float(source.speed), f"1 {remedy}")
    if source.item.frozen_frames:
        raise InvalidError.field(f"{source.name}.effect", "freeze", f"another effect {remedy}")
    if source.file is not None and source.file.rate != cut.form.fps:
        raise InvalidError.field(f"{source.name}.take", str(source.file.rate), f"a take of {cut.form.fps} fps {remedy}")


def _check_events(cut: EpisodeCut) -> None:
    events = len(cut.items) + count_fades(cut)
    if events > MAX_EVENTS:
        raise InvalidError.field("items", events, f"at most {MAX_EVENTS} events, of which a fade takes one")
