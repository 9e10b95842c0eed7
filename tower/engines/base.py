"""What every render engine takes, gives and promises, and how it is declared."""

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
    """A character as the engine needs it: how it looks, and a picture of it if there is one."""

    name: str
    description: str = ""
    traits: dict[str, str] = field(default_factory=dict)
    reference_image: str | None = None


@dataclass(frozen=True)
class Shot:
    """All that a picture depends on. Equal shots on one engine version give equal pictures.

    Sizes in pixels, both even, 256…2048. `frames` at `fps`: the clip has exactly that many. They begin at frame
    `start_frame` of a whole of `whole_frames` (None: this is the whole), for engines that can draw a part of a shot.
    """

    prompt: str
    negative_prompt: str
    seed: int
    width: int
    height: int
    fps: int
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
    graph: WorkflowGraph | None = None  # for the engines that render one


class Watch(Protocol):
    """How an engine tells of its progress and hears of a cancel."""

    def progress(self, fraction: float, step: str) -> None:
        """Tell that `fraction` (0…1) is done and what is done now ("frame 12 of 72"). Cheap: call it for every frame.

        Raises CancelledError or SupersededError: the engine then stops at once and leaves no file.
        """


class Engine(Protocol):
    """A shot in, a clip out."""

    def render(self, shot: Shot, *, prompt_id: str, target: Path, watch: Watch) -> tuple[str, ...]:
        """Write the clip to `target`, which does not exist yet, as a playable MP4 file.

        What the user should know of how it was made (what was changed to make it possible) comes back in sentences.

        `prompt_id` names this render for the engine's server; calling again with the same id takes up what is there.
        Raises RenderError with one sentence if the engine cannot make it.
        """


def _nothing(_settings: Settings) -> str | None:
    return None


@dataclass(frozen=True)
class EngineEntry:
    """An engine as its entry point names it: light, so that every process can know of it without loading it.

    `name`: the entry point's. `version`: changes whenever the same shot would give another picture: it is part of
    the fingerprint of each take. `open`: loads the engine; raises any error where this machine cannot.

    `lacks`: what a machine with these settings lacks to render with it, in one sentence; None if nothing. It is called
    for each request, so it asks no server. `unavailable_code`: the error's code where every machine lacks it.
    `draws_graphs`: its shots come with a ComfyUI graph, and its takes are of a model file.
    """

    name: str
    version: str
    open: Callable[[Settings], Engine]
    _: KW_ONLY
    lacks: Callable[[Settings], str | None] = _nothing
    unavailable_code: ErrorCode = ErrorCode.ENGINE_UNAVAILABLE
    draws_graphs: bool = False
