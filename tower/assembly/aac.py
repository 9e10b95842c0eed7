"""AAC: samples to packets and back, and packets to a track."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from tower.assembly.cut import SAMPLE_RATE_HZ
from tower.conform.sound import Samples

FRAME_SAMPLES = 1024
SETTLED_FRAMES = 8  # after which the encoder writes silence in the same way
# At a constant rate the encoder tries up to five times to spend all bits on a frame, and what it tries depends on
# the frames before it. At a constant quality it does neither. `bitexact` leaves out the encoder's name in packets.
QUALITY = {"aac_coder": "fast", "flags": "+qscale+bitexact", "global_quality": "354"}
_PAIR, _COMMON_WINDOW = 0b001, 0b1  # ISO/IEC 14496-3: a channel pair, whose channels have the same window
_WINDOW = 0b0111_0000  # of its second byte: the sequence of windows and their shape


def count_packets(samples: int) -> int:
    """Each packet is a window over two frames, so there is one packet more than frames."""
    return -(-samples // FRAME_SAMPLES) + 1


def encode_packets(pieces: Iterable[Samples]) -> list[bytes]:
    """Packet number i is the window over frames i - 1 and i of the samples."""
    encoder = _open_encoder()
    packets, at = [], 0
    for samples in _frames(pieces):
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, at, Fraction(1, SAMPLE_RATE_HZ)
        at += samples.shape[1]
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets + [bytes(packet) for packet in encoder.encode(None)]


def decode_packets(packets: Iterable[bytes]) -> Iterator[Samples]:
    """The sound of each packet with the one before it. What the first one decodes to is only half of it."""
    decoder = av.CodecContext.create("aac", "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.extradata = _header()
    for packet in packets:
        for frame in decoder.decode(Packet(packet)):
            yield np.asarray(frame.to_ndarray(), np.float32)


def can_follow(before: bytes, same: bytes) -> bool:
    """Whether what follows `same` may follow `before`, where both encode the same frames.

    Windows overlap: half of what a packet decodes to is cancelled by the next one, if both have the same window.
    """
    known = all(packet[0] >> 5 == _PAIR and packet[0] & _COMMON_WINDOW for packet in (before, same))
    return known and before[1] & _WINDOW == same[1] & _WINDOW


def write_track(packets: Iterable[bytes], samples: int, target: Path) -> None:
    """Write the packets of that many samples as one track of an MP4 file, whose edit list hides the first packet."""
    with av.open(str(target), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="stereo")
        assert isinstance(stream, AudioStream)
        for number, data in enumerate(packets):
            packet: Packet[Any] = Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, SAMPLE_RATE_HZ)
            packet.pts = packet.dts = (number - 1) * FRAME_SAMPLES
            packet.duration = min(FRAME_SAMPLES, samples - (number - 1) * FRAME_SAMPLES)
            out.mux(packet)


def write_silence(samples: int, target: Path) -> None:
    """Write a track of silence. Its frames are equal, so a few are encoded and the rest repeat one of them."""
    encoded: Sequence[bytes] = encode_packets([np.zeros((2, SETTLED_FRAMES * FRAME_SAMPLES), np.float32)])
    packets = (encoded[min(number, SETTLED_FRAMES - 1)] for number in range(count_packets(samples)))
    write_track(packets, samples, target)


@lru_cache(maxsize=1)
def _header() -> bytes:
    encoder = _open_encoder()
    encoder.open()
    return bytes(encoder.extradata or b"")


def _open_encoder() -> AudioCodecContext:
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE_HZ, "stereo", "fltp"
    encoder.options = dict(QUALITY)
    return encoder


def _frames(pieces: Iterable[Samples]) -> Iterator[Samples]:
    """The samples in pieces of an AAC frame. The last may be shorter."""
    rest = np.zeros((2, 0), np.float32)
    for piece in pieces:
        rest = np.concatenate([rest, piece], axis=1)
        whole = rest.shape[1] // FRAME_SAMPLES * FRAME_SAMPLES
        for start in range(0, whole, FRAME_SAMPLES):
            yield rest[:, start : start + FRAME_SAMPLES]
        rest = rest[:, whole:]
    if rest.shape[1]:
        yield rest
