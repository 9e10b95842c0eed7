"""Writes the pictures of the result: packets are copied with new times if possible, otherwise frames are re-encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from db.models.music import FrameTiming
from tower.conform.timing import end_tick, frame_schedule, tick_s
from tower.media.clips import decode_frames, find_video_stream
from tower.media.decode import MediaUnreadableError, open_container
from tower.media.x264 import CRF12_OPTIONS, configure_encoder
from tower.sync.plan import CutPlan


@dataclass(frozen=True)
class PacketOrder:
    """The order of the packets of a video.

    `display_ranks`: for each packet, the display position of its frame, from 0. `max_delay_packets`: the most
    packets by which a frame comes after its display position. `reason_to_encode`: the reason why packets cannot be
    copied, or None.
    """

    display_ranks: tuple[int, ...]
    max_delay_packets: int
    reason_to_encode: str | None


def read_packet_order(path: Path) -> PacketOrder:
    """Read the packets without decoding them. Raises MediaUnreadableError for a truncated file or one without video."""
    with open_container(path) as container:
        video = find_video_stream(container, path)
        times = [(packet.pts, packet.is_discard) for packet in _packets(container, video, path)]
        if not times or len(times) < video.frames:
            raise MediaUnreadableError(f"{path.name} is cut off: {len(times)} of its {video.frames} frames are there")
        why = None
        if video.codec_context.name != "h264":
            why = "it is not H.264"
        elif any(pts is None or hidden for pts, hidden in times):
            why = "its edit list hides frames, or some have no time"
    by_time = sorted(range(len(times)), key=lambda index: times[index][0] or 0)
    ranks = [0] * len(times)
    for rank, index in enumerate(by_time):
        ranks[index] = rank
    return PacketOrder(tuple(ranks), max(index - rank for index, rank in enumerate(ranks)), why)


@contextmanager
def copy_packets(
    path: Path, plan: CutPlan, order: PacketOrder, out: OutputContainer
) -> Iterator[Iterator[Packet[VideoStream]]]:
    """The packets of the video with their new times, for a stream that is added to `out`."""
    with open_container(path) as container:
        video = find_video_stream(container, path)
        stream = out.add_stream_from_template(video)
        stream.time_base = tick_s(plan)
        yield _retimed(_packets(container, video, path), stream, plan, order)


@contextmanager
def encode_packets(path: Path, plan: CutPlan, out: OutputContainer) -> Iterator[Iterator[Packet[VideoStream]]]:
    """Packets of re-encoded frames, repeated and timed as planned, for a stream of `out`. Every cut is an IDR frame."""
    with open_container(path) as container:
        video = find_video_stream(container, path)
        size = (video.width, video.height)
    stream = out.add_stream("libx264", rate=plan.clip.fps)
    configure_encoder(stream.codec_context, size=size, rate=plan.clip.fps, options={**CRF12_OPTIONS, "forced-idr": "1"})
    stream.codec_context.time_base = stream.time_base = tick_s(plan)
    yield _encoded(path, plan, stream)


def _retimed(
    packets: Iterable[Packet[VideoStream]], stream: VideoStream, plan: CutPlan, order: PacketOrder
) -> Iterator[Packet[VideoStream]]:
    times = [time for _, time in frame_schedule(plan)] + [end_tick(plan)]
    for index, packet in enumerate(packets):
        rank, dts_index = order.display_ranks[index], index - order.max_delay_packets
        packet.stream, packet.time_base = stream, tick_s(plan)
        packet.pts = times[rank]
        packet.dts = (
            times[dts_index] if dts_index >= 0 else dts_index
        )  # before the first frame any ascending values will do
        packet.duration = times[rank + 1] - times[rank]
        yield packet


def _encoded(path: Path, plan: CutPlan, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    starts = {cut.at_frame if plan.timing == FrameTiming.CONSTANT else cut.frame for cut in plan.cuts}
    for number, (frame, time) in enumerate(_scheduled_frames(decode_frames(path), frame_schedule(plan))):
        frame.pts, frame.time_base = time, tick_s(plan)
        frame.pict_type = PictureType.I if number in starts else PictureType.NONE
        yield from _assign_stream(stream.encode(frame), stream)
    yield from _assign_stream(stream.encode(None), stream)


def _scheduled_frames(
    frames: Iterator[VideoFrame], timings: Sequence[tuple[int, int]]
) -> Iterator[tuple[VideoFrame, int]]:
    """Each frame as often as it is scheduled, with its time in ticks."""
    entries = iter(timings)
    source, time = next(entries)
    for number, frame in enumerate(frames):
        while source == number:
            yield frame, time
            following = next(entries, None)
            if following is None:
                return
            source, time = following
    raise MediaUnreadableError(f"The video ends before its frame {source}")


def _assign_stream(packets: Iterable[Packet[VideoStream]], stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    for packet in packets:
        packet.stream = stream
        yield packet


def _packets(container: InputContainer, video: VideoStream, path: Path) -> Iterator[Packet[VideoStream]]:
    try:
        yield from (packet for packet in container.demux(video) if packet.size)
    except av.FFmpegError as error:
        raise MediaUnreadableError(f"{path.name} cannot be read to its end") from error
