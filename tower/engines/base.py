"""The interface of a render engine, and its declaration as an entry point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Protocol

from tower.errors.codes import ErrorCode
from tower.settings import Settings
from tower.workflows.graph import WorkflowGraph


@dataclass(frozen=True)
class CastMember:
    """A character as the engine needs it: its looks, and a reference image if there is one."""

    name: str
    description: str = ""
    traits: dict[str, str] = field(default_factory=dict)
    reference_image: str | None = None


@dataclass(frozen=True)
class Shot:
    """Everything that a picture depends on. Equal shots on one engine version give equal pictures.

    Sizes are in pixels, even, 256…2048. The clip has exactly `frames` frames at `fps` frames per second
    (23.976… stands for 24000/1001, as VideoWriter writes it). They begin at frame `start_frame` of a whole of
    `whole_frames` (None: the shot is the whole), for engines that render parts.
    """

    prompt: str
    negative_prompt: str
    seed: int
    width: int
    height: int
    fps: int | float
    frames: int
    start_frame: int = 0
    whole_frames: int | None = None
    style: str = "anime"
    scene_type: str = "dialogue"
    caption: str = ""
    cast: tuple[CastMember, ...] = ()
    model: str = "counterfeit_v3.safetensors"
    steps: int = 30
    cfg: float = 8.0
    sampler: str = "dpmpp_2m"
    scheduler: str = "karras"
    graph: WorkflowGraph | None = None  # for engines that render ComfyUI graphs


class Watch(Protocol):
    """Receives the progress of an engine, and stops it when the job is cancelled."""

    def progress(self, fraction: float, step: str) -> None:
        """Report the finished `fraction` (0…1) and the current `step` ("frame 12 of 72"). Call it for every frame.

        Raises CancelledError or SupersededError; the engine must then stop at once and leave no file.
        """


class Engine(Protocol):
    """Renders shots to clips."""

    def render(self, shot: Shot, *, prompt_id: str, target: Path, watch: Watch) -> tuple[str, ...]:
        """Write the clip to `target`, which does not exist yet, as a playable MP4 file.

        Returns sentences for the user, for example about a setting that had to change.

        `prompt_id` identifies this render on the engine's server; a call with the same id continues earlier work.
        Raises RenderError with one sentence if the engine cannot render the shot.
        """


def _lacks_nothing(_settings: Settings) -> str | None:
    return None


@dataclass(frozen=True)
class EngineEntry:
    """The declaration of an engine, which its entry point names. Every process imports it, so it must be light.

    `name`: the name of the entry point. `version`: changes whenever the same shot would give another picture, and is
    part of the fingerprint of each take. `open`: loads the engine, or raises any error if this machine cannot.

    `lacks`: returns one sentence about what a machine with these settings lacks to use the engine, or None. Each
    request calls it, so it must not ask a server. `unavailable_code`: the error code if no machine can use the engine.
    `draws_graphs`: its shots have a ComfyUI graph, and its takes come from a model file. `uses_trained_model`: its
    pictures come from a trained model, which the mark of a published film says.
    """

    name: str
    version: str
    open: Callable[[Settings], Engine]
    _: KW_ONLY
    lacks: Callable[[Settings], str | None] = _lacks_nothing
    unavailable_code: ErrorCode = ErrorCode.ENGINE_UNAVAILABLE
    draws_graphs: bool = False
    uses_trained_model: bool = True
