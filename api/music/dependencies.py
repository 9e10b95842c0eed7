"""The collaborators of the music service, and the dependencies that hand them to its endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request
from fastapi import Path as PathParameter

from api.http.collaborators import Collaborators, collaborators_of
from api.http.dependencies import CurrentSettings
from api.http.paging import MAX_ID
from tower.beats.pool import AnalyserPool
from tower.beats.trial import LibraryTrial
from tower.clients.apple_music import AppleMusicClient, LazyAppleMusic
from tower.library.monitor import QualityMonitor
from tower.library.playing import OpusCache
from tower.library.roots import library_roots
from tower.library.scans import LibraryScans


@dataclass(frozen=True, kw_only=True)
class MusicCollaborators(Collaborators):
    """`beat_threads` limits how many analyses wait in threads of their own."""

    scans: LibraryScans
    monitor: QualityMonitor
    copies: OpusCache
    beats: AnalyserPool
    trial: LibraryTrial
    beat_threads: CapacityLimiter
    apple_music: LazyAppleMusic


def _roots(settings: CurrentSettings) -> tuple[Path, ...]:
    """Not a coroutine: it resolves links on the disk."""
    return library_roots(settings)


async def _scans(request: Request) -> LibraryScans:
    return collaborators_of(request.app, MusicCollaborators).scans


async def _monitor(request: Request) -> QualityMonitor:
    return collaborators_of(request.app, MusicCollaborators).monitor


async def _copies(request: Request) -> OpusCache:
    return collaborators_of(request.app, MusicCollaborators).copies


async def _beats(request: Request) -> AnalyserPool:
    return collaborators_of(request.app, MusicCollaborators).beats


async def _trial(request: Request) -> LibraryTrial:
    return collaborators_of(request.app, MusicCollaborators).trial


def _apple_music(request: Request) -> AppleMusicClient:
    """Not a coroutine: the first call reads the developer key from the disk."""
    return collaborators_of(request.app, MusicCollaborators).apple_music.client()


Roots = Annotated[tuple[Path, ...], Depends(_roots)]
Scans = Annotated[LibraryScans, Depends(_scans)]
Monitor = Annotated[QualityMonitor, Depends(_monitor)]
Copies = Annotated[OpusCache, Depends(_copies)]
Beats = Annotated[AnalyserPool, Depends(_beats)]
BeatTrial = Annotated[LibraryTrial, Depends(_trial)]
AppleMusic = Annotated[AppleMusicClient, Depends(_apple_music)]
RowNumber = Annotated[int, PathParameter(ge=1, le=MAX_ID)]
