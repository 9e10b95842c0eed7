"""What a format does not hold of a cut, in words for the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tower.assembly.cut import Card, EpisodeCut, Shot
from tower.assembly.editors.markers import CutMarker
from tower.assembly.editors.media import FileFacts, ItemSource
from tower.assembly.editors.report import ExportFormat, Loss
from tower.assembly.editors.sound import keeps_sound

BUNDLES = frozenset({ExportFormat.OTIO, ExportFormat.OTIOZ})


def list_losses(
    cut: EpisodeCut, form: ExportFormat, sources: Sequence[ItemSource], markers: Sequence[CutMarker]
) -> tuple[Loss, ...]:
    """Every part of the cut that a reader of the file will miss or see otherwise than in the film."""
    return (
        *(loss for source in sources for loss in _of_item(cut, form, source)),
        *_of_sound(cut, form),
        *_of_texts(cut, form),
        *_of_markers(form, markers),
    )


def _of_item(cut: EpisodeCut, form: ExportFormat, source: ItemSource) -> Iterator[Loss]:
    if isinstance(source.item, Card):
        yield _of_card(source, source.item)
    else:
        yield from _of_shot(cut, form, source, source.item)
        if keeps_sound(source):
            yield from _of_scene_sound(form, source, source.item)
    if form is ExportFormat.EDL and not _title(source).isascii():
        yield Loss(source.name, f"Its title is written as {source.name}: an EDL holds ASCII")


def _of_card(source: ItemSource, card: Card) -> Loss:
    kind = f"The {card.kind} card"
    if source.file is None:
        return Loss(source.name, f"{kind} is a clip without a file, as it is not rendered yet")
    return Loss(source.name, f"{kind} is its rendered clip: its lines cannot be edited")


def _of_shot(cut: EpisodeCut, form: ExportFormat, source: ItemSource, shot: Shot) -> Iterator[Loss]:
    if source.is_rendered:
        yield from _of_rendered(source, shot)
        return
    if shot.effect:
        where = "stands in its metadata only" if form in BUNDLES else "is left out"
        yield Loss(source.name, f"Its effect, {shot.effect.kind}, {where}")
    if source.file is not None and source.file.size != (cut.form.width, cut.form.height):
        sizes = f"{_size(source.file)}, and the film {cut.form.width}×{cut.form.height}"
        yield Loss(source.name, f"Its take has {sizes}: editing programs scale it in their own way")


def _of_rendered(source: ItemSource, shot: Shot) -> Iterator[Loss]:
    if shot.speed != 1:
        yield Loss(source.name, f"Its speed of {float(shot.speed):g} is in its rendered clip and cannot be edited")
    if shot.effect:
        yield Loss(source.name, f"Its effect, {shot.effect.kind}, is in its rendered clip and cannot be edited")
    if shot.speed == 1 and not shot.effect:
        yield Loss(source.name, "It is its rendered clip, as its take does not have the form of the film")


def _of_scene_sound(form: ExportFormat, source: ItemSource, shot: Shot) -> Iterator[Loss]:
    if form is ExportFormat.EDL:
        yield Loss(source.name, "The sound of its take is left out: the EDL has one track of pictures")
    elif shot.speed != 1:
        yield Loss(source.name, f"The sound of its take is left out, as it plays at the speed {float(shot.speed):g}")
    else:
        where = "stand in its metadata only" if form in BUNDLES else "are left out"
        yield Loss(source.name, f"The level, ducking and fades of its sound {where}")


def _of_sound(cut: EpisodeCut, form: ExportFormat) -> Iterator[Loss]:
    parts = [f"music.{number}" for number in range(len(cut.music))]
    parts += [f"speech.{number}" for number in range(len(cut.speech))]
    for part in parts:
        if form is ExportFormat.EDL:
            yield Loss(part, "It is left out: the EDL has one track of pictures")
        elif form is ExportFormat.FCPXML7:
            yield Loss(part, "Its level, fades and ducking are left out, and it starts at a whole frame of its file")
        else:
            yield Loss(part, "Its level, fades and ducking stand in its metadata only")


def _of_texts(cut: EpisodeCut, form: ExportFormat) -> Iterator[Loss]:
    if cut.subtitles:
        yield Loss("subtitles", f"Left out: {len(cut.subtitles)} of {len(cut.subtitles)}")
    if cut.cover:
        yield Loss("cover", "The cover is left out")
    tags = sorted(set(cut.tags) - {"title"})
    if tags and form not in BUNDLES:
        yield Loss("tags", f"Left out: {', '.join(tags)}")
    if form is ExportFormat.EDL and not cut.tags.get("title", "").isascii():
        yield Loss("tags", "The title is written as EPISODE: an EDL holds ASCII")


def _of_markers(form: ExportFormat, markers: Sequence[CutMarker]) -> Iterator[Loss]:
    if form in BUNDLES or not markers:
        return
    yield Loss("markers", "Their colours and kinds are left out")
    renamed = sum(not marker.name.isascii() for marker in markers)
    if form is ExportFormat.EDL and renamed:
        yield Loss("markers", f"Named by their kind, as an EDL holds ASCII: {renamed} of {len(markers)}")


def _title(source: ItemSource) -> str:
    return " / ".join(source.item.lines) if isinstance(source.item, Card) else source.item.title


def _size(file: FileFacts) -> str:
    return "no pictures" if file.size is None else f"{file.size[0]}×{file.size[1]}"
