"""Which engine renders."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models.workers import Worker, WorkerState
from tower.engines import versions
from tower.engines.base import Engine
from tower.errors import UnavailableError
from tower.errors.codes import ErrorCode
from tower.jobs.spec import EngineChoice
from tower.rendering.workers import SEEN_LATELY
from tower.settings import Settings

VERSIONS = {EngineChoice.ANIMATIC: versions.ANIMATIC, EngineChoice.COMFYUI: versions.COMFYUI}
MEND = "set TOWER_COMFYUI_URL, or start `tower worker gpu --comfyui URL`"


@dataclass(frozen=True)
class EngineName:
    """An engine as a shot's fingerprint knows it."""

    name: str
    version: str


def chosen(asked: EngineChoice, settings: Settings) -> EngineChoice:
    """What a machine with these settings renders with."""
    wanted = asked if asked != EngineChoice.AUTO else EngineChoice(settings.engine)
    if wanted != EngineChoice.AUTO:
        return wanted
    return EngineChoice.COMFYUI if settings.comfyui_url else EngineChoice.ANIMATIC


def chosen_by_pool(session: Session, asked: EngineChoice, settings: Settings) -> EngineName:
    """What a job is rendered with: ComfyUI where this machine or any worker has one, unless another was asked for.

    Raises UnavailableError if ComfyUI was asked for and there is none.
    """
    choice = chosen(asked, settings)
    on_workers = _a_worker_has_comfyui(session)
    if asked == EngineChoice.AUTO and settings.engine == "auto" and on_workers:
        choice = EngineChoice.COMFYUI
    if choice == EngineChoice.COMFYUI and not (settings.comfyui_url or on_workers):
        raise UnavailableError(f"There is no ComfyUI to render with: {MEND}", code=ErrorCode.NO_COMFYUI)
    return EngineName(choice.value, VERSIONS[choice])


def engine_for(choice: EngineChoice, settings: Settings) -> Engine:
    """The engine itself, on this machine. Raises UnavailableError if it has no ComfyUI and needs one."""
    if choice == EngineChoice.ANIMATIC:
        from tower_animatic.engine import AnimaticEngine  # loads picture libraries

        return AnimaticEngine()
    if settings.comfyui_url is None:
        raise UnavailableError(f"This machine has no ComfyUI: {MEND}", code=ErrorCode.COMFYUI_UNREACHABLE)
    from tower.clients.comfyui.client import ComfyUIClient
    from tower.engines.comfyui.engine import ComfyUIEngine

    return ComfyUIEngine(ComfyUIClient(settings.comfyui_url))


def _a_worker_has_comfyui(session: Session) -> bool:
    there = (Worker.state != WorkerState.STOPPED, Worker.seen_at > func.now() - SEEN_LATELY)
    having = select(Worker.name).where(Worker.engine == EngineChoice.COMFYUI, *there)
    return session.scalar(having.limit(1)) is not None
