"""Finds the input that decides how many frames a graph makes."""

from __future__ import annotations

from collections.abc import Callable

from tower.workflows.inference_notes import InferenceNotes
from tower.workflows.kinds import carries_pictures
from tower.workflows.nodes import inputs_of
from tower.workflows.paths import GraphPaths

LENGTH_INPUTS = (
    "length",
    "num_frames",
    "video_frames",
    "frames",
    "frame_count",
    "frames_number",
    "video_length",
    "num_video_frames",
    "total_frames",
)
REPEAT_INPUTS = ("amount", "multiply_by", "repeats")
BATCH_INPUTS = ("batch_size",)
RATE_INPUTS = ("frame_rate", "fps")


def find_frames(paths: GraphPaths, notes: InferenceNotes, nodes: list[str], finished: list[str]) -> None:
    """Bind the length of the video that is made; without one, how often a picture is repeated or how many are made.

    A node that takes some frames out of those that exist makes none, and `batch_size` beside a length makes whole
    videos.
    """
    lengths = _inputs(paths, nodes, LENGTH_INPUTS, lambda node: not _takes_out(paths, node))
    if lengths:
        _bind_equal(paths, notes, lengths)
        return
    if not any(paths.has_inputs(node, name) for node in finished for name in RATE_INPUTS):
        notes.note_missing("frames", "the graph saves pictures, not a clip")
        return
    repeats = _inputs(paths, nodes, REPEAT_INPUTS, lambda node: _takes_pictures(paths, node))
    batches = _inputs(paths, nodes, BATCH_INPUTS, lambda node: not _takes_pictures(paths, node))
    if repeats and any(_number(paths, *batch) not in (None, 1) for batch in batches):
        kept = [repeat for repeat in repeats if _number(paths, *repeat) != 1]
        if kept:
            named = f"{kept[0][1]} of {paths.name_of(kept[0][0])}"
            both = f"{batches[0][1]} of {paths.name_of(batches[0][0])}"
            notes.note_missing("frames", f"{named} multiplies {both}")
            return
        repeats = []
    if not (repeats or batches):
        notes.note_missing("frames", "no node sets the number of pictures")
        return
    _bind_equal(paths, notes, repeats[:1] or batches[:1])


def _bind_equal(paths: GraphPaths, notes: InferenceNotes, inputs: list[tuple[str, str]]) -> None:
    """Bind the first of the inputs, and the others that have the same value."""
    trail = paths.trail(*inputs[0])
    if trail.holder is None:
        notes.note_missing("frames", trail.end)
        return
    value = _number(paths, *inputs[0])
    same = [paths.value_holder(*other) for other in inputs if _number(paths, *other) == value]
    notes.note_found("frames", same, "the number of pictures")


def _inputs(
    paths: GraphPaths, nodes: list[str], names: tuple[str, ...], where: Callable[[str], bool]
) -> list[tuple[str, str]]:
    return [(node, name) for node in nodes for name in names if name in inputs_of(paths.graph, node) and where(node)]


def _takes_pictures(paths: GraphPaths, node: str) -> bool:
    return any(carries_pictures(paths.link_type(link)) for link in paths.links(node).values())


def _takes_out(paths: GraphPaths, node: str) -> bool:
    """Whether the node gives some of the frames that it takes. A maker of videos sets their size, or samples them."""
    makes = paths.has_inputs(node, "width", "height") or any(
        paths.has_inputs(node, name) for name in ("steps", "audio_encoder_output")
    )
    return _takes_pictures(paths, node) and not makes


def _number(paths: GraphPaths, node: str, name: str) -> int | None:
    holder = paths.value_holder(node, name)
    value = inputs_of(paths.graph, holder[0])[holder[1]] if holder else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
