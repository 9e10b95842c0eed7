"""The camera: its framing and its movement by the type of scene."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tower_animatic.paint import Pixels


@dataclass(frozen=True)
class Pose:
    """The position of the camera: a shift in stage units, a push-in (0.1 = 10 % at depth 1) and a roll in degrees."""

    x: float = 0.0
    y: float = 0.0
    push: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Camera:
    start: Pose
    end: Pose
    shake: float = 0.0
    """Amplitude of the hand-held movement, in stage units."""
    figure_height: float = 0.6
    """Height of a person in the frame; above 1 the lower edge cuts it off."""
    speed_lines: bool = False
    bokeh: bool = False

    def pose(self, progress: float, seconds: float) -> Pose:
        """The pose at `progress` (0…1) of the shot."""
        e = _eased(progress)
        sway = [self.shake * _wander(seconds, phase) for phase in (0.0, 2.1)]
        return Pose(
            x=_between(self.start.x, self.end.x, e) + sway[0],
            y=_between(self.start.y, self.end.y, e) + sway[1],
            push=_between(self.start.push, self.end.push, e),
            roll=_between(self.start.roll, self.end.roll, e) + sway[0] * 20,
        )

    def margin(self, depth: float) -> tuple[float, float]:
        """How far a layer must extend beyond each side of the frame, in stage units, as (x, y)."""
        poses = (self.start, self.end)
        tilt = math.radians(max(abs(pose.roll) for pose in poses) + self.shake * 20) * 0.6
        across, down = (
            max(abs(value) for value in values) for values in zip(*((p.x, p.y) for p in poses), strict=True)
        )
        return ((across + self.shake) * depth + tilt + 0.01, (down + self.shake) * depth + tilt + 0.01)


def choose_camera(scene_type: str, seconds: float, seed: int) -> Camera:
    """The camera of a scene type. It travels further in longer shots; the seed decides the direction."""
    side = 1.0 if seed % 2 else -1.0
    reach = min(1.0, 0.4 + seconds / 8)
    if scene_type == "action":
        start, end = (
            Pose(0.17 * side * reach, 0.02, 0.04, -1.4 * side),
            Pose(-0.17 * side * reach, -0.01, 0.12, 1.2 * side),
        )
        return Camera(start, end, shake=0.004, figure_height=0.62, speed_lines=True)
    if scene_type == "emotional":
        start, end = Pose(0.035 * side * reach, 0.02, 0.03), Pose(-0.035 * side * reach, -0.012, 0.065)
        return Camera(start, end, shake=0.0015, figure_height=0.84, bokeh=True)
    if scene_type == "epic":
        start, end = Pose(0.025 * side, 0.10 * reach, 0.10), Pose(-0.02 * side, -0.045 * reach, 0.0)
        return Camera(start, end, figure_height=0.30)
    start, end = Pose(-0.02 * side, 0.004, 0.0), Pose(0.02 * side, -0.004, 0.04 + 0.06 * reach)
    return Camera(start, end, shake=0.001, figure_height=1.06)


def camera_matrix(pose: Pose, depth: float, *, unit: float, centre: tuple[float, float]) -> Pixels:
    """The 2 × 3 matrix from the stage (pixels of the frame at rest) to the screen, for one depth."""
    scale = 1 + pose.push * depth
    angle = math.radians(pose.roll)
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    cx, cy = centre
    dx, dy = -pose.x * depth * unit, -pose.y * depth * unit
    return np.array([[cos, -sin, cx - cos * cx + sin * cy + dx], [sin, cos, cy - sin * cx - cos * cy + dy]], np.float64)


def _eased(progress: float) -> float:
    """Progress with a soft start and stop that never rests, because a frozen storyboard looks broken."""
    p = min(1.0, max(0.0, progress))
    return 0.35 * p + 0.65 * p * p * (3 - 2 * p)


def _wander(seconds: float, phase: float) -> float:
    return 0.6 * math.sin(1.9 * seconds + phase) + 0.4 * math.sin(3.1 * seconds + 1.7 * phase + 1)


def _between(first: float, second: float, share: float) -> float:
    return first + (second - first) * share
