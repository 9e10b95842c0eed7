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
from tower.conform.loudness import Loudness, loudness_of
from tower.conform.measure import Measured, measure
from tower.conform.pictures import Order, copied, encoded_anew, order_of
from tower.conform.sound import Music
from tower.conform.timing import TICKS, schedule
from tower.errors import TowerError
from tower.errors.codes import ErrorCode
from tower.media.decode import opened
from tower.media.files import DiskFullError, writing
from tower.media.probe import Probe
from tower.sync.plan import Plan

MP4 = {"movflags": "+faststart", "movie_timescale": str(TICKS)}


class ConformError(TowerError):
    """The video and the music cannot be combined. Both files stay unchanged."""

    code = ErrorCode.CONFORM_FAILED


class How(StrEnum):
    COPIED = "copied packets"
    ENCODED = "re-encoded"


@dataclass(frozen=True)
class Conformed:
    """The conformed file. `why`: the reason why packets were not copied; None if they were.

    `took_s` is the total time. `writing_s` is the writing alone, without measuring loudness and result.
    """

    probe: Probe
    measured: Measured
    loudness: Loudness
    how: How
    why: str | None
    took_s: float
    writing_s: float


def conform(
    video: Path, music: Music, plan: Plan, target: Path, *, alive: Callable[[], None] = lambda: None
) -> Conformed:
    """Write `video`, retimed as planned and with the music, to `target`.

    After an error `target` is as it was before. `alive` is called for every packet and may raise to stop the work.
    Raises ConformError, MediaUnreadableError, DiskFullError.
    """
    began = time.perf_counter()
    order = order_of(video)
    if len(order.ranks) != plan.clip.frames:
        raise ConformError(f"{video.name} has {len(order.ranks)} frames and the plan is for {plan.clip.frames}")
    loudness = loudness_of(sound.stretch(music, plan.clip.duration_s), alive=alive)
    why = order.why or _reason_to_encode(plan)
    try:
        with writing(target) as part:
            writes = time.perf_counter()
            _write(video, music, plan, part, alive=alive, order=None if why else order, gain=loudness.gain)
            writing_s = time.perf_counter() - writes
            probe, measured = measure(part, plan)
            _verify(probe, plan)
    except DiskFullError:
        raise
    except (OSError, av.FFmpegError) as error:
        raise ConformError(f"The video with its music cannot be written to {target}: {error}") from error
    how = How.ENCODED if why else How.COPIED
    return Conformed(probe, measured, loudness, how, why, time.perf_counter() - began, writing_s)


def _reason_to_encode(plan: Plan) -> str | None:
    """The reason why the packets cannot be copied: some frames are dropped or repeated. None if they can."""
    same = all(source == number for number, (source, _) in enumerate(schedule(plan)))
    return None if same else "frames are dropped or repeated to keep a constant rate"


def _write(
    video: Path,
    music: Music,
    plan: Plan,
    part: Path,
    *,
    alive: Callable[[], None],
    order: Order | None,
    gain: float,
) -> None:
    with av.open(str(part), "w", format="mp4", options=MP4) as out:
        out.metadata.update(_tags(video))
        with _pictures(video, plan, order, out) as video_packets:
            audio_packets = sound.packets(music, plan.clip.duration_s, gain=gain, out=out)
            for packet in merge(video_packets, audio_packets, key=_time):
                alive()
                out.mux(packet)


def _pictures(
    video: Path, plan: Plan, order: Order | None, out: OutputContainer
) -> AbstractContextManager[Iterable[Packet[Any]]]:
    return encoded_anew(video, plan, out) if order is None else copied(video, plan, order, out)


def _time(packet: Packet[Any]) -> float:
    return float((packet.dts or 0) * (packet.time_base or 0))


def _tags(video: Path) -> dict[str, str]:
    of_the_container = ("encoder", "major_brand", "minor_version", "compatible_brands")
    with opened(video) as container:
        return {name: value for name, value in container.metadata.items() if name not in of_the_container}


def _verify(probe: Probe, plan: Plan) -> None:
    if probe.fault:
        raise ConformError(f"The video with its music is damaged: {probe.fault}")
    if probe.frames != plan.clip.frames:
        raise ConformError(f"The video with its music has {probe.frames} frames instead of {plan.clip.frames}")
    if probe.audio is None:
        raise ConformError("The video with its music has no sound")
