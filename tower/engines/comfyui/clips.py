"""Selects the output file of a prompt, downloads it, and checks it before it becomes a clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, Fault
from tower.clients.comfyui.jobs import Job, OutputFile
from tower.engines.comfyui.progress import FETCHING, Teller
from tower.media.decode import MediaUnreadableError
from tower.media.files import writing
from tower.media.probe import probe

CLIPS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif", ".webp")  # in order of preference
STILLS = (".png", ".webp", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Wanted:
    """The file that a shot must produce. `still`: a picture instead of a clip."""

    width: int
    height: int
    frames: int
    still: bool

    @property
    def size(self) -> tuple[int, int]:
        return (self.width, self.height)


def take(client: ComfyUIClient, job: Job, target: Path, *, wanted: Wanted, teller: Teller) -> None:
    """Download the output of a job to `target`, which appears only when it is complete and as expected.

    Raises ComfyUIError: NO_FILE, BAD_FILE or WRONG_FRAMES, which another run may solve, and NOT_AS_ASKED.
    """
    file = _best_file(job, STILLS if wanted.still else CLIPS)

    def on_bytes(received: int, total: int) -> None:
        teller.tell(FETCHING + (1 - FETCHING) * received / max(total, 1) * 0.99, "fetching the clip")

    with writing(target) as part:
        client.view(file, part, on_bytes=on_bytes)
        (_check_still if wanted.still else _check_clip)(part, file, wanted)
    teller.tell(1.0, "fetched")


def _best_file(job: Job, kinds: tuple[str, ...]) -> OutputFile:
    """The best file: saved files before previews, then by preferred kind, then the last one."""
    candidates = [file for file in job.files if file.suffix in kinds]
    if not candidates:
        filenames = ", ".join(file.filename for file in job.files) or "nothing"
        message = f"ComfyUI succeeded but made no {kinds[0][1:]} file (it made {filenames})"
        raise ComfyUIError(
            Fault.NO_FILE, f"{message}; check its log for the encoder, and the output nodes of the graph"
        )
    return max(
        enumerate(candidates), key=lambda item: (item[1].type == "output", -kinds.index(item[1].suffix), item[0])
    )[1]


def _check_clip(part: Path, file: OutputFile, wanted: Wanted) -> None:
    if file.suffix != ".mp4":
        message = f"The graph saves {file.suffix} files; set the format of its last node to video/h264-mp4"
        raise ComfyUIError(Fault.NOT_AS_ASKED, message)
    try:
        found = probe(part)
    except MediaUnreadableError as error:
        message = (
            f"ComfyUI made a file that is not a complete video ({error.message}); its video encoder may have failed"
        )
        raise ComfyUIError(Fault.BAD_FILE, message) from error
    if (found.width, found.height) != wanted.size:
        raise _wrong_size((found.width, found.height), wanted)
    if found.frames != wanted.frames:
        message = f"ComfyUI made {found.frames} frames instead of {wanted.frames}; check what the graph does to them"
        raise ComfyUIError(Fault.WRONG_FRAMES, message)


def _check_still(part: Path, file: OutputFile, wanted: Wanted) -> None:
    content = np.frombuffer(part.read_bytes(), np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if picture is None:
        raise ComfyUIError(Fault.BAD_FILE, f"ComfyUI made a file that is not a picture: {file.filename}")
    height, width = picture.shape[:2]
    if (width, height) != wanted.size:
        raise _wrong_size((width, height), wanted)


def _wrong_size(found: tuple[int, int], wanted: Wanted) -> ComfyUIError:
    message = "ComfyUI made {}×{} instead of {}×{}".format(*found, *wanted.size)
    return ComfyUIError(Fault.NOT_AS_ASKED, f"{message}; bind the size of the workflow, or crop at its end")
