#!/usr/bin/env bash
# moviepy 2.2.1 with Pillow 11.3.0 moves pictures by whole pixels, and says so nowhere:
# 1. A slow zoom (Resize by a function of time, centred in a composite) trembles. Where each frame should move a point
#    0.4 pixels outwards, a step is off by up to 0.64 pixels, and 21 of 71 steps go backwards.
# 2. A layer whose position moves by a quarter of a pixel a frame stands still in 54 of 71 steps and jumps by a whole
#    pixel in 17.
# Slow moves of a camera over a picture are what an animatic is made of. Tower moves them by OpenCV within moviepy's
# transform, between pixels (tower/assembly/camera.py).
#
# Seen on 2026-11-29, Python 3.11, Linux. Fails if any of it changes. Needs python3.11 or newer, a package index, a minute.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet moviepy==2.2.1 pillow==11.3.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from moviepy import ColorClip, CompositeVideoClip, ImageClip, vfx

WIDTH, HEIGHT, FPS, FRAMES = 512, 288, 24, 72
POINT = (400.0, 80.0)
across, down = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
spot = 255 * np.exp(-((across - POINT[0]) ** 2 + (down - POINT[1]) ** 2) / (2 * 6.0**2))
picture = np.repeat(spot[:, :, None], 3, axis=2).astype(np.uint8)


def places(layer):
    """The middle of the spot, across, in each frame."""
    ground = ColorClip((WIDTH, HEIGHT), (0, 0, 0)).with_duration(FRAMES / FPS)
    film = CompositeVideoClip([ground, layer.with_duration(FRAMES / FPS)], size=(WIDTH, HEIGHT))
    seen = [film.get_frame(number / FPS)[:, :, 0].astype(float) for number in range(FRAMES)]
    return np.array([(frame * across).sum() / frame.sum() for frame in seen])


def scale(time_s):
    return 1 + 0.2 * time_s * FPS / FRAMES


zoomed = places(ImageClip(picture).with_effects([vfx.Resize(scale)]).with_position("center"))
wanted = [WIDTH / 2 + (POINT[0] + 0.5 - WIDTH / 2) * scale(number / FPS) for number in range(FRAMES)]
off = np.diff(zoomed) - np.diff(wanted)
moved = places(ImageClip(picture).with_position(lambda time_s: (0.25 * time_s * FPS, 0)))
steps = np.diff(moved)
found = {
    "a step of the zoom, wanted": round(float(np.diff(wanted).mean()), 2),
    "most that a step is off": round(float(np.abs(off).max()), 2),
    "steps backwards": int((np.diff(zoomed) < -0.05).sum()),
    "frames that stand, of a layer that moves": int((np.abs(steps) < 0.05).sum()),
    "frames that jump by a pixel": int((np.abs(steps - 1) < 0.05).sum()),
}
for name, value in found.items():
    print(name, value)
assert found == {
    "a step of the zoom, wanted": 0.4,
    "most that a step is off": 0.64,
    "steps backwards": 21,
    "frames that stand, of a layer that moves": 54,
    "frames that jump by a pixel": 17,
}
PYTHON
