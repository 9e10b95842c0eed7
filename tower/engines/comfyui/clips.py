"""The file that a prompt made: found among its outputs, fetched, and looked at before anyone calls it a clip."""

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

CLIPS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif", ".webp")  # the best first
STILLS = (".png", ".webp", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Wanted:
    width: int
    height: int
    frames: int
    still: bool

    @property
    def size(self) -> tuple[int, int]:
        return (self.width, self.height)


def take(client: ComfyUIClient, job: Job, target: Path, *, wanted: Wanted, teller: Teller) -> None:
    """Fetch what the job made to `target`, which is there whole and as wanted, or not at all.

    Raises ComfyUIError: NO_FILE, BAD_FILE, WRONG_FRAMES, which another run may mend, and NOT_AS_ASKED.
    """
    file = _chosen(job, STILLS if wanted.still else CLIPS)

    def on_bytes(received: int, total: int) -> None:
        teller.tell(FETCHING + (1 - FETCHING) * received / max(total, 1) * 0.99, "fetching the clip")

    with writing(target) as part:
        client.view(file, part, on_bytes=on_bytes)
        (_check_still if wanted.still else _check_clip)(part, file, wanted)
    teller.tell(1.0, "fetched")


def _chosen(job: Job, kinds: tuple[str, ...]) -> OutputFile:
    """A saved file rather than a preview; of several the best kind, and of one kind the last."""
    fit = [file for file in job.files if file.suffix in kinds]
    if not fit:
        made = ", ".join(file.filename for file in job.files) or "nothing"
        said = f"ComfyUI ended in success but made no {kinds[0][1:]} file (it made {made})"
        raise ComfyUIError(Fault.NO_FILE, f"{said}; see in its log what the encoder says, and what the graph saves")
    return max(enumerate(fit), key=lambda one: (one[1].type == "output", -kinds.index(one[1].suffix), one[0]))[1]


def _check_clip(part: Path, file: OutputFile, wanted: Wanted) -> None:
    if file.suffix != ".mp4":
        said = f"The graph saves {file.suffix} files; set the format of its last node to video/h264-mp4"
        raise ComfyUIError(Fault.NOT_AS_ASKED, said)
    try:
        found = probe(part)
    except MediaUnreadableError as damaged:
        said = f"ComfyUI made a file that is no whole video ({damaged.message}); its video encoder may have failed"
        raise ComfyUIError(Fault.BAD_FILE, said) from damaged
    if (found.width, found.height) != wanted.size:
        raise _wrong_size((found.width, found.height), wanted)
    if found.frames != wanted.frames:
        said = f"ComfyUI made {found.frames} frames instead of {wanted.frames}; see what the graph does to its frames"
        raise ComfyUIError(Fault.WRONG_FRAMES, said)


def _check_still(part: Path, file: OutputFile, wanted: Wanted) -> None:
    content = np.frombuffer(part.read_bytes(), np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if picture is None:
        raise ComfyUIError(Fault.BAD_FILE, f"ComfyUI made a file that is no picture: {file.filename}")
    height, width = picture.shape[:2]
    if (width, height) != wanted.size:
        raise _wrong_size((width, height), wanted)


def _wrong_size(found: tuple[int, int], wanted: Wanted) -> ComfyUIError:
    said = "ComfyUI made {}×{} instead of {}×{}".format(*found, *wanted.size)
    return ComfyUIError(Fault.NOT_AS_ASKED, f"{said}; bind the size of the workflow, or crop at its end")
