"""Selects the output file of a prompt, downloads it, checks it, and takes off what was rendered beyond the shot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.jobs import OutputFile, PromptJob
from tower.engines.comfyui.fitting import crop_middle, fit_clip
from tower.engines.comfyui.progress import FETCH_STARTS_AT, RenderReporter
from tower.media.decode import MediaUnreadableError
from tower.media.files import write_atomically
from tower.media.pictures import decode_picture
from tower.media.probe import probe

CLIP_SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif", ".webp")  # in order of preference
STILL_SUFFIXES = (".png", ".webp", ".jpg", ".jpeg")


@dataclass(frozen=True)
class ExpectedClip:
    """The file that a shot must produce. `is_still`: a picture instead of a clip.

    `rendered`: the width, height and frames that the graph renders, where the server takes none that are smaller.
    """

    width: int
    height: int
    frames: int
    is_still: bool
    rendered: tuple[int, int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        return (self.width, self.height)

    @property
    def sizes(self) -> set[tuple[int, int]]:
        """The size of the shot, and the one that is rendered for it."""
        return {self.size, self.rendered[:2] if self.rendered else self.size}

    @property
    def counts(self) -> set[int]:
        """The frames of the shot, and those that are rendered for it."""
        return {self.frames, self.rendered[2] if self.rendered else self.frames}


def fetch_output(
    client: ComfyUIClient, job: PromptJob, target: Path, *, expected: ExpectedClip, reporter: RenderReporter
) -> None:
    """Download the output of a job to `target`, which appears only when it is complete and as expected.

    Raises ComfyUIError: NO_FILE, BAD_FILE or WRONG_FRAMES, which another run may solve, and NOT_AS_ASKED.
    """
    file = _best_file(job, STILL_SUFFIXES if expected.is_still else CLIP_SUFFIXES)

    def on_bytes(received: int, total: int) -> None:
        reporter.report(FETCH_STARTS_AT + (1 - FETCH_STARTS_AT) * received / max(total, 1) * 0.99, "fetching the clip")

    with write_atomically(target) as part:
        client.download(file, part, on_bytes=on_bytes)
        (_check_still if expected.is_still else _check_clip)(part, file, expected)
    reporter.report(1.0, "fetched")


def _best_file(job: PromptJob, kinds: tuple[str, ...]) -> OutputFile:
    """The best file: saved files before previews, then by preferred kind, then the last one."""
    candidates = [file for file in job.files if file.suffix in kinds]
    if not candidates:
        filenames = ", ".join(file.filename for file in job.files[:5]) or "nothing"
        message = f"ComfyUI succeeded but made no {kinds[0][1:]} file (it made {filenames})"
        remedy = "check its log for the encoder, and the output nodes of the graph"
        fault = ComfyUIFault.NOT_AS_ASKED if job.files else ComfyUIFault.NO_FILE  # a graph of pictures makes no clip
        raise ComfyUIError(fault, f"{message}; {remedy}")
    return max(
        enumerate(candidates), key=lambda item: (item[1].type == "output", -kinds.index(item[1].suffix), item[0])
    )[1]


def _check_clip(part: Path, file: OutputFile, wanted: ExpectedClip) -> None:
    if file.suffix != ".mp4":
        message = f"The graph saves {file.suffix} files; set the format of its last node to video/h264-mp4"
        raise ComfyUIError(ComfyUIFault.NOT_AS_ASKED, message)
    try:
        found = probe(part)
    except MediaUnreadableError as error:
        message = (
            f"ComfyUI made a file that is not a complete video ({error.message}); its video encoder may have failed"
        )
        raise ComfyUIError(ComfyUIFault.BAD_FILE, message) from error
    if (found.width, found.height) not in wanted.sizes:
        raise _wrong_size((found.width, found.height), wanted)
    if found.frames not in wanted.counts:
        message = f"ComfyUI made {found.frames} frames instead of {wanted.frames}; check what the graph does to them"
        raise ComfyUIError(ComfyUIFault.WRONG_FRAMES, message)
    if (found.width, found.height, found.frames) != (*wanted.size, wanted.frames):
        fit_clip(part, size=wanted.size, frames=wanted.frames, fps=float(found.fps))


def _check_still(part: Path, file: OutputFile, wanted: ExpectedClip) -> None:
    picture = decode_picture(part)
    if picture is None:
        raise ComfyUIError(ComfyUIFault.BAD_FILE, f"ComfyUI made a file that is not a picture: {file.filename}")
    height, width = picture.shape[:2]
    if (width, height) not in wanted.sizes:
        raise _wrong_size((width, height), wanted)
    if (width, height) != wanted.size:
        cropped = crop_middle(np.asarray(picture, np.uint8), wanted.size)
        part.write_bytes(cv2.imencode(file.suffix, cropped)[1].tobytes())


def _wrong_size(found: tuple[int, int], wanted: ExpectedClip) -> ComfyUIError:
    message = "ComfyUI made {}×{} instead of {}×{}".format(*found, *wanted.size)
    remedy = "look for the node that changes the size, or crop at the end of the workflow"
    return ComfyUIError(ComfyUIFault.NOT_AS_ASKED, f"{message}; {remedy}")
