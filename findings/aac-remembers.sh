#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8.1.2): the AAC encoder does not forget where it began. Begun 100 frames later on the same sound,
# it writes other packets, and not only at first: of those from 4.3 s after the later beginning on, 2 to 4 % are equal at
# 192 kbit/s, with either coder. At a constant quality all are equal for one chord, and 12 % for the same chord struck at
# slightly other times. So parts of a film's sound that are encoded side by side, or again after an edit, cannot be
# joined where their packets are equal. Tower encodes at a constant quality and joins where both encoders chose the same
# window, as then the halves of the two packets add up (tower/assembly/slices.py).
#
# Seen on 2026-11-29, Python 3.11, Linux. Fails if it changes. Needs python3.11 or newer, a package index, a minute.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
from fractions import Fraction

import av
import numpy as np

RATE, FRAME, FRAMES, LATER = 48_000, 1024, 1400, 100
time_s = np.arange(FRAMES * FRAME) / RATE
hiss = np.random.default_rng(1).normal(0, 0.02, (2, time_s.size))


def chord(paces):
    """Four notes. `paces`: how often each is struck in a second."""
    notes = zip((220, 277, 330, 415), paces, strict=True)
    rung = sum(np.sin(2 * np.pi * pitch * time_s) * np.exp(-3 * (time_s * pace % 1)) for pitch, pace in notes)
    return (0.15 * rung + hiss).astype(np.float32)


def packets(samples, options, bit_rate=None):
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "stereo", "fltp"
    if bit_rate:
        encoder.bit_rate = bit_rate
    encoder.options = options | {"flags": options.get("flags", "") + "+bitexact"}
    made = []
    for number in range(samples.shape[1] // FRAME):
        part = np.ascontiguousarray(samples[:, number * FRAME : (number + 1) * FRAME])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * FRAME, Fraction(1, RATE)
        made += [bytes(packet) for packet in encoder.encode(frame)]
    return made + [bytes(packet) for packet in encoder.encode(None)]


def equal_share(sound, options, bit_rate=None):
    """Of the packets of both, from 200 frames (4.3 s) after the later beginning on."""
    whole, late = packets(sound, options, bit_rate), packets(sound[:, LATER * FRAME :], options, bit_rate)
    pairs = list(zip(whole[LATER + 200 : -2], late[200:-2], strict=True))
    return round(sum(one == other for one, other in pairs) / len(pairs), 3)


SOUND, OTHER = chord((1.0, 1.14, 1.28, 1.42)), chord((1.0, 8 / 7, 9 / 7, 10 / 7))
QUALITY = {"aac_coder": "fast", "flags": "+qscale", "global_quality": "354"}
found = {
    "twoloop, 192 kbit/s": equal_share(SOUND, {"aac_coder": "twoloop"}, 192_000),
    "fast, 192 kbit/s": equal_share(SOUND, {"aac_coder": "fast"}, 192_000),
    "fast, constant quality": equal_share(SOUND, QUALITY),
    "fast, constant quality, struck at other times": equal_share(OTHER, QUALITY),
}
for name, value in found.items():
    print(name, value)
assert found == {
    "twoloop, 192 kbit/s": 0.018,
    "fast, 192 kbit/s": 0.041,
    "fast, constant quality": 1.0,
    "fast, constant quality, struck at other times": 0.117,
}
PYTHON
