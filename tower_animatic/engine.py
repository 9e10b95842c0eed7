"""The engine: renders a shot as a moving storyboard on the CPU."""

from __future__ import annotations

from pathlib import Path

import av

from tower.engines.base import Shot, Watch
from tower.errors import RenderError
from tower.media.encode import VideoWriter
from tower_animatic.entry import NAME, VERSION
from tower_animatic.film import draw_frames
from tower_animatic.mood import read_setting
from tower_animatic.notes import describe_limits

MIN_SIZE, MAX_SIZE = 256, 2048
MIN_FPS, MAX_FPS = 1, 120


class AnimaticEngine:
    """Implements tower.engines.base.Engine. Equal shots give equal decoded frames."""

    def render(self, shot: Shot, *, prompt_id: str, target: Path, watch: Watch) -> tuple[str, ...]:
        """Write the clip to `target`, and return a sentence for each thing of the shot that the picture lacks.

        Nothing is left at `target` if rendering fails or `watch` stops it.

        Raises RenderError for an invalid shot, an unreadable reference image or a full disk.
        """
        _check(shot)
        notes = describe_limits(read_setting(shot.prompt, shot.seed), shot)
        size = (shot.width, shot.height)
        try:
            frames = draw_frames(shot)
            with VideoWriter(
                target, size=size, fps=shot.fps, frames=shot.frames, tags=_tags(shot, prompt_id, notes)
            ) as writer:
                for number, frame in enumerate(frames, start=1):
                    writer.write(frame)
                    watch.progress(number / shot.frames, f"frame {number} of {shot.frames}")
        except MemoryError as error:
            raise RenderError(f"There is not enough memory to draw {shot.width}×{shot.height}") from error
        except (OSError, av.FFmpegError) as error:
            raise RenderError(f"The animatic engine could not write the clip to {target}: {error}") from error
        return notes


def _check(shot: Shot) -> None:
    if any(side % 2 or not MIN_SIZE <= side <= MAX_SIZE for side in (shot.width, shot.height)):
        raise RenderError(
            f"The animatic engine cannot draw {shot.width}×{shot.height}: "
            f"width and height must be even and {MIN_SIZE} to {MAX_SIZE} pixels."
        )
    if not MIN_FPS <= shot.fps <= MAX_FPS:
        raise RenderError(
            f"The animatic engine cannot draw {shot.fps} frames per second: fps must be {MIN_FPS} to {MAX_FPS}."
        )
    if shot.frames < 1:
        raise RenderError(f"The animatic engine cannot draw {shot.frames} frames: frames must be at least 1.")


def _tags(shot: Shot, prompt_id: str, notes: tuple[str, ...]) -> dict[str, str]:
    return {
        "title": " ".join(shot.prompt.split())[:120],
        "comment": f"engine: {NAME} {VERSION}",
        "description": " ".join([f"A moving storyboard, not a final picture. seed: {shot.seed}.", *notes]),
        "episode_id": prompt_id,
    }
