"""x264 settings: those of joined videos, and those that x264 notes in the streams that it encodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

MP4_OPTIONS = {"movflags": "+faststart"}
BT709 = 1  # the code of its primaries, transfer and matrix (ISO/IEC 23091-2)
CRF12_OPTIONS = {"preset": "veryfast", "crf": "12"}
# Equal options give equal decoder configurations, so that takes and conformed shots can be joined by copying.
TAKE_OPTIONS = {
    "preset": "veryfast",
    "tune": "animation",
    "crf": "12",
    "forced-idr": "1",
    "x264-params": "cpu-independent=1",
}
_THREADS = 4  # fixed, as the output of x264 depends on the number of threads

# Settings that x264 accepts with the name and format of its note.
_AS_NOTED = (
    *("cabac", "ref", "me", "subme", "psy", "mixed_refs", "me_range", "chroma_me", "trellis", "8x8dct", "fast_pskip"),
    *("nr", "decimate", "constrained_intra", "bframes", "b_pyramid", "b_adapt", "b_bias", "weightb", "open_gop"),
    *("weightp", "keyint", "scenecut", "rc_lookahead", "mbtree", "crf", "qcomp", "qpmin", "qpmax", "qpstep"),
)


def configure_encoder(
    context: VideoCodecContext, *, size: tuple[int, int], rate: Fraction, options: dict[str, str]
) -> None:
    """Configure an encoder for yuv420p in BT.709. `size` is (width, height) in pixels."""
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.framerate, context.time_base = rate, 1 / rate
    context.thread_count = _THREADS
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = context.color_trc = BT709
    context.options = options


def encode_frames(frames: Iterable[VideoFrame], context: VideoCodecContext) -> Iterator[Packet[VideoStream]]:
    """Encode frames at a constant rate from time 0, and yield the packets."""
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base, frame.pict_type = number, context.time_base, PictureType.NONE
        yield from context.encode(frame)
    yield from context.encode(None)


def parse_settings_note(note: str) -> dict[str, str]:
    """Return encoder options that reproduce a stream from its note "cabac=1 ref=3 deblock=1:0:0 …", packed for MP4.

    The options are not complete, so the caller compares the decoder configurations.
    """
    noted = dict(part.split("=", 1) for part in note.split() if "=" in part)
    noted["mixed_refs"] = noted.pop("mixed_ref", "1")
    settings = {name: noted[name] for name in _AS_NOTED if name in noted}
    settings |= _deblocking(noted.get("deblock", "1:0:0")) | _adaptive_quantisation(noted.get("aq", "0"))
    if "psy_rd" in noted:
        settings["psy-rd"] = noted["psy_rd"].replace(":", ",")
    settings["annexb"] = "0"
    return {"x264-params": ":".join(f"{name}={value}" for name, value in settings.items())}


def _deblocking(noted: str) -> dict[str, str]:
    """Convert `on:strength:threshold`."""
    on, *offsets = noted.split(":")
    return {"deblock": ",".join(offsets)} if on == "1" else {"no-deblock": "1"}


def _adaptive_quantisation(noted: str) -> dict[str, str]:
    """Convert `mode:strength` or `0`."""
    mode, _, strength = noted.partition(":")
    return {"aq-mode": mode} | ({"aq-strength": strength} if strength else {})
