"""Join the segments of a shot. Neighbours share frames, over which one is cross-faded into the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import av

from tower.errors import MergeError
from tower.media.clips import SegmentStream, inspect_stream
from tower.media.crossfade import crossfade_segments
from tower.media.decode import MediaUnreadableError
from tower.media.files import DiskFullError, publish_copy, write_atomically
from tower.media.overlap import OVERLAP_FRAMES
from tower.media.probe import Probe, probe, probe_frames
from tower.media.seams import NotCopyableError, copy_bodies
from tower.media.x264 import CRF12_OPTIONS, MP4_OPTIONS, configure_encoder, encode_frames

_CONTAINER_TAGS = ("encoder", "major_brand", "minor_version", "compatible_brands")


class JoinMethod(StrEnum):
    ONE_SEGMENT = "copied as is"
    BODIES_COPIED = "copied bodies"
    RE_ENCODED = "re-encoded"


@dataclass(frozen=True)
class JoinResult:
    """A joined video. `took_s` is the time with all checks.

    `encoded_because` is the reason if its bodies were not copied.
    """

    probe: Probe
    method: JoinMethod
    encoded_because: str | None
    took_s: float

    @property
    def frames(self) -> int:
        return self.probe.frames


def join_clips(segments: Sequence[Path], target: Path, *, overlap_frames: int = OVERLAP_FRAMES) -> JoinResult:
    """Write all frames of the segments in order to `target`, an MP4 without sound. Shared frames are blended.

    The result has sum(frames) − overlap_frames · (segments − 1) frames. The parts between the seams are copied without
    loss if the files allow it. Every frame of the result is decoded and counted before it is published; after an error
    `target` is unchanged. Raises MergeError.
    """
    started_s = time.perf_counter()
    try:
        clips = [inspect_stream(path, overlap_frames) for path in segments]
        _check_segments(clips, overlap_frames)
        found, how, why = _write(clips, target, overlap_frames)
    except (MediaUnreadableError, DiskFullError) as error:
        raise MergeError(error.message) from error
    except OSError as error:
        raise MergeError(f"The joined video cannot be written to {target}: {error.strerror}") from error
    return JoinResult(found, how, why, took_s=time.perf_counter() - started_s)


def _check_segments(clips: Sequence[SegmentStream], overlap: int) -> None:
    if not clips:
        raise MergeError("There are no segments to join")
    if overlap < 0:
        raise MergeError(f"Invalid overlap of {overlap} frames: it must be 0 or more")
    first = clips[0]
    for number, clip in enumerate(clips, start=1):
        shared = overlap * ((number > 1) + (number < len(clips)))
        if clip.size != first.size:
            raise MergeError(
                f"Segment {number} is {_size(clip)} but segment 1 is {_size(first)}: they must have the same size"
            )
        if clip.rate != first.rate:
            raise MergeError(
                f"Segment {number} has {float(clip.rate):g} frames per second but segment 1 has {float(first.rate):g}: "
                "they must have the same rate"
            )
        if clip.frames < shared:
            raise MergeError(
                f"Segment {number} has {clip.frames} frames, fewer than the {shared} that it shares with its neighbours"
            )


def _write(clips: Sequence[SegmentStream], target: Path, overlap: int) -> tuple[Probe, JoinMethod, str | None]:
    if len(clips) == 1:
        found = probe(clips[0].path)
        publish_copy(clips[0].path, target)
        return found, JoinMethod.ONE_SEGMENT, None
    with write_atomically(target) as part:
        why = _write_joined(clips, part, overlap)
        found = _verify(part, clips, overlap)
    return found, JoinMethod.RE_ENCODED if why else JoinMethod.BODIES_COPIED, why


def _write_joined(clips: Sequence[SegmentStream], part: Path, overlap: int) -> str | None:
    """Write the joined video. Returns the reason if everything was encoded, otherwise None."""
    try:
        copy_bodies(clips, part, overlap=overlap, tags=_common_tags(clips))
    except NotCopyableError as reason:
        _encode_all(clips, part, overlap)
        return str(reason)
    return None


def _encode_all(clips: Sequence[SegmentStream], part: Path, overlap: int) -> None:
    with av.open(str(part), "w", format="mp4", options=MP4_OPTIONS) as out:
        out.metadata.update(_common_tags(clips))
        stream = out.add_stream("libx264", rate=clips[0].rate)
        configure_encoder(stream.codec_context, size=clips[0].size, rate=clips[0].rate, options=CRF12_OPTIONS)
        for packet in encode_frames(crossfade_segments(clips, overlap), stream.codec_context):
            packet.stream = stream
            out.mux(packet)


def _verify(path: Path, clips: Sequence[SegmentStream], overlap: int) -> Probe:
    """Decode the whole file and check that every frame exists, is intact and is shown at its time."""
    found = probe_frames(path)
    if found.fault:
        for clip in clips:
            probe(clip.path)  # raises an error that names the damaged segment
        raise MergeError(f"The joined video is damaged: {found.fault}")
    expected = sum(clip.frames for clip in clips) - overlap * (len(clips) - 1)
    if found.frames != expected:
        raise MergeError(f"The joined video has {found.frames} frames instead of {expected}")
    if found.timing_error_ms > 1:
        raise MergeError(f"The joined video shows a frame {found.timing_error_ms:.0f} ms off its time")
    return found


def _common_tags(clips: Sequence[SegmentStream]) -> dict[str, str]:
    """Return the tags that are equal in all segments, such as the engine."""
    shared = {n: value for n, value in clips[0].tags.items() if all(clip.tags.get(n) == value for clip in clips)}
    return {name: value for name, value in shared.items() if name not in _CONTAINER_TAGS}


def _size(clip: SegmentStream) -> str:
    return f"{clip.size[0]}×{clip.size[1]}"
