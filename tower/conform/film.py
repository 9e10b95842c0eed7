"""Conforms a video to its plan and adds the music. The result is decoded and measured before it replaces the target."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from heapq import merge
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.packet import Packet

from tower.conform import sound
from tower.conform.loudness import Loudness, measure_loudness
from tower.conform.measure import SyncMeasurement, measure_sync
from tower.conform.pictures import PacketOrder, copy_packets, encode_packets, read_packet_order
from tower.conform.sound import MusicExcerpt
from tower.conform.timing import TICKS_PER_S, frame_schedule
from tower.errors import TowerError
from tower.errors.codes import ErrorCode
from tower.errors.foreign import reason_of
from tower.media.decode import open_container
from tower.media.files import DiskFullError, write_atomically
from tower.media.probe import Probe
from tower.sync.plan import CutPlan

MP4_OPTIONS = {"movflags": "+faststart", "movie_timescale": str(TICKS_PER_S)}


class ConformError(TowerError):
    """The video and the music cannot be combined. Both files stay unchanged."""

    code = ErrorCode.CONFORM_FAILED


class WriteMethod(StrEnum):
    COPIED = "copied packets"
    ENCODED = "re-encoded"


@dataclass(frozen=True)
class ConformResult:
    """The conformed file. `reason_encoded`: the reason why packets were not copied; None if they were.

    `total_s` is the total time. `writing_s` is the writing alone, without measuring loudness and result.
    """

    probe: Probe
    measurement: SyncMeasurement
    loudness: Loudness
    method: WriteMethod
    reason_encoded: str | None
    total_s: float
    writing_s: float


def conform_video(
    video: Path, music: MusicExcerpt, plan: CutPlan, target: Path, *, check_alive: Callable[[], None] = lambda: None
) -> ConformResult:
    """Write `video`, retimed as planned and with the music, to `target`.

    After an error `target` is as it was before. `check_alive` is called for every packet and may raise to stop the
    work. Raises ConformError, MediaUnreadableError, DiskFullError.
    """
    began = time.perf_counter()
    order = read_packet_order(video)
    if len(order.display_ranks) != plan.clip.frames:
        raise ConformError(f"{video.name} has {len(order.display_ranks)} frames and the plan is for {plan.clip.frames}")
    loudness = measure_loudness(sound.read_samples(music, plan.clip.duration_s), check_alive=check_alive)
    why = order.reason_to_encode or _reason_to_encode(plan)
    try:
        with write_atomically(target) as part:
            writes = time.perf_counter()
            _write(video, music, plan, part, alive=check_alive, order=None if why else order, gain=loudness.gain)
            writing_s = time.perf_counter() - writes
            probe, measured = measure_sync(part, plan)
            _verify(probe, plan)
    except DiskFullError:
        raise
    except (OSError, av.FFmpegError) as error:
        raise ConformError(f"The video with its music cannot be written to {target}: {reason_of(error)}") from error
    how = WriteMethod.ENCODED if why else WriteMethod.COPIED
    return ConformResult(probe, measured, loudness, how, why, time.perf_counter() - began, writing_s)


def _reason_to_encode(plan: CutPlan) -> str | None:
    """The reason why the packets cannot be copied: some frames are dropped or repeated. None if they can."""
    same = all(source == number for number, (source, _) in enumerate(frame_schedule(plan)))
    return None if same else "frames are dropped or repeated to keep a constant rate"


def _write(
    video: Path,
    music: MusicExcerpt,
    plan: CutPlan,
    part: Path,
    *,
    alive: Callable[[], None],
    order: PacketOrder | None,
    gain: float,
) -> None:
    with av.open(str(part), "w", format="mp4", options=MP4_OPTIONS) as out:
        out.metadata.update(_tags(video))
        with _pictures(video, plan, order, out) as video_packets:
            audio_packets = sound.encode_music(music, plan.clip.duration_s, gain=gain, out=out)
            for packet in merge(video_packets, audio_packets, key=_time):
                alive()
                out.mux(packet)


def _pictures(
    video: Path, plan: CutPlan, order: PacketOrder | None, out: OutputContainer
) -> AbstractContextManager[Iterable[Packet[Any]]]:
    return encode_packets(video, plan, out) if order is None else copy_packets(video, plan, order, out)


def _time(packet: Packet[Any]) -> float:
    return float((packet.dts or 0) * (packet.time_base or 0))


def _tags(video: Path) -> dict[str, str]:
    of_the_container = ("encoder", "major_brand", "minor_version", "compatible_brands")
    with open_container(video) as container:
        return {name: value for name, value in container.metadata.items() if name not in of_the_container}


def _verify(probe: Probe, plan: CutPlan) -> None:
    if probe.fault:
        raise ConformError(f"The video with its music is damaged: {probe.fault}")
    if probe.frames != plan.clip.frames:
        raise ConformError(f"The video with its music has {probe.frames} frames instead of {plan.clip.frames}")
    if probe.audio is None:
        raise ConformError("The video with its music has no sound")
