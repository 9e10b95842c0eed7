"""What the endpoints of the music service are handed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi import Path as PathParameter

from api.http.dependencies import CurrentSettings
from api.http.paging import LARGEST_ID
from tower.library.monitor import QualityMonitor
from tower.library.playing import OpusCopies
from tower.library.roots import library_roots
from tower.library.scans import LibraryScans


def _roots(settings: CurrentSettings) -> tuple[Path, ...]:
    return library_roots(settings)


def _scans(request: Request) -> LibraryScans:
    return cast(LibraryScans, request.app.state.library_scans)


def _monitor(request: Request) -> QualityMonitor:
    return cast(QualityMonitor, request.app.state.quality_monitor)


def _copies(request: Request) -> OpusCopies:
    return cast(OpusCopies, request.app.state.opus_copies)


Roots = Annotated[tuple[Path, ...], Depends(_roots)]
Scans = Annotated[LibraryScans, Depends(_scans)]
Monitor = Annotated[QualityMonitor, Depends(_monitor)]
Copies = Annotated[OpusCopies, Depends(_copies)]
RowNumber = Annotated[int, PathParameter(ge=1, le=LARGEST_ID)]
