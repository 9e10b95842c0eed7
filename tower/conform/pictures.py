"""The pictures of the result: packets copied with new times where that is enough, else frames encoded anew."""

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
from tower.conform.timing import end, schedule, tick_of
from tower.media.clips import moving_pictures, pictures
from tower.media.decode import MediaUnreadableError, opened
from tower.media.x264 import CRF12, settle
from tower.sync.plan import Plan


@dataclass(frozen=True)
class Order:
    """In which order the packets of a video come. `ranks`: of each packet's frame in the order of showing, from 0.

    `late`: by how many packets a frame at most comes late. `why`: what keeps the packets from being copied; else None.
    """

    ranks: tuple[int, ...]
    late: int
    why: str | None


def order_of(path: Path) -> Order:
    """Read the packets, decode nothing. Raises MediaUnreadableError for what is no video, or is cut off."""
    with opened(path) as container:
        video = moving_pictures(container, path)
        times = [(packet.pts, packet.is_discard) for packet in _packets(container, video, path)]
        if not times or len(times) < video.frames:
            raise MediaUnreadableError(f"{path.name} is cut off: {len(times)} of its {video.frames} frames are there")
        why = None
        if video.codec_context.name != "h264":
            why = "it is not H.264"
        elif any(pts is None or hidden for pts, hidden in times):
            why = "its edit list hides frames, or some have no time"
    by_time = sorted(range(len(times)), key=lambda place: times[place][0] or 0)
    ranks = [0] * len(times)
    for rank, place in enumerate(by_time):
        ranks[place] = rank
    return Order(tuple(ranks), max(place - rank for place, rank in enumerate(ranks)), why)


@contextmanager
def copied(path: Path, plan: Plan, order: Order, out: OutputContainer) -> Iterator[Iterator[Packet[VideoStream]]]:
    """The video's own packets at their new times, one after another, for a stream that is added to `out`."""
    with opened(path) as container:
        video = moving_pictures(container, path)
        stream = out.add_stream_from_template(video)
        stream.time_base = tick_of(plan)
        yield _retimed(_packets(container, video, path), stream, plan, order)


@contextmanager
def encoded_anew(path: Path, plan: Plan, out: OutputContainer) -> Iterator[Iterator[Packet[VideoStream]]]:
    """The same from decoded frames, as often and at the times that the plan wants. Every cut is an IDR."""
    with opened(path) as container:
        video = moving_pictures(container, path)
        size = (video.width, video.height)
    stream = out.add_stream("libx264", rate=plan.clip.fps)
    settle(stream.codec_context, size=size, rate=plan.clip.fps, options={**CRF12, "forced-idr": "1"})
    stream.codec_context.time_base = stream.time_base = tick_of(plan)
    yield _encoded(path, plan, stream)


def _retimed(
    packets: Iterable[Packet[VideoStream]], stream: VideoStream, plan: Plan, order: Order
) -> Iterator[Packet[VideoStream]]:
    times = [time for _, time in schedule(plan)] + [end(plan)]
    for place, packet in enumerate(packets):
        rank, sent = order.ranks[place], place - order.late
        packet.stream, packet.time_base = stream, tick_of(plan)
        packet.pts = times[rank]
        packet.dts = times[sent] if sent >= 0 else sent  # before the first: any that ascend
        packet.duration = times[rank + 1] - times[rank]
        yield packet


def _encoded(path: Path, plan: Plan, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    starts = {cut.at_frame if plan.timing == FrameTiming.CONSTANT else cut.frame for cut in plan.cuts}
    for number, (frame, time) in enumerate(_scheduled(pictures(path), schedule(plan))):
        frame.pts, frame.time_base = time, tick_of(plan)
        frame.pict_type = PictureType.I if number in starts else PictureType.NONE
        yield from _placed(stream.encode(frame), stream)
    yield from _placed(stream.encode(None), stream)


def _scheduled(frames: Iterator[VideoFrame], wanted: Sequence[tuple[int, int]]) -> Iterator[tuple[VideoFrame, int]]:
    """A frame as often as it is wanted, with its times."""
    coming = iter(wanted)
    source, time = next(coming)
    for number, frame in enumerate(frames):
        while source == number:
            yield frame, time
            following = next(coming, None)
            if following is None:
                return
            source, time = following
    raise MediaUnreadableError(f"The video ends before its frame {source}")


def _placed(packets: Iterable[Packet[VideoStream]], stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    for packet in packets:
        packet.stream = stream
        yield packet


def _packets(container: InputContainer, video: VideoStream, path: Path) -> Iterator[Packet[VideoStream]]:
    try:
        yield from (packet for packet in container.demux(video) if packet.size)
    except av.FFmpegError as error:
        raise MediaUnreadableError(f"{path.name} cannot be read to its end") from error
